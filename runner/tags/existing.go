package tags

import (
	"slices"
	"time"

	"github.com/marqo-ai/ec2-github-runner/ec2"
	"github.com/marqo-ai/ec2-github-runner/github"
)

// The tags of existing machines beside those of every instance.
const (
	// Found is the state in which a start found the machine: what ran before is left running.
	Found = Prefix + "found"
	// StartedAt is when EC2 says that the machine was started by us. Whoever starts it later makes that another time.
	StartedAt = Prefix + "started-at"
)

// The values of Found.
const (
	FoundRunning = "running"
	FoundStopped = "stopped"
)

// IsStartedByUs reports whether an existing machine runs because a start of ours has started it, and that nobody has
// started it since. Where the start was cut off before it could note the time, a start within that start's own time is
// taken for ours.
func IsStartedByUs(i ec2.Instance) bool {
	if i.Tags[Found] != FoundStopped {
		return false
	}
	if at := TimeOf(i, StartedAt); !at.IsZero() {
		return i.LaunchTime.Truncate(time.Second).Equal(at.Truncate(time.Second))
	}
	return i.LaunchTime.Before(TimeOf(i, DueAt))
}

// IsOn reports whether a machine runs or is about to.
func IsOn(i ec2.Instance) bool { return i.State == ec2.Running || i.State == ec2.Pending }

// FoundAs is the state in which a machine counts as found. Who takes over what an earlier start has started is the one
// who stops it at the end.
func FoundAs(i ec2.Instance) string {
	if i.State == ec2.Stopped || i.State == ec2.Stopping || IsStartedByUs(i) {
		return FoundStopped
	}
	return FoundRunning
}

// RunnerOf finds the runner of an existing machine among runners, by what its tags say: by id, else by name. Where the
// tags say nothing, candidates are those with its label.
func RunnerOf(i ec2.Instance, runners []github.Runner) (r github.Runner, candidates []github.Runner) {
	id, name := RunnerIDOf(i), i.Tags[RunnerName]
	var named github.Runner
	for _, r := range runners {
		switch {
		case id != 0 && r.ID == id:
			return r, nil
		case name != "" && r.Name == name:
			named = r
		case HasLabel(r, i.Tags[Label]):
			candidates = append(candidates, r)
		}
	}
	if named.ID != 0 {
		return named, nil
	}
	return github.Runner{}, candidates
}

// MayWork reports whether a job may be running on an existing machine: its runner is busy, or, where nothing says
// which one that is, one of those that it may be.
func MayWork(i ec2.Instance, runners []github.Runner) bool {
	r, candidates := RunnerOf(i, runners)
	return r.Busy || slices.ContainsFunc(candidates, func(r github.Runner) bool { return r.Busy })
}
