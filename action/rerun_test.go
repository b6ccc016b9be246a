package action

import "testing"

func TestRerunNote(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ job, run, want string }{
		{"start-runner", "4711",
			`to run a job on EC2 again later, re-run the job start-runner or all jobs (gh run rerun ` +
				`4711): "Re-run failed jobs" does not start a runner`},
		{"", "", `to run a job on EC2 again later, re-run the job start or all jobs: "Re-run failed jobs" ` +
			`does not start a runner`},
	} {
		if got := rerunNote(c.job, c.run); got != c.want {
			t.Errorf("%q, %q: got %s", c.job, c.run, got)
		}
	}
}
