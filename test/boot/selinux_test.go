//go:build boottest

package boot

import (
	"testing"

	"github.com/marqo-ai/ec2-github-runner/bootstrap"
)

// selinux simulates what enforcing SELinux does to a service: systemd may not execute a file in the runner's folder
// unless it has the type bin_t. No kernel here has SELinux: the unit's start checks how chcon was called.
// https://github.com/actions/runner/issues/1606
const selinux = `printf '#!/bin/sh\n' >/usr/local/bin/selinuxenabled
printf '#!/bin/sh\necho "$@" >>/chcon\n' >/usr/local/bin/chcon; chmod +x /usr/local/bin/selinuxenabled ` +
	`/usr/local/bin/chcon
mkdir -p /etc/systemd/system/actions.runner.owner-.service.d
printf '[Service]\nExecStartPre=/bin/grep -q "bin_t .*runsvc.sh" /chcon\n' ` +
	`>/etc/systemd/system/actions.runner.owner-.service.d/selinux.conf
`

// TestServiceUnderSELinux: a service on the systems that enforce it.
func TestServiceUnderSELinux(t *testing.T) {
	service := func(s *bootstrap.Spec) { s.Service, s.User = true, "debian" }
	runAll(t, []scenario{
		dnf("Fedora", fedora, scenario{before: selinux, spec: service, plan: job("id -un"), check: says("debian")}),
		dnf("CentOS Stream 9, with a user, a script and packages", centos, scenario{
			before: selinux, plan: job(`echo "$(cat /script) $(id -un)"`), check: says(arrivedThree),
			spec: func(s *bootstrap.Spec) {
				allThree(s)
				// What it exports does not reach a service.
				s.Service, s.PreRunnerScript = true, "cat /usr/share/egr-sample/file >/script\n"
			},
		}),
		dnf("RHEL 9", redHat, scenario{before: selinux, spec: service, plan: job("id -un"), check: says("debian")}),
	})
}
