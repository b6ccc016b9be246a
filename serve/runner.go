package serve

import (
	"time"

	"github.com/marqo-ai/ec2-github-runner/ec2"
	"github.com/marqo-ai/ec2-github-runner/github"
	"github.com/marqo-ai/ec2-github-runner/runner/tags"
	"github.com/marqo-ai/ec2-github-runner/serve/queue"
)

// runner is one machine of a set and its registration, as far as this process knows them. What it knows is a copy: the
// tags and GitHub have it all, and a look fills in what an earlier process has made.
type runner struct {
	name     string
	id       int64        // of the registration; 0 while not known
	instance ec2.Instance // ID "" while not known
	// launching reports whether this process is registering or launching it.
	launching bool
	// shows is until when a machine may show itself of which only the registration is known, and found since when an
	// earlier process's is known.
	shows, found time.Time
	due, expires time.Time

	state runnerState
	job   queue.Job // that it runs or has run, as far as messages told
	over  bool      // EC2 has ended the machine

	// Since when it has been so, for this process; zero where it is not so.
	idle, offline, gone, done, absent, stopped time.Time

	// For the log: when each phase ended.
	wanted, registered, launched, online, started time.Time
}

// runnerState is what GitHub says of a registration.
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
		return false // a stopped machine that this process has not started is left of a claim
	case !r.gone.IsZero():
		return !r.started.IsZero() // GitHub's list may lack runners at work
	}
	return r.instance.ID != "" || !r.shows.IsZero() || r.state == runnerIdle || r.state == runnerBusy
}

// spareTime is how long after its turn to be launched a machine counts that has not come online. GitHub takes an
// assigned job back after five minutes and fails it at the third time, so another machine is launched before that. The
// late one may still come: what is then too much ends as an idle one.
const spareTime = 4 * time.Minute

// isLate reports whether GitHub says that the runner has never been online, although its machine had time enough.
func (r *runner) isLate(now time.Time) bool {
	return r.state == runnerOffline && r.online.IsZero() && !r.due.IsZero() &&
		!now.Before(r.due.Add(spareTime-dueTime))
}

// isMissing reports whether an earlier process's registration has shown no machine for so long that it was probably
// killed before it launched one. A process that lives may still launch it, so its room is kept until r.shows.
func (r *runner) isMissing(now time.Time) bool {
	return r.instance.ID == "" && !r.found.IsZero() && r.state != runnerIdle && r.state != runnerBusy &&
		now.Sub(r.found) >= absentTime
}

// isCounted reports whether the set can count on the runner for a job.
func (r *runner) isCounted(now time.Time) bool {
	return r.takesJobs() && !r.isLate(now) && !r.isMissing(now)
}

// isAlive reports whether there is a machine, or may be one at any moment.
func (r *runner) isAlive() bool { return !r.over && (r.instance.ID != "" || r.takesJobs()) }

// isBusy reports whether a job runs on it, by GitHub's list or by the message that it has started. The list shows a job
// late, and calls some runners idle for as long as their job runs: https://github.com/actions/runner/issues/4422. So it
// counts against the message only once the machine's time is over.
func (r *runner) isBusy(now time.Time) bool {
	return r.done.IsZero() && (r.state == runnerBusy || !r.started.IsZero() && now.Before(r.started.Add(lifetime)))
}

// see takes in what GitHub's list says. The zero registration says that there is none.
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

// since keeps since when something has been so.
func since(before time.Time, is bool, now time.Time) time.Time {
	switch {
	case !is:
		return time.Time{}
	case before.IsZero():
		return now
	}
	return before
}

// adopt makes a runner of what an earlier process has launched.
func adopt(i ec2.Instance) *runner {
	said := tags.Of(i)
	return &runner{name: said.RunnerName, id: said.RunnerID, instance: i, state: runnerUnseen, due: said.DueAt,
		expires: said.ExpiresAt}
}
