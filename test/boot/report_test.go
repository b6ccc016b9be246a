//go:build boottest

package boot

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/marqo-ai/ec2-github-runner/bootstrap"
	"github.com/marqo-ai/ec2-github-runner/test/boot/plan"
)

// reported returns a Spec whose jobs are reported on.
func reported(change func(*bootstrap.Spec)) func(*bootstrap.Spec) {
	return func(s *bootstrap.Spec) {
		s.JobReport = true
		if change != nil {
			change(s)
		}
	}
}

// report waits for the report of a job on the console.
func (i *instance) report(t *testing.T, job int) bootstrap.JobReport {
	t.Helper()
	var found bootstrap.JobReport
	i.poll("the report of a job", soon, 500*time.Millisecond, func() bool {
		for _, r := range bootstrap.ReadJobReports(i.console()) {
			if r.Job == job && r.State != bootstrap.JobRunning {
				found = r
				return true
			}
		}
		return false
	})
	return found
}

// jobLog waits for the end of a job and returns its log, which must agree with the job's result.
func (i *instance) jobLog(t *testing.T, job string) string {
	t.Helper()
	log := i.wait("job "+job+" succeeded", soon).Detail
	for _, want := range []string{hookSaid, "\nJob report:\n", "\n  CPU     ", "\n  memory  at most ",
		"\n  disk    at most "} {
		if !strings.Contains(log, want) {
			t.Errorf("the job's log has no %q:\n%s", want, log)
		}
	}
	summary := i.wait("summary", soon).Detail
	for _, want := range []string{"### Job report\n\n| | |\n| --- | --- |\n| time | ", "\n| memory | at most ",
		"\n| disk | at most "} {
		if !strings.Contains(summary, want) {
			t.Errorf("the job's summary has no %q:\n%s", want, summary)
		}
	}
	return log
}

// reports checks that the job's log, its summary and the console have a report.
func reports(t *testing.T, i *instance) {
	t.Helper()
	i.jobLog(t, "a")
	if r := i.report(t, 1); r.State != bootstrap.JobEnded || r.Cores == 0 || r.Memory == 0 ||
		r.Disk == 0 || r.Killed < 0 {
		t.Errorf("the console has %+v", r)
	}
}

// ownHook is a hook of the image's own, named in the runner's .env.
const ownHook = `cd /opt/runner; echo 'echo "the own hook, in $PWD, for $GITHUB_JOB"' >own.sh
printf 'LANG=C\r\nACTIONS_RUNNER_HOOK_JOB_COMPLETED=/opt/runner/own.sh\r\n' >.env; cp .env /was; cd /
`

// bothHooks checks that the image's own hook runs after the report, and that its file is unchanged.
func bothHooks(t *testing.T, i *instance) {
	t.Helper()
	reports(t, i)
	if log := i.jobLog(t, "a"); !strings.HasSuffix(log, "\nthe own hook, in /opt/runner/_work, for job") {
		t.Errorf("the image's own hook does not come last:\n%s", log)
	}
	const look = "cd /opt/runner; grep -c HOOK .env; umount .env && cat .env | diff /was - && echo same"
	if got := i.sh(look); got != "2\nsame" {
		t.Errorf("the image's .env: %s", got)
	}
}

// TestJobReport: the report reaches the job's log, its summary and the console, however the runner is run, and the
// image's own hook stays.
func TestJobReport(t *testing.T) {
	preinstalled := func(s *bootstrap.Spec) { s.HomeDir = "/opt/runner" }
	runAll(t, []scenario{
		{name: "by token", spec: reported(nil), plan: job("sleep 3"), check: reports},
		{
			name: "a single-use runner, whose machine ends with it", jit: true,
			plan: job("sleep 3"), image: parts.preinstalled,
			spec: reported(func(s *bootstrap.Spec) { s.Ephemeral, s.HomeDir = true, "/opt/runner" }),
			check: func(t *testing.T, i *instance) {
				reports(t, i)
				i.waitOff(soon)
			},
		},
		{
			name: "with a script, packages and a user", spec: reported(allThree), plan: job("sleep 3; " + sayAllThree),
			check: reports,
		},
		{
			name: "as a service, with a user", plan: job("sleep 3"), check: reports,
			spec: reported(func(s *bootstrap.Spec) { s.Service, s.User = true, "debian" }),
		},
		{
			name: "a hook in the runner's .env", image: parts.preinstalled, spec: reported(preinstalled),
			before: ownHook,
			plan:   job("sleep 3"), check: bothHooks,
		},
		{
			name: "a hook in the .env of a service, with a user", image: parts.preinstalled, before: ownHook,
			plan: job("sleep 3"), check: bothHooks,
			spec: reported(func(s *bootstrap.Spec) { s.HomeDir, s.Service, s.User = "/opt/runner", true, "debian" }),
		},
		{
			name: "a hook that the script exports", plan: job("sleep 3"),
			spec: reported(func(s *bootstrap.Spec) {
				s.PreRunnerScript = "echo 'echo the own hook' >/own.sh\n" +
					"export ACTIONS_RUNNER_HOOK_JOB_COMPLETED=/own.sh\n"
			}),
			check: func(t *testing.T, i *instance) {
				reports(t, i)
				if log := i.jobLog(t, "a"); !strings.HasSuffix(log, "\nthe own hook") {
					t.Errorf("the own hook does not come last:\n%s", log)
				}
			},
		},
		{
			name: "a hook of the image's own that fails", image: parts.preinstalled, spec: reported(preinstalled),
			before: "echo 'exit 4' >/opt/runner/own.sh; echo ACTIONS_RUNNER_HOOK_JOB_COMPLETED=/opt/runner/own.sh " +
				">/opt/runner/.env",
			plan: job("sleep 3"),
			check: func(t *testing.T, i *instance) {
				log := i.wait("job a failed", soon).Detail
				if !strings.Contains(log, "\nJob report:\n") || !strings.Contains(log, "exit code 4") {
					t.Errorf("the job's log:\n%s", log)
				}
			},
		},
		{
			name: "a folder that the runner's user cannot read", plan: job("sleep 3; id -un"), check: says("debian"),
			spec:   reported(func(s *bootstrap.Spec) { s.User = "debian" }),
			before: "mkdir -m 700 /run/ec2-github-runner-report",
		},
		{
			name: "a tool that hangs",
			plan: job("sleep 3; printf '#!/bin/sh\\nexec sleep 1000\\n' >df; chmod 755 df; mv df $(type -p df)"),
			spec: reported(nil),
			check: func(t *testing.T, i *instance) {
				begin := i.wait("job a begins", soon)
				if end := i.wait("job a succeeded", soon); end.At-begin.At > 9*time.Second {
					t.Errorf("the job took %s", end.At-begin.At)
				}
			},
		},
	})
}

// TestTwoJobs: one after the other, each with its own figures, even if the clock is set back in between.
func TestTwoJobs(t *testing.T) {
	runAll(t, []scenario{{
		name: "one after the other", spec: reported(nil),
		// A control group of its own: otherwise the memory of the whole host counts.
		args: []string{"--memory", "1g", "--memory-swap", "1g"},
		plan: func(p *plan.Plan) {
			p.Jobs = []plan.Job{
				{Name: "a", Script: "head -c 300M /dev/zero >/tmp/it; sleep 7; rm /tmp/it"},
				{Name: "b", Script: "sleep 7", After: 8 * time.Second},
			}
		},
		check: func(t *testing.T, i *instance) {
			i.jobLog(t, "a")
			first := i.report(t, 1)
			i.sh("touch -d '1 hour' /run/ec2-github-runner/looked")
			i.jobLog(t, "b")
			second := i.report(t, 2)
			if second.MemoryPeak == 0 || second.MemoryPeak > first.MemoryPeak-100<<10 || second.Seconds < 6 ||
				second.Seconds > 20 {
				t.Errorf("first %+v, second %+v", first, second)
			}
		},
	}})
}

// TestReporterIsKilled: a killed reporter resumes where it was.
func TestReporterIsKilled(t *testing.T) {
	runAll(t, []scenario{{
		name: "in a job", spec: reported(nil), plan: job("sleep 20"),
		check: func(t *testing.T, i *instance) {
			i.wait("job a begins", soon)
			pause(7 * time.Second)
			i.sh("kill -9 $(systemctl show -P MainPID ec2-github-runner-report)")
			i.jobLog(t, "a")
			if r := i.report(t, 1); r.Seconds < 19 || r.MemoryPeak == 0 {
				t.Errorf("the console has %+v", r)
			}
		},
	}})
}

// spotNotice makes EC2 announce that it reclaims the machine, in EC2's format.
func (i *instance) spotNotice(t *testing.T) {
	t.Helper()
	const notice = `{"action": "terminate", "time": "2026-11-29T20:14:00Z"}`
	must(t, os.WriteFile(filepath.Join(i.dir, "in", "spot-notice"), []byte(notice), 0o600))
	i.waitConsole("ec2-github-runner: spot notice: terminate at 2026-11-29T20:14:00Z (")
}

// TestSpotNotice: EC2's notice is on the console, with what the job has used so far, and in the log of a job that ends
// in time.
func TestSpotNotice(t *testing.T) {
	spot := func(script string) func(*plan.Plan) {
		return func(p *plan.Plan) {
			p.LifeCycle = "spot"
			job(script)(p)
		}
	}
	runAll(t, []scenario{
		{
			name: "the job ends in time", spec: reported(nil), plan: spot("sleep 25"),
			check: func(t *testing.T, i *instance) {
				i.wait("job a begins", soon)
				i.spotNotice(t)
				const warning = "\n::warning title=Job report::spot: EC2 reclaims this machine (terminate at " +
					"2026-11-29T20:14:00Z)"
				if log := i.jobLog(t, "a"); !strings.Contains(log, warning) {
					t.Errorf("the job's log does not have it:\n%s", log)
				}
				if r := i.report(t, 1); r.State != bootstrap.JobEnded {
					t.Errorf("the console has %+v", r)
				}
			},
		},
		{
			name: "the machine goes down under the job", spec: reported(nil), plan: spot("sleep 600"),
			check: func(t *testing.T, i *instance) {
				i.wait("job a begins", soon)
				i.spotNotice(t)
				i.poll("a report", soon, time.Second, func() bool {
					list := bootstrap.ReadJobReports(i.console())
					return len(list) == 1 && list[0].State == bootstrap.JobRunning
				})
				i.sh("systemctl poweroff || :")
				i.waitOff(soon)
				if r := i.report(t, 1); r.State != bootstrap.JobCut {
					t.Errorf("the console has %+v", r)
				}
			},
		},
	})
}
