//go:build boottest

package boot

import (
	"fmt"
	"os/exec"
	"strings"
	"testing"

	"github.com/marqo-ai/ec2-github-runner/test/boot/plan"
)

// TestModelled: the stand-in runner behaves as the table says of the real one.
func TestModelled(t *testing.T) {
	t.Parallel()
	p := ordinary()
	p.Version, p.Least, p.Tarball = newer, "2.320.0", parts.next
	p.Jobs = rowJobs
	// It does not update itself, like all rows but those about updates.
	settings := plan.Settings{AgentID: "12", AgentName: jitName, Ephemeral: "True", DisableUpdate: "True",
		WorkFolder: "_work"}
	p.JIT = plan.EncodeJIT(settings, noise(2000))
	i := boot(t, launch{image: parts.whole, userData: []byte("#cloud-config\n{}\n"), plan: p})
	i.poll("the boot is over", 2*soon, later, func() bool {
		out, _ := exec.Command("docker", "exec", i.name, "bash", "-c",
			"[ -e /run/cloud-init/result.json ] && echo yes").Output()
		return strings.TrimSpace(string(out)) == "yes"
	})
	for n, m := range behaviours {
		t.Run(m.what, func(t *testing.T) {
			name := fmt.Sprintf("row%d", n)
			script := fmt.Sprintf("name=%s TOKEN=%s JIT=%s\n", name, plan.Token, p.JIT) +
				"mkdir -p /r && cp -a /actions-runner /r/$name && cd /r/$name || exit 99\n" + rowTools + m.script
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

// saw reports whether there is an event that, with its detail, has that prefix.
func (i *instance) saw(event string) bool {
	for _, e := range i.events() {
		if strings.HasPrefix(strings.TrimSpace(e.What+" "+e.Detail), event) {
			return true
		}
	}
	return false
}
