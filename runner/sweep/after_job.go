package sweep

import (
	"fmt"
	"time"

	"github.com/marqo-ai/ec2-github-runner/ec2"
	"github.com/marqo-ai/ec2-github-runner/runner/diagnosis"
	"github.com/marqo-ai/ec2-github-runner/runner/tags"
)

// judgeAfterJob spares a machine for its keep-after-job-minutes, even if its run is over. GitHub removes its runner
// with the job, so the minutes count from the first look that misses the runner, plus the grace, since the machine
// terminates itself. GitHub may remove the runner some seconds late (https://github.com/actions/runner/issues/2809): if
// it is still there when the run is over, a second look decides.
func (s *survey) judgeAfterJob(i ec2.Instance, f facts) (Act, string) {
	said := tags.Of(i)
	if said.AfterJob == 0 || f.state != runnerGone && f.run != runOver {
		return "", ""
	}
	why, stays := "its runner is gone", said.AfterJob+s.grace
	if f.state != runnerGone {
		why, stays = "its run "+said.RunID+" is over", s.grace
	}
	why += fmt.Sprintf(", but it may stay for %s after its job (keep-after-job-minutes)",
		diagnosis.Minutes(said.AfterJob))
	switch {
	case f.run != runOver && s.now.Before(said.DueAt):
		return "", ""
	case said.SuspectSince.IsZero():
		return Marked, why
	case s.now.Sub(said.SuspectSince) < stays:
		return Spared, why + ": a sweep terminates it after " + said.SuspectSince.Add(stays).UTC().Format(time.RFC3339)
	}
	return "", ""
}
