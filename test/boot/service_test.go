//go:build boottest

package boot

import (
	"testing"
	"time"

	"github.com/marqo-ai/ec2-github-runner/bootstrap"
	"github.com/marqo-ai/ec2-github-runner/test/boot/plan"
)

// isService fails the test unless the runner's own unit is active, in a folder that no image contains.
func isService(t *testing.T, i *instance) {
	t.Helper()
	const look = `systemctl is-active 'actions.runner.*'; find /etc/systemd -name 'actions.runner*'`
	if got := i.sh(look); got != "active" {
		t.Errorf("the service is %q", got)
	}
}

// TestService: run-runner-as-service, alone and in combinations.
func TestService(t *testing.T) {
	service := func(change func(*bootstrap.Spec)) func(*bootstrap.Spec) {
		return func(s *bootstrap.Spec) {
			s.Service = true
			if change != nil {
				change(s)
			}
		}
	}
	remains := func(t *testing.T, i *instance) {
		t.Helper()
		i.waitConsole("started runner as a service")
		i.waitConsole("the runner is online")
		i.wait("job a succeeded", soon)
		i.stays(later)
		isService(t, i)
	}
	runAll(t, []scenario{
		{
			name: "a service is there after a job, and so is the machine", spec: service(nil), plan: job("echo"),
			check: remains,
		},
		{
			name: "a service on the next Debian, as a user", image: parts.trixie,
			spec: service(func(s *bootstrap.Spec) { s.User = "debian" }),
			plan: job("id -un"),
			check: func(t *testing.T, i *instance) {
				says("debian")(t, i)
				remains(t, i)
			},
		},
		{
			name: "a service with a user, a script and packages",
			spec: service(func(s *bootstrap.Spec) {
				s.User, s.Packages, s.PreRunnerScript = "debian", []string{"egr-sample"}, "echo run >>/scripts\n"
			}),
			plan: job("id -un; cat /usr/share/egr-sample/file; cat /scripts"),
			check: func(t *testing.T, i *instance) {
				says("debian\narrived\nrun")(t, i)
				remains(t, i)
			},
		},
		{
			name: "a service comes back after a reboot", spec: service(nil),
			plan: func(p *plan.Plan) {
				p.Jobs = []plan.Job{{Name: "a", Script: "echo"}, {Name: "b", Script: "sleep 100", After: time.Second},
					{Name: "c", Script: "echo again"}}
			},
			check: func(t *testing.T, i *instance) {
				remains(t, i)
				i.wait("job b begins", soon)
				i.sh("systemctl reboot || :")
				i.again()
				i.wait("job c succeeded", soon)
				isService(t, i)
				if e, ok := i.find("registered"); ok {
					t.Errorf("at the second boot: %+v", e)
				}
			},
		},
		{
			name: "a preinstalled runner as a service", image: parts.preinstalled,
			spec: service(func(s *bootstrap.Spec) { s.HomeDir = "/opt/runner" }),
			plan: job("pwd"),
			check: func(t *testing.T, i *instance) {
				says("/opt/runner/_work")(t, i)
				remains(t, i)
			},
		},
	})
}
