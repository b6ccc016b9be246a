package action

import (
	"cmp"
	"fmt"
)

// rerunNote returns the last line of a successful start. "Re-run failed jobs" does not run successful jobs again, the
// start job among them, so jobs that need the runner would wait for one that is gone. Re-running the start job also
// re-runs the jobs that depend on it.
// https://docs.github.com/actions/how-tos/manage-workflow-runs/re-run-workflows-and-jobs
func rerunNote(job, run string) string {
	job = cmp.Or(job, "start")
	all := "all jobs"
	if run != "" {
		all += fmt.Sprintf(" (gh run rerun %s)", run)
	}
	return fmt.Sprintf("to run a job on EC2 again later, re-run the job %s or %s: \"Re-run failed jobs\" does "+
		"not start a runner", job, all)
}
