package serve

import (
	"time"

	"github.com/marqo-ai/ec2-github-runner/ec2"
	"github.com/marqo-ai/ec2-github-runner/github"
	"github.com/marqo-ai/ec2-github-runner/runner/tags"
	"github.com/marqo-ai/ec2-github-runner/serve/queue"
)

// runner is one machine of a set and its registration, as this process knows them. All of it is a copy of EC2's tags
// and GitHub's list: a look adds what an earlier process has launched.
type runner struct {
	name     string
	id       int64        // of the registration; 0 while not known
	instance ec2.Instance // ID "" while not known
	// launching is true while this process registers or launches it.
	launching bool
	// shows is until when EC2 may still show a machine for a registration that has none. found is when an earlier
	// process's registration was first seen.
	shows, found time.Time
	due, expires time.Time

	state runnerState
	job   queue.Job // that it runs or has run, by GitHub's messages
	over  bool      // EC2 has terminated the machine

	// Since when each state has been seen by this process; zero if it is not in that state.
	idle, offline, gone, done, absent, stopped time.Time

	// When each phase ended, for the log.
	wanted, registered, launched, online, started time.Time
}

// runnerState is the state of a registration at GitHub.
type runnerState string

const (
	runnerUnseen  runnerState = "unseen" // GitHub has not been asked yet, or did not answer
	runnerGone    runnerState = "gone"
	runnerOffline runnerState = "offline"
	runnerIdle    runnerState = "idle"
	runnerBusy    runnerState = "busy"
)

// takesJobs reports whether the machine runs a job or may get one.
func (r *runner) takesJobs() bool {
	switch {
	case r.launching:
		return true
	case r.over || !r.done.IsZero(), !r.stopped.IsZero() && r.launched.IsZero():
		return false // a stopped machine that this process has not started was claimed by an earlier one
	case !r.gone.IsZero():
		return !r.started.IsZero() // GitHub's list may lack runners at work
	}
	return r.instance.ID != "" || !r.shows.IsZero() || r.state == runnerIdle || r.state == runnerBusy
}

// spareTime is how long a machine counts, from its turn to be launched, while its runner is not online. GitHub takes an
// assigned job back after five minutes and fails it the third time, so another machine is launched before that. If the
// late one comes online after all, the surplus is ended as idle.
const spareTime = 4 * time.Minute

// isLate reports whether the runner has never been online although its machine had spareTime.
func (r *runner) isLate(now time.Time) bool {
	return r.state == runnerOffline && r.online.IsZero() && !r.due.IsZero() &&
		!now.Before(r.due.Add(spareTime-dueTime))
}

// isMissing reports whether an earlier process's registration has had no machine for so long that the process was
// probably killed before it launched one. If it still runs it may launch one, so the room is kept until r.shows.
func (r *runner) isMissing(now time.Time) bool {
	return r.instance.ID == "" && !r.found.IsZero() && r.state != runnerIdle && r.state != runnerBusy &&
		now.Sub(r.found) >= absentTime
}

// isCounted reports whether the set can count on the runner for a job.
func (r *runner) isCounted(now time.Time) bool {
	return r.takesJobs() && !r.isLate(now) && !r.isMissing(now)
}

// isAlive reports whether the machine exists, or may exist at any moment.
func (r *runner) isAlive() bool { return !r.over && (r.instance.ID != "" || r.takesJobs()) }

// isBusy reports whether a job runs on it, by GitHub's list or by the message that the job has started. The list shows
// a job late, and shows some runners as idle while their job runs: https://github.com/actions/runner/issues/4422. So
// the list outweighs the message only after the machine's lifetime.
func (r *runner) isBusy(now time.Time) bool {
	return r.done.IsZero() && (r.state == runnerBusy || !r.started.IsZero() && now.Before(r.started.Add(lifetime)))
}

// see updates the state from GitHub's list. The zero registration means that there is none.
func (r *runner) see(registration github.Runner, now time.Time) {
	if registration.ID != 0 {
		r.id = registration.ID
	}
	switch {
	case registration.ID == 0:
		r.state = runnerGone
	case registration.Busy:
		r.state = runnerBusy
	case registration.Online:
		r.state = runnerIdle
	default:
		r.state = runnerOffline
	}
	r.gone, r.offline = since(r.gone, r.state == runnerGone, now), since(r.offline, r.state == runnerOffline, now)
	r.idle = since(r.idle, r.state == runnerIdle, now)
	if r.online.IsZero() && (r.state == runnerIdle || r.state == runnerBusy) {
		r.online = now
	}
}

// since returns since when a condition holds: before, or now if it is new, or zero if it does not hold.
func since(before time.Time, is bool, now time.Time) time.Time {
	switch {
	case !is:
		return time.Time{}
	case before.IsZero():
		return now
	}
	return before
}

// adopt returns the runner of a machine that an earlier process has launched.
func adopt(i ec2.Instance) *runner {
	said := tags.Of(i)
	return &runner{name: said.RunnerName, id: said.RunnerID, instance: i, state: runnerUnseen, due: said.DueAt,
		expires: said.ExpiresAt}
}
