//go:build real

package act

import (
	"debug/elf"
	"encoding/json"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// maxServeImage is how large the image of ec2-github-runner-serve may be as a registry stores it, in bytes. It is
// pulled once an upgrade, and not once a job.
const maxServeImage = 5_750_000

// buildServe makes the image of ec2-github-runner-serve, and returns its tag.
func buildServe(t *testing.T, arch string) string {
	t.Helper()
	return buildTarget(t, arch, "egr/serve:"+arch, "--target", "serve", "--build-arg", "VERSION="+version)
}

// TestServeImageHoldsOneStaticBinary: the image of ec2-github-runner-serve holds its program and the certificates
// alone.
func TestServeImageHoldsOneStaticBinary(t *testing.T) {
	for arch, machine := range map[string]elf.Machine{"amd64": elf.EM_X86_64, "arm64": elf.EM_AARCH64} {
		t.Run(arch, func(t *testing.T) {
			image := open(t, buildServe(t, arch))
			t.Logf("%s: %d bytes compressed", arch, image.compressed)
			if image.compressed > maxServeImage {
				t.Errorf("the compressed image has %d bytes, more than %d", image.compressed, maxServeImage)
			}
			binary := image.files["/ec2-github-runner-serve"]
			if len(image.files) != 2 || len(image.links) > 0 || len(binary) == 0 ||
				len(image.files["/etc/ssl/certs/ca-certificates.crt"]) == 0 {
				t.Errorf("the image holds %d files and %d links, want the program and the certificates",
					len(image.files),
					len(image.links))
			}
			checkBinary(t, binary, machine)
		})
	}
}

// TestServeImageRuns: it runs as nobody, says its version, and refuses what is no use of it.
func TestServeImageRuns(t *testing.T) {
	tag := buildServe(t, runtime.GOARCH)
	var config struct {
		Entrypoint []string
		Cmd        []string
		User       string
	}
	if err := json.Unmarshal([]byte(must(t, time.Minute, project, "docker", "image", "inspect", "--format",
		"{{json .Config}}", tag)), &config); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"/ec2-github-runner-serve"}, config.Entrypoint); diff != "" {
		t.Errorf("ENTRYPOINT (-want +got):\n%s", diff)
	}
	if config.User != "65532:65532" || config.Cmd != nil {
		t.Errorf("USER %q and CMD %q, want nobody and none", config.User, config.Cmd)
	}
	for _, c := range []struct {
		argument, says string
		code           int
	}{
		{"-version", version + "\n", 0},
		{"/sets.yml", "/sets.yml: no such file or directory", 2},
		{"-x", "usage: ec2-github-runner-serve CONFIG.yml", 2},
	} {
		got := run(t, time.Minute, project, "docker", "run", "--rm", "--network", "none", tag, c.argument)
		if got.code != c.code || !strings.Contains(got.text, c.says) {
			t.Errorf("%s: exit code %d and %q, want %d and %q", c.argument, got.code, got.text, c.code, c.says)
		}
	}
}
