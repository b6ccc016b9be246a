//go:build boottest

package boot

import (
	"testing"
	"time"

	"github.com/marqo-ai/ec2-github-runner/bootstrap"
	"github.com/marqo-ai/ec2-github-runner/test/boot/plan"
)

// outdatedBash replaces a library that every bash has mapped, so that needrestart restarts everything that runs a bash,
// and makes apt's hook do so at once, as on Ubuntu.
const outdatedBash = `for f in /lib/x86_64-linux-gnu/libtinfo.so.6.*; do cp -a "$f" "$f.new"; mv "$f.new" "$f"; done
export NEEDRESTART_MODE=a
echo run >>/scripts
apt-get -qy update >/dev/null 2>&1
apt-get install -y --reinstall egr-sample >/dev/null 2>&1
needrestart -v -r a >/needrestart.log 2>&1
sleep 3
export RUNS=$(wc -l </scripts)
`

// online counts how often a listener connected in this boot.
func (i *instance) online() int {
	n := 0
	for _, e := range i.events() {
		if e.What == "online" {
			n++
		}
	}
	return n
}

// restartAll restarts all units by hand.
const restartAll = "systemctl restart ec2-github-runner ec2-github-runner-watch ec2-github-runner-fetch " +
	"'actions.runner.*' 2>&1 || :"

// TestRestarts: a restart of our units by anybody, at any moment, changes nothing.
func TestRestarts(t *testing.T) {
	needrestart, err := baseImage("boot-needrestart")
	must(t, err)
	everything := func(s *bootstrap.Spec) {
		s.User, s.Packages, s.PreRunnerScript = "debian", []string{"egr-sample"}, outdatedBash
	}
	untouched := func(t *testing.T, i *instance) {
		t.Helper()
		says("debian 1")(t, i)
		if got := i.sh("grep -c 'refuses restarts of ec2-github-runner' /needrestart.log"); got == "0" {
			t.Errorf("needrestart did not want to: %s", i.sh("cat /needrestart.log"))
		}
		if got := i.sh("find /etc/needrestart -name '*github*'"); got != "" {
			t.Errorf("an image would carry %s", got)
		}
	}
	during := func(t *testing.T, i *instance) {
		t.Helper()
		i.wait("job a begins", soon)
		i.sh(restartAll)
		i.wait("job a succeeded", soon)
	}
	runAll(t, []scenario{
		{
			name: "by needrestart, in a script, as a user", image: needrestart, spec: everything,
			plan: job("echo $(id -un) $RUNS"), check: untouched,
		},
		{
			name: "by needrestart, with a service", image: needrestart,
			spec: func(s *bootstrap.Spec) { s.Service = true },
			plan: job("sleep 1; " + outdatedBash + "echo $(id -un) $RUNS; grep 'refuses restarts of actions.runner' " +
				"/needrestart.log >/dev/null"),
			check: func(t *testing.T, i *instance) {
				says("root 1")(t, i)
				if got := i.online(); got != 1 {
					t.Errorf("online %d times", got)
				}
			},
		},
		{
			name: "by hand, in a script",
			spec: script("echo run >>/scripts\n" + restartAll + "\nsleep 2\nexport RUNS=$(wc -l </scripts)\n"),
			plan: job("echo $RUNS"), check: says("1"),
		},
		{
			name: "by hand, in a job", plan: jobs(0, "sleep 8", "echo next"),
			check: func(t *testing.T, i *instance) {
				during(t, i)
				i.wait("job b succeeded", soon)
				if got := i.online(); got != 1 {
					t.Errorf("online %d times", got)
				}
			},
		},
		{
			name: "by hand, in the job of an ephemeral machine", jit: true,
			spec: func(s *bootstrap.Spec) { s.Ephemeral, s.User = true, "debian" },
			plan: job("sleep 8"), check: func(t *testing.T, i *instance) {
				during(t, i)
				endsAfter("job a succeeded", "the runner has ended")(t, i)
			},
		},
		{
			name:  "the script's shell is killed",
			spec:  script("echo run >>/scripts\n[ $(wc -l </scripts) = 1 ] || echo twice >/dev/console\nkill -9 $$\n"),
			check: fails("error: pre-runner-script was killed"),
		},
		{
			name: "run.sh is killed and its listener lives", plan: func(p *plan.Plan) {
				p.Jobs = []plan.Job{{Name: "a", Script: "pkill -9 -x run.sh; sleep 8"},
					{Name: "b", Script: "echo next", After: time.Second}}
			},
			check: func(t *testing.T, i *instance) { i.wait("job b succeeded", soon) },
		},
		{
			name: "run.sh of a single-use runner is killed before its job", jit: true,
			spec: func(s *bootstrap.Spec) { s.Ephemeral, s.User = true, "debian" },
			plan: jobs(8*time.Second, "echo late"),
			check: func(t *testing.T, i *instance) {
				i.wait("online", soon)
				i.sh("pkill -9 -x run.sh")
				endsAfter("job a succeeded", "the runner has ended")(t, i)
			},
		},
		{
			name: "run.sh of a single-use runner is killed in its job", jit: true,
			plan: job("pkill -9 -x run.sh; sleep 6"),
			check: func(t *testing.T, i *instance) {
				i.wait("job a succeeded", soon)
				i.waitConsole("the runner ended with exit 137 (")
				if got := i.online(); got != 1 {
					t.Errorf("online %d times", got)
				}
			},
		},
		{
			name: "a service whose node is killed and whose listener lives",
			spec: func(s *bootstrap.Spec) { s.Service, s.User = true, "debian" },
			plan: func(p *plan.Plan) {
				p.Jobs = []plan.Job{{Name: "a", Script: "pkill -9 -x node; sleep 8"},
					{Name: "b", Script: "echo next", After: time.Second}}
			},
			check: func(t *testing.T, i *instance) { i.wait("job b succeeded", soon) },
		},
		{
			name: "a script that waits, with runner-debug",
			spec: func(s *bootstrap.Spec) { s.Debug, s.PreRunnerScript = true, "sleep 1 &\nwait\nexport A=1\n" },
			plan: job("echo $A"), check: says("1"),
		},
		{
			name: "a script that waits, with runner-debug, a user and packages", plan: job(sayAllThree),
			check: says(arrivedThree),
			spec: func(s *bootstrap.Spec) {
				allThree(s)
				s.Debug, s.PreRunnerScript = true, "sleep 1 &\nwait\n"+s.PreRunnerScript
			},
		},
	})
}
