package action

import (
	"context"
	"fmt"
	"strings"

	"github.com/marqo-ai/ec2-github-runner/runner/rerun"
)

// runRerun runs jobs again that EC2 interrupted, and logs for each run why or why not. It returns its part of the job
// summary.
func runRerun(ctx context.Context, c clients, regions []string) (summary string, err error) {
	if c.request.Rerun == nil {
		return "", nil
	}
	request := *c.request.Rerun
	request.Regions = regions
	list, err := (&rerun.Rerunner{Cloud: c.cloud, Registry: c.registry, Log: c.out.log}).Run(ctx, request)
	for _, r := range list {
		what := rerunSentence(r, request.DryRun)
		if r.Err != nil {
			c.out.log.Warn(what, "error", r.Err, "hint", r.Hint)
			continue
		}
		c.out.log.Info(what)
	}
	return rerunSummary(list, request.DryRun), err
}

func rerunSentence(r rerun.Rerun, dryRun bool) string {
	what, runs := "all jobs of run "+r.Run, "run"
	if r.Job != 0 {
		what, runs = fmt.Sprintf("job %s (%d) of run %s", r.JobName, r.Job, r.Run), "runs"
	}
	switch {
	case !r.Decided:
		return fmt.Sprintf("run %s is not run again: %s", r.Run, r.Why)
	case dryRun:
		return fmt.Sprintf("dry run: %s would run again: %s", what, r.Why)
	case r.Err != nil:
		return fmt.Sprintf("%s cannot be run again", what)
	}
	return fmt.Sprintf("%s %s again, as attempt %d: %s", what, runs, r.Attempt+1, r.Why)
}

// rerunSummary returns the part of a sweep's job summary about interrupted jobs.
func rerunSummary(list []rerun.Rerun, dryRun bool) string {
	if len(list) == 0 {
		return ""
	}
	var b strings.Builder
	b.WriteString("### Interrupted jobs\n\n| run | attempt | machines that EC2 reclaimed | what |\n|---|---|---|---|\n")
	for _, r := range list {
		what := rerunSentence(r, dryRun)
		if r.Err != nil {
			what += ": " + r.Err.Error() + " (" + r.Hint + ")"
		}
		fmt.Fprintf(&b, "| %s | %d | %s | %s |\n", code(r.Run), r.Attempt, code(strings.Join(r.Instances, " ")),
			cell(what))
	}
	b.WriteString("\n")
	return b.String()
}
