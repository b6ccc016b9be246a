//go:build boottest

package boot

import (
	"testing"
	"time"

	"github.com/marqo-ai/ec2-github-runner/bootstrap"
	"github.com/marqo-ai/ec2-github-runner/test/boot/plan"
)

// endsAfter checks that the machine switches itself off, reports why, and not before that event.
func endsAfter(event, why string) func(*testing.T, *instance) {
	return func(t *testing.T, i *instance) {
		t.Helper()
		i.waitOff(2 * soon)
		if _, ok := i.find(event); !ok {
			t.Errorf("it went off before %q", event)
		}
		i.waitConsole("ec2-github-runner: powering off: " + why)
	}
}

// jobs are jobs with these scripts, at this interval.
func jobs(after time.Duration, scripts ...string) func(*plan.Plan) {
	return func(p *plan.Plan) {
		job(scripts...)(p)
		for n := range p.Jobs {
			p.Jobs[n].After = after
		}
	}
}

// TestEnds: the machine terminates itself, and no job is ever cut off.
func TestEnds(t *testing.T) {
	runAll(t, []scenario{
		{
			name: "ephemeral ends after its job", jit: true, spec: func(s *bootstrap.Spec) { s.Ephemeral = true },
			plan:  job("sleep 5"),
			check: endsAfter("job a succeeded", "the runner has ended"),
		},
		{
			name: "ephemeral by token ends after its job", spec: func(s *bootstrap.Spec) { s.Ephemeral = true },
			plan:  job("echo"),
			check: endsAfter("job a succeeded", "the runner has ended"),
		},
		{
			name: "ephemeral ends when no job comes", jit: true,
			spec:  func(s *bootstrap.Spec) { s.Ephemeral, s.IdleTimeout = true, 6*time.Second },
			check: endsAfter("listener told to stop", "no job for "),
		},
		{
			name: "single-use stays until stop", jit: true, plan: job("echo"),
			check: func(_ *testing.T, i *instance) {
				i.wait("job a succeeded", soon)
				i.stays(6 * time.Second)
			},
		},
		{
			name: "idle between jobs and after the last",
			spec: func(s *bootstrap.Spec) { s.IdleTimeout = 6 * time.Second },
			plan: jobs(4*time.Second, "sleep 9", "echo"), check: endsAfter("job b succeeded", "no job for "),
		},
		{
			name: "a service that is idle",
			spec: func(s *bootstrap.Spec) { s.Service, s.IdleTimeout = true, 6*time.Second }, plan: job("sleep 8"),
			check: endsAfter("job a succeeded", "no job for "),
		},
		{
			// The job must begin before the lifetime ends, even on a machine that boots slowly among others.
			name: "a job outlives the lifetime", spec: func(s *bootstrap.Spec) { s.MaxLifetime = 80 * time.Second },
			plan:  job("sleep 85"),
			check: endsAfter("job a succeeded", "it has lived for "),
		},
		{
			name: "a lifetime that the user set",
			spec: func(s *bootstrap.Spec) { s.MaxLifetime, s.MaxLifetimeHard = 50*time.Second, true },
			plan: job("sleep 100"),
			check: func(t *testing.T, i *instance) {
				endsAfter("job a begins", "it has lived for ")(t, i)
				if _, ok := i.find("job a succeeded"); ok {
					t.Error("the job was not cut off")
				}
			},
		},
		{
			name: "no limits at all", spec: func(s *bootstrap.Spec) { s.RegistrationTimeout = 0 },
			check: func(t *testing.T, i *instance) { comesOnline(t, i); i.stays(6 * time.Second) },
		},
	})
}

// TestRoughJobs: what a job can do to the runner and to the machine's self-termination.
func TestRoughJobs(t *testing.T) {
	// Everything but the simulated world, which a real machine does not have, and this shell itself.
	const killAll = `for p in /proc/[0-9]*; do p=${p#/proc/}; [ $p = 1 ] || [ $p = $$ ] || [ $(cat /proc/$p/comm) = ` +
		`machine ] || kill -9 $p; done`
	kill := func(what string) string {
		return "setsid bash -c 'sleep 0.5; " + what + "' >/dev/null 2>&1 </dev/null &"
	}
	runAll(t, []scenario{
		{
			name: "a job that kills the listener: the next one runs",
			plan: jobs(0, kill("pkill -9 -x Runner.Listener"), "echo again"),
			check: func(t *testing.T, i *instance) {
				if got := i.wait("job b succeeded", soon).Detail; got != "again" {
					t.Errorf("the second job says %q", got)
				}
			},
		},
		{
			name:  "a job that kills everything: the next one runs",
			plan:  jobs(3*time.Second, kill(killAll), "echo again"),
			check: func(_ *testing.T, i *instance) { i.wait("job b succeeded", soon) },
		},
		{
			name: "a job that kills everything on an ephemeral machine", jit: true,
			spec: func(s *bootstrap.Spec) { s.Ephemeral = true }, plan: job(kill(killAll) + " sleep 20"),
			check: endsAfter("job a begins", "the runner has ended"),
		},
		{
			name:  "a job that runs out of memory: the next one runs",
			kills: true, args: []string{"--memory", "700m", "--memory-swap", "700m"},
			plan: jobs(0, "tail /dev/zero", "echo again"),
			check: func(_ *testing.T, i *instance) {
				i.wait("job a failed", 2*soon)
				i.wait("job b succeeded", soon)
			},
		},
		{
			name: "what a job leaves behind stays",
			plan: jobs(0, "setsid sleep 1234 >/dev/null 2>&1 </dev/null &",
				kill("systemctl restart ec2-github-runner"), "pgrep -f '^sleep 1234' >/dev/null && echo there"),
			check: func(t *testing.T, i *instance) {
				if got := i.wait("job c succeeded", soon).Detail; got != "there" {
					t.Errorf("the third job says %q", got)
				}
			},
		},
	})
}
