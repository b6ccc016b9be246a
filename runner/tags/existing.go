package tags

import (
	"slices"
	"time"

	"github.com/marqo-ai/ec2-github-runner/ec2"
	"github.com/marqo-ai/ec2-github-runner/github"
	"github.com/marqo-ai/ec2-github-runner/runner/tags/key"
)

// The values of the tag found.
const (
	FoundRunning = "running"
	FoundStopped = "stopped"
)

// IsStartedByUs reports whether an existing machine runs because a start of ours has started it, and that nobody has
// started it since. Where the start was cut off before it could note the time, a start within that start's own time is
// taken for ours.
func (r Record) IsStartedByUs() bool {
	if r.instance.Tags[key.Found] != FoundStopped {
		return false
	}
	if at := r.StartedAt; !at.IsZero() {
		return r.instance.LaunchTime.Truncate(time.Second).Equal(at.Truncate(time.Second))
	}
	return r.instance.LaunchTime.Before(r.DueAt)
}

// FoundAs is the state in which an existing machine counts as found. Who takes over what an earlier start has started
// is the one who stops it at the end.
func (r Record) FoundAs() string {
	if state := r.instance.State; state == ec2.Stopped || state == ec2.Stopping || r.IsStartedByUs() {
		return FoundStopped
	}
	return FoundRunning
}

// Runner finds the runner of an existing machine among runners, by what its tags say: by id, else by name. Where the
// tags say nothing, candidates are those with its label.
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

// MayWork reports whether a job may be running on an existing machine: its runner is busy, or, where nothing says
// which one that is, one of those that it may be.
func (r Record) MayWork(runners []github.Runner) bool {
	own, candidates := r.Runner(runners)
	return own.Busy || slices.ContainsFunc(candidates, func(c github.Runner) bool { return c.Busy })
}
