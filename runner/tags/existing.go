package tags

import (
	"slices"
	"time"

	"github.com/marqo-ai/ec2-github-runner/ec2"
	"github.com/marqo-ai/ec2-github-runner/github"
	"github.com/marqo-ai/ec2-github-runner/runner/tags/key"
)

// The values of the tag key.Found.
const (
	FoundRunning = "running"
	FoundStopped = "stopped"
)

// IsStartedByUs reports whether an existing machine is running because this action started it and nobody has started it
// since. If the start was interrupted before it could record the launch time, a launch before the start's deadline
// counts as ours.
func (r Record) IsStartedByUs() bool {
	if r.instance.Tags[key.Found] != FoundStopped {
		return false
	}
	if at := r.StartedAt; !at.IsZero() {
		return r.instance.LaunchTime.Truncate(time.Second).Equal(at.Truncate(time.Second))
	}
	return r.instance.LaunchTime.Before(r.DueAt)
}

// FoundAs returns the state in which an existing machine counts as found. A start that takes over a machine which an
// earlier start has started is the one that stops it in the end.
func (r Record) FoundAs() string {
	if state := r.instance.State; state == ec2.Stopped || state == ec2.Stopping || r.IsStartedByUs() {
		return FoundStopped
	}
	return FoundRunning
}

// Runner finds the runner of an existing machine among runners: by the id in its tags, else by the name. If the tags
// name neither, candidates are the runners with the machine's label.
func (r Record) Runner(runners []github.Runner) (own github.Runner, candidates []github.Runner) {
	name := r.instance.Tags[key.RunnerName]
	var named github.Runner
	for _, each := range runners {
		switch {
		case r.RunnerID != 0 && each.ID == r.RunnerID:
			return each, nil
		case name != "" && each.Name == name:
			named = each
		case HasLabel(each, r.instance.Tags[key.Label]):
			candidates = append(candidates, each)
		}
	}
	if named.ID != 0 {
		return named, nil
	}
	return github.Runner{}, candidates
}

// MayBeBusy reports whether a job may be running on an existing machine: its runner is busy or, if the tags do not
// identify the runner, one of the candidates is.
func (r Record) MayBeBusy(runners []github.Runner) bool {
	own, candidates := r.Runner(runners)
	return own.Busy || slices.ContainsFunc(candidates, func(c github.Runner) bool { return c.Busy })
}
