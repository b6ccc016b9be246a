package ami

import (
	"bytes"
	"compress/gzip"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/marqo-ai/ec2-github-runner/bootstrap"
	"github.com/marqo-ai/ec2-github-runner/machine"
)

// TestEarly: which user data an image's early unit runs, and which it leaves to cloud-init.
func TestEarly(t *testing.T) {
	t.Parallel()
	packed := func(data []byte, err error) []byte {
		if err != nil {
			t.Fatal(err)
		}
		return data
	}
	zipped := func(text string) []byte {
		var b bytes.Buffer
		w := gzip.NewWriter(&b)
		if _, err := w.Write([]byte(text)); err != nil {
			t.Fatal(err)
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		return b.Bytes()
	}
	byJIT := packed(bootstrap.Spec{URL: "https://github.com/o/r", JITConfig: "e30="}.UserData())
	for name, c := range map[string]struct {
		data []byte
		ours bool
	}{
		"a runner by JIT": {byJIT, true},
		"a runner by token": {packed(bootstrap.Spec{URL: "https://github.com/o/r", Token: "A",
			Machine: machine.Machine{PreRunnerScript: "echo \xff\x00"[:6]}}.UserData()), true},
		"the same, uncompressed": {[]byte(unpacked(t, byJIT)), true},
		"a builder":              {packed(recipe("cuda").UserData()), true},
		"none":                   {nil, false},
		"empty":                  {[]byte{}, false},
		"cloud-config":           {[]byte("#cloud-config\nruncmd: [ls]\n"), false},
		"somebody's script":      {[]byte("#!/bin/bash\negr_token=x\n# end of values\n"), false},
		"somebody's boothook":    {[]byte("#cloud-boothook\n#!/bin/bash\necho hello\n# end of values\n"), false},
		"somebody's, compressed": {zipped("#cloud-boothook\n#!/bin/sh\necho hello\n"), false},
		"cut":                    {byJIT[:len(byJIT)/2], false},
		"without its end":        {zipped("#cloud-boothook\n#!/bin/bash\negr_token=x\n"), false},
		"letters of no language": {[]byte("\xff\xfe\x00\x00"), false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ran, ok := early(t, c.data)
			if ok != c.ours {
				t.Fatalf("taken for ours: %v, want %v", ok, c.ours)
			}
			if !ok {
				return
			}
			// cloud-init's own call is to find the same bytes.
			plain := string(c.data)
			if plain[:2] == "\x1f\x8b" {
				plain = unpacked(t, c.data)
			}
			if want := strings.TrimPrefix(plain, "#cloud-boothook\n"); ran != want {
				t.Errorf("it runs %d bytes, want %d", len(ran), len(want))
			}
		})
	}
}

// early runs the image's early unit on a machine with the user data, and returns what it ran.
func early(t *testing.T, data []byte) (ran string, ok bool) {
	t.Helper()
	dir := t.TempDir()
	// The metadata service, as far as curl is asked; it is slow to come up, and wants its token by standard input.
	const curl = `#!/bin/bash
case "$*" in
  *' PUT '*) if [ -e "$DIR/up" ]; then echo TOKEN; else touch "$DIR/up"; exit 7; fi ;;
  *) [ "$(cat)" = 'X-aws-ec2-metadata-token: TOKEN' ] && [ -e "$DIR/user-data" ] && cp "$DIR/user-data" data && ` +
		`echo i-0123 >id ;;
esac
`
	if err := os.WriteFile(filepath.Join(dir, "curl"), []byte(curl), 0o700); err != nil {
		t.Fatal(err)
	}
	if data != nil {
		if err := os.WriteFile(filepath.Join(dir, "user-data"), data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	const run = `bash -c 'trap wait EXIT; . "$0"' $to/boothook`
	code := text("early")
	if !strings.Contains(code, run) {
		t.Fatal("nothing is run")
	}
	code = strings.ReplaceAll(code, run,
		`bash -c 'cp "$0" "$DIR/ran"; echo "$INSTANCE_ID ${EGR_AFTER-unset}" >"$DIR/with"; : `+
			`>"$DIR/run/started"' $to/boothook`)
	code = strings.NewReplacer("/run/ec2-github-runner-early", dir+"/early", "/run/ec2-github-runner", dir+
		"/run").Replace(code)
	if err := os.Mkdir(filepath.Join(dir, "run"), 0o700); err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), "bash", "-c", code)
	cmd.Env = append(os.Environ(), "DIR="+dir, "PATH="+dir+":"+os.Getenv("PATH"))
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	if _, err := os.Stat(filepath.Join(dir, "early")); !os.IsNotExist(err) {
		t.Errorf("it leaves a folder behind: %v", err)
	}
	text, err := os.ReadFile(filepath.Join(dir, "ran"))
	if err != nil {
		return "", false
	}
	if with, err := os.ReadFile(filepath.Join(dir, "with")); err != nil || string(with) != "i-0123 \n" {
		t.Errorf("it runs with %q, %v", with, err)
	}
	return string(text), true
}
