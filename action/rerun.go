package action

import (
	"cmp"
	"fmt"
)

// rerunNote is the last line of a successful start. "Re-run failed jobs" does not run a job again that has succeeded,
// so the jobs that need the runner would wait for one that is gone. Re-running the start job re-runs its dependents
// too. https://docs.github.com/actions/how-tos/manage-workflow-runs/re-run-workflows-and-jobs
func rerunNote(job, run string) string {
	job = cmp.Or(job, "start")
	all := "all jobs"
	if run != "" {
		all += fmt.Sprintf(" (gh run rerun %s)", run)
	}
	return fmt.Sprintf("to run a job on EC2 again later, re-run the job %s or %s: \"Re-run failed jobs\" "+
		"leaves the runner out", job, all)
}
