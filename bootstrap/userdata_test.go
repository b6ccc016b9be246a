package bootstrap

import (
	"bytes"
	"compress/gzip"
	"errors"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf8"

	"pgregory.net/rapid"

	"github.com/marqo-ai/ec2-github-runner/machine"
)

// unpacked returns what cloud-init runs: the user data, decompressed and without its first line.
func unpacked(t rapid.TB, data []byte) []byte {
	t.Helper()
	r, err := gzip.NewReader(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	if !r.ModTime.IsZero() {
		t.Errorf("gzip header carries a time: %v", r.ModTime)
	}
	plain, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	rest, ok := bytes.CutPrefix(plain, []byte("#cloud-boothook\n"))
	if !ok {
		t.Fatalf("no #cloud-boothook in front: %.40q", plain)
	}
	return rest
}

// readBack runs the values and the decoding functions of the user data in bash, and returns what the machine would see.
func readBack(t rapid.TB, data []byte) map[string]string {
	t.Helper()
	dir, err := os.MkdirTemp("", "bootstrap")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = os.RemoveAll(dir) }()
	script := unpacked(t, data)
	chapter, err := shell.ReadFile("shell/values.sh")
	if err != nil {
		t.Fatal(err)
	}
	head, _, ok := bytes.Cut(script, []byte("# end of values\n"))
	if !ok {
		t.Fatal("values have no end")
	}
	// Only the directory differs from that on a machine.
	functions := strings.ReplaceAll(string(chapter), "/run/ec2-github-runner", dir)
	program := "LC_ALL=C\n" + string(head) + functions + `
egr_decode ${!egr_@}
for key in ${!egr_@} jit_config; do printf %s "${!key}" >"` + dir + `/$key"; done
for part in script packages certificates setup_script; do
  name=part_$part
  [ -z "${!name}" ] || egr_print_part $part >"` + dir + `/$part"
done
`
	if err := os.WriteFile(filepath.Join(dir, "boot"), script, 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("bash", "-s")
	cmd.Stdin = strings.NewReader(program)
	if out, err := cmd.CombinedOutput(); err != nil || len(out) > 0 {
		t.Fatalf("%v\n%s", err, out)
	}
	seen := map[string]string{}
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		text, err := os.ReadFile(filepath.Join(dir, e.Name()))
		if err != nil {
			t.Fatal(err)
		}
		seen[e.Name()] = string(text)
	}
	return seen
}

func checkRoundTrip(t rapid.TB, s Spec) {
	t.Helper()
	data, err := s.UserData()
	if err != nil {
		t.Fatal(err)
	}
	seen := readBack(t, data)
	list := ""
	for _, p := range s.Packages {
		list += p + "\x00"
	}
	jit := seen["jit_config"] + seen["egr_jit"]
	for _, c := range []struct{ what, got, want string }{
		{"name", seen["egr_name"], s.Name},
		{"labels", seen["egr_labels"], strings.Join(s.Labels, ",")},
		{"url", seen["egr_url"], s.URL},
		{"group", seen["egr_group"], s.Group},
		{"token", seen["egr_token"], s.Token},
		{"home_dir", seen["egr_home_dir"], s.HomeDir},
		{"user", seen["egr_user"], s.User},
		{"download token", seen["egr_download_token"], s.DownloadToken},
		{"jit", jit, s.JITConfig},
		{"script", seen["script"], strings.ReplaceAll(s.PreRunnerScript, "\r\n", "\n")},
		{"setup-script", seen["setup_script"], strings.ReplaceAll(s.SetupScript, "\r\n", "\n")},
		{"packages", seen["packages"], list},
		{"certificates", seen["certificates"], s.CACertificates},
	} {
		if c.got != c.want {
			t.Errorf("%s: the machine sees %q, want %q", c.what, c.got, c.want)
		}
	}
}

func TestEveryByteArrives(t *testing.T) {
	var all []byte
	for b := 1; b < 256; b++ {
		all = append(all, byte(b))
	}
	for name, text := range map[string]string{
		"plain":       "echo hello\n",
		"no end":      "echo hello",
		"newlines":    "\n\n\necho\n\n\n",
		"crlf":        "echo a\r\necho b\r\nlone \r stays\r\n",
		"quotes":      `'"` + "`" + `$(touch /tmp/x) \ \\ ${HOME} !! #`,
		"heredoc":     "cat <<EOF\nexit\n# end of values\nEOF\negr_token=AAAA\n",
		"yaml":        "- {a: b}\n%TAG\n---\n\t: | >\n",
		"mime":        "Content-Type: multipart/mixed\nMIME-Version: 1.0\n",
		"control":     "a\x01b\x7fc\x1b[31m\x08\x0c\n",
		"utf8":        "echo äöü € 日本語 🚀\n",
		"not utf8":    "echo \xff\xfe\xc3\n",
		"every byte":  string(all),
		"11 KB":       strings.Repeat("echo 'line' \"$(date)\" | tee -a /tmp/log # äöü\n", 11*1024/46),
		"boothook":    "#cloud-boothook\n#!/bin/sh\n",
		"only spaces": "   \n \n",
		"no":          "false", // a text like any other
		"none":        "0",
	} {
		t.Run(name, func(t *testing.T) {
			checkRoundTrip(t, Spec{
				URL: text, Name: text, Labels: []string{text}, Group: text, Token: text,
				Machine: machine.Machine{HomeDir: text,
					User: text, PreRunnerScript: text, Packages: []string{text, "git"}, SetupScript: text,
					CACertificates: text},
				DownloadToken: text,
			})
			if len(text) < 4096 {
				checkRoundTrip(t, Spec{JITConfig: text, Machine: machine.Machine{PreRunnerScript: text}})
			}
		})
	}
}

func TestAnySpecRoundTrips(t *testing.T) {
	text := rapid.Map(rapid.OneOf(
		rapid.String(),
		rapid.StringMatching(`[ -~\n\r\t]{0,200}`),
		rapid.Map(rapid.SliceOfN(rapid.Byte(), 0, 100), func(b []byte) string { return string(b) }),
	), func(s string) string { return strings.ReplaceAll(s, "\x00", "") })
	rapid.Check(t, func(rt *rapid.T) {
		s := Spec{
			URL: text.Draw(rt, "url"), Name: text.Draw(rt, "name"), Labels: rapid.SliceOf(text).Draw(rt, "labels"),
			Machine: machine.Machine{HomeDir: text.Draw(rt, "dir"), User: text.Draw(rt, "user"),
				PreRunnerScript: text.Draw(rt,
					"script"),
				Packages: rapid.SliceOf(text).Draw(rt, "packages"), CACertificates: text.Draw(rt, "ca")},
		}
		secret := "x" + text.Draw(rt, "secret")
		if rapid.Bool().Draw(rt, "jit") {
			s.JITConfig = secret
		} else {
			s.Token = secret
		}
		data, err := s.UserData()
		var tooLarge *TooLargeError
		if errors.As(err, &tooLarge) {
			return
		}
		again, _ := s.UserData()
		if !bytes.Equal(data, again) {
			rt.Error("the same Spec gave other bytes")
		}
		checkRoundTrip(rt, s)
	})
}

// TestCloudInitReadsItAsAScript: cloud-init takes user data as MIME if it finds this word near the beginning, and
// decodes it as UTF-8.
func TestCloudInitReadsItAsAScript(t *testing.T) {
	s := full()
	s.PreRunnerScript = "MIME-Version: 1.0\n\xff"
	s.Name = "mime-version:"
	data, err := s.UserData()
	if err != nil {
		t.Fatal(err)
	}
	plain := unpacked(t, data)
	if bytes.Contains(bytes.ToLower(plain[:4096]), []byte("mime-version:")) {
		t.Error("the word stands within the first 4096 bytes")
	}
	if !utf8.Valid(plain) || bytes.Contains(plain, []byte{0}) {
		t.Error("not UTF-8 text")
	}
}

func TestRefusals(t *testing.T) {
	for _, c := range []struct {
		name, want string
		change     func(*Spec)
	}{
		{"no secret", "a registration token or a JIT configuration", func(s *Spec) { s.Token = "" }},
		{"two secrets", "one of the two", func(s *Spec) { s.JITConfig = "a" }},
		{"NUL in the script", "NUL byte", func(s *Spec) { s.PreRunnerScript = "a\x00b" }},
		{"NUL in a package", "NUL byte", func(s *Spec) { s.Packages = []string{"a\x00b"} }},
		{"architecture", "not a runner download", func(s *Spec) { s.Software[0].Architecture = "arm" }},
		{"blank in an address", "not a runner download", func(s *Spec) { s.Software[0].URL = "https://a b" }},
		{"NUL in the setup", "NUL byte", func(s *Spec) { s.SetupScript = "a\x00b" }},
		{"a warm-up with a token", "registers nothing", func(s *Spec) { s.Warm, s.PreRunnerScript = true, "" }},
		{"a warm-up with a JIT configuration", "registers nothing",
			func(s *Spec) { s.Warm, s.Token, s.JITConfig, s.PreRunnerScript = true, "", "a", "" }},
		{"a warm-up with a script for the job", "runs no pre-runner-script",
			func(s *Spec) { s.Warm, s.Token = true, "" }},
		{"a warm-up without an end", "needs a registration timeout", func(s *Spec) {
			s.Warm, s.Token, s.PreRunnerScript, s.RegistrationTimeout = true, "", "", 0
		}},
		{"checksum", "not a runner download", func(s *Spec) { s.Software[0].SHA256 = "abc" }},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := full()
			c.change(&s)
			if data, err := s.UserData(); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %d bytes and %v, want an error with %q", len(data), err, c.want)
			}
		})
	}
}

func TestTooLargeSaysWhy(t *testing.T) {
	s := full()
	s.PreRunnerScript = noise(20000, printable)
	_, err := s.UserData()
	var e *TooLargeError
	if !errors.As(err, &e) {
		t.Fatalf("got %v, want a TooLargeError", err)
	}
	if e.Limit != Limit || e.Size <= Limit || e.Parts[0].Name != "pre-runner-script" || e.Parts[0].Size < 14000 {
		t.Errorf("got %+v", e)
	}
	sum := 0
	for _, p := range e.Parts {
		sum += p.Size
	}
	if sum > e.Size {
		t.Errorf("parts sum up to %d, more than the whole %d", sum, e.Size)
	}
}

const printable = ` !"#$%&'()*+,-./0123456789:;<=>?@ABCDEFGHIJKLMNOPQRSTUVWXYZ[\]^_` + "`abcdefghijklmnopqrstuvwxyz{|}~"

// noise returns text that cannot be compressed below its letters' entropy.
func noise(n int, letters string) string {
	r := rand.New(rand.NewPCG(1, uint64(n)))
	b := make([]byte, n)
	for i := range b {
		b[i] = letters[r.IntN(len(letters))]
	}
	return string(b)
}
