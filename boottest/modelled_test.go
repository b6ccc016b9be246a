//go:build boottest

package boottest

import (
	"fmt"
	"os/exec"
	"regexp"
	"strings"
	"testing"

	"github.com/marqo-ai/ec2-github-runner/boottest/plan"
)

var lineRange = regexp.MustCompile(`^\d+(-\d+)?$`)

// TestModelled: the stand-in runner does what the table says that the real one does.
func TestModelled(t *testing.T) {
	p := ordinary()
	p.Version, p.Least, p.Tarball, p.JIT = newer, "2.320.0", parts.next, jit
	p.Jobs = []plan.Job{{Name: "a", Script: "echo done"}}
	i := boot(t, launch{image: parts.whole, userData: []byte("#cloud-config\n{}\n"), plan: p})
	i.poll("the boot is over", 2*soon, later, func() bool {
		out, _ := exec.Command("docker", "exec", i.name, "bash", "-c", "[ -e /run/cloud-init/result.json ] && echo yes").Output()
		return strings.TrimSpace(string(out)) == "yes"
	})
	for n, m := range behaviours {
		t.Run(m.what, func(t *testing.T) {
			if !strings.HasPrefix(m.file, "src/") || !lineRange.MatchString(m.lines) {
				t.Errorf("no place in actions/runner at %s: %s:%s", modelledTag, m.file, m.lines)
			}
			name := fmt.Sprintf("row%d", n)
			script := fmt.Sprintf("name=%s TOKEN=%s JIT=%s\nmkdir -p /r && cp -a /actions-runner /r/$name && cd /r/$name || exit 99\n%s%s", name, plan.Token, jit, rowTools, m.script)
			cmd := exec.Command("docker", "exec", i.name, "bash", "-c", script)
			out, _ := cmd.CombinedOutput()
			if got := cmd.ProcessState.ExitCode(); got != m.code {
				t.Errorf("exit %d, want %d\n%s", got, m.code, out)
			}
			if !strings.Contains(string(out), m.says) {
				t.Errorf("it does not say %q\n%s", m.says, out)
			}
			if event := strings.ReplaceAll(m.event, "NAME", name); event != "" && !i.saw(event) {
				t.Errorf("no event %q in %+v", event, i.events())
			}
		})
	}
}

// saw reports whether an event with its detail begins so.
func (i *instance) saw(event string) bool {
	for _, e := range i.events() {
		if strings.HasPrefix(strings.TrimSpace(e.What+" "+e.Detail), event) {
			return true
		}
	}
	return false
}
