//go:build boottest

package boot

import (
	"testing"
	"time"

	"github.com/marqo-ai/ec2-github-runner/bootstrap"
	"github.com/marqo-ai/ec2-github-runner/test/boot/plan"
)

// killed ends a warm-up from outside as soon as that file is on the machine.
func killed(file string) func(*testing.T, *instance) {
	return func(t *testing.T, i *instance) {
		t.Helper()
		i.poll(file, soon, 100*time.Millisecond, func() bool { return i.has(file) })
		_, err := engine("kill", i.name)
		must(t, err)
	}
}

// TestBadWarmUps: a warm-up that fails or is interrupted reports why and is off; and a start that claims the machine
// nevertheless completes what is missing.
func TestBadWarmUps(t *testing.T) {
	again := func(want, line string) func(*testing.T, *instance) {
		return func(t *testing.T, i *instance) {
			t.Helper()
			says(want)(t, i)
			i.waitConsole(bootstrap.ConsolePrefix + line)
		}
	}
	runWarm(t, []warmed{
		{
			name: "setup-script fails",
			both: setup("echo begin >>/setups\nif [ ! -e /tried ]; then\n  touch /tried\n  ls /nowhere\nfi\n"),
			job:  "wc -l </setups",
			console: []string{"error: setup-script failed with exit 2 at line 4: ls /nowhere (",
				"| ls: cannot access '/nowhere'", "powering off: setup-script failed"},
			check: again("2", "running setup-script"),
		},
		{
			name: "setup-script hangs", both: setup("[ -e /tried ] || { touch /tried; sleep 1000; }\n"),
			warm: func(s *bootstrap.Spec) { s.RegistrationTimeout = 50 * time.Second },
			console: []string{"error: the machine is not warm after 5",
				"the last that happened: running setup-script (", "powering off: the machine is not warm"},
			check: again("warm", "running setup-script"),
		},
		{
			name: "setup-script kills the preparation", both: setup("[ -e /tried ] || { touch /tried; kill -9 $$; }\n"),
			console: []string{"error: the warm-up was killed", "powering off: the warm-up was killed"},
			check:   again("warm", "running setup-script"),
		},
		{
			name: "a package that does not exist",
			both: func(s *bootstrap.Spec) { s.Packages = []string{"egr-nowhere", "egr-sample"} },
			console: []string{"error: package egr-nowhere is not installed",
				"powering off: package egr-nowhere is not installed"},
			check: again("warm", "warning: package egr-nowhere is not installed"),
		},
		{
			name: "no runner to be had", atWarmUp: func(p *plan.Plan) { p.Status = 404 },
			console: []string{"error: download runner: GET https://github.com/", "powering off: download runner"},
			check:   again("warm", "downloaded runner"),
		},
		{
			name: "killed half-way in the download", atWarmUp: func(p *plan.Plan) { p.Rate = 100 << 10 },
			cut: killed("/actions-runner/.ec2-github-runner.part/bin/Runner.Listener"),
			job: "ls -A .. | grep -c part || :", check: again("0", "downloaded runner"),
		},
		{
			name: "killed in the packages",
			both: func(s *bootstrap.Spec) { s.Packages = []string{"egr-slow", "egr-sample"} },
			cut:  killed("/slow-begun"), job: "cat /usr/share/egr-sample/file; dpkg-query -W -f '${Status}' egr-slow",
			check: again("arrived\ninstall ok installed", "installed packages"),
		},
		{
			name: "killed before the libraries",
			before: "rm -f /etc/os-release; printf 'ID=amzn\\nID_LIKE=fedora\\n' >/etc/os-release\n" +
				"printf '#!/bin/sh\\n[ ! -e /libraries ] || echo libicuuc\\n' >/usr/local/bin/ldconfig\n" +
				"printf '#!/bin/sh\\n[ ! -e /libraries-begun ] || exec touch /libraries\\ntouch /libraries-begun; " +
				"sleep 600\\n' >/usr/local/bin/yum\nchmod +x /usr/local/bin/ldconfig /usr/local/bin/yum\n",
			cut: killed("/libraries-begun"), job: "ls /libraries", check: again("/libraries", "installing libicu"),
		},
	})
}
