package bootstrap_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/marqo-ai/ec2-github-runner/bootstrap"
)

// TestNode: the machine warns if the runner's own node does not run on it.
func TestNode(t *testing.T) {
	t.Parallel()
	const good = "#!/bin/sh\necho v24.11.0\n"
	// The loader's message on Amazon Linux 2.
	const old = "#!/bin/sh\necho \"$0: /lib64/libm.so.6: version \\`GLIBC_2.27' not found (required by " +
		"$0)\" >&2\nexit 1\n"
	for name, c := range map[string]struct {
		nodes map[string]string
		want  string
	}{
		"both run": {map[string]string{"node20": good, "node24": good}, ""},
		"an old C library": {map[string]string{"node20": old, "node24": old},
			"warning: the runner's own node does not run, so no JavaScript action does: version `GLIBC_2.27' not " +
				"found (required by "},
		"the newer alone": {map[string]string{"node20": good, "node24": old},
			"warning: the runner's own node does not run, so no JavaScript action does: version " +
				"`GLIBC_2.27' not found"},
		// node*_alpine is for containers, and does not run on such a machine.
		"Alpine's":   {map[string]string{"node24": good, "node24_alpine": old}, ""},
		"none":       {nil, ""},
		"no program": {map[string]string{"node24": "\x7fELF"}, "warning: the runner's own node does not run"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			home := t.TempDir()
			for node, text := range c.nodes {
				folder := filepath.Join(home, "externals", node, "bin")
				if err := os.MkdirAll(folder, 0o755); err != nil {
					t.Fatal(err)
				}
				if err := os.WriteFile(filepath.Join(folder, "node"), []byte(text), 0o755); err != nil {
					t.Fatal(err)
				}
			}
			command := exec.Command("bash", "-c", bootstrap.Chapters("software", "node")+
				"\negr_log() { echo \"$*\"; }\nEGR_HOME=$1\negr_check_node", "bash", home)
			out, err := command.CombinedOutput()
			if err != nil || !strings.HasPrefix(string(out), c.want) || c.want == "" && len(out) > 0 ||
				strings.Count(string(out), "\n") > 1 {
				t.Errorf("%v: it says %q, want %q", err, out, c.want)
			}
		})
	}
}
