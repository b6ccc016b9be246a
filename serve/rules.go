package serve

import (
	"fmt"
	"time"

	"github.com/marqo-ai/ec2-github-runner/ec2"
)

// This file decides what is done about each runner of a set after a look. It makes no call. Two rules come before all
// others: what could not be read is not judged, and before a machine is terminated its registration is removed, which
// GitHub refuses while a job runs.

// act is what is done about a runner.
type act string

const (
	spared       act = "spared"
	forgotten    act = "forgotten"    // neither a machine nor a registration is left
	deregistered act = "deregistered" // it has no machine: its registration is removed
	ended        act = "ended"        // its registration is removed, and then its machine is terminated
)

// How long the rules wait.
const (
	// powerOffTime is how long a machine may take to power itself off after its job.
	powerOffTime = time.Minute
	// startTime is how long EC2 may show a machine as stopped after it was started.
	startTime = time.Minute
	// launchTime is how long after its registration a machine may be launched: the call is repeated for two minutes.
	launchTime = 4 * time.Minute
	// absentTime is how long EC2 may fail to show a machine that it has launched.
	absentTime = time.Minute
	// surplusTime is how long a machine that nothing needs is kept, in case a job comes. The next poll, which tells
	// GitHub a new capacity, may be 50 s away.
	surplusTime = 90 * time.Second
	// stuckTime is how long a runner may stay idle while jobs wait.
	stuckTime = 5 * time.Minute
	// offlineTime is how long a runner may be offline after it was online.
	offlineTime = 3 * time.Minute
)

// view is what the rules know besides the runner itself.
type view struct {
	now     time.Time
	listed  bool // GitHub has answered with its list of runners
	surplus bool // the set has more runners than it needs, and this is one of them
	removed bool // the set was taken out of the file
	waiting bool // jobs have waited for an idle runner for stuckTime
	doubled bool // another machine with its runner's name was launched before it
	hidden  bool // more jobs of the set run than runners are shown as busy
}

// rule decides about a runner, or returns "" to leave it to the next rule.
type rule func(view, *runner) (act, string)

// rules are applied in this order until one decides. Those that spare come before those that end.
var rules = []rule{isLaunching, isOver, hasNoMachine, isBusy, isUnseen, isDoubled, isDone, isGone, isStopped, isOverdue,
	isExpired, isHidden, isStuck, isSurplus}

// judge applies the rules to a runner.
func judge(v view, r *runner) (act, string) {
	for _, rule := range rules {
		if act, why := rule(v, r); act != "" {
			return act, why
		}
	}
	return spared, "it is needed"
}

func isLaunching(_ view, r *runner) (act, string) {
	if r.launching {
		return spared, "it is being launched"
	}
	return "", ""
}

// isOver handles a machine that EC2 has terminated, or has not shown for absentTime. No job runs on it, whatever GitHub
// reports.
func isOver(v view, r *runner) (act, string) {
	switch {
	case !r.over && (r.absent.IsZero() || v.now.Sub(r.absent) < absentTime):
		return "", ""
	case !v.listed:
		return spared, "its machine is over, and whether it is still registered cannot be seen"
	case r.state == runnerGone:
		return forgotten, "its machine is over"
	}
	return deregistered, "its machine is over"
}

// hasNoMachine handles a registration without a machine. A runner that is online has one, even if EC2 does not show it.
func hasNoMachine(v view, r *runner) (act, string) {
	switch {
	case r.instance.ID != "":
		return "", ""
	case !v.listed:
		return spared, "whether it is registered cannot be seen"
	case r.state == runnerGone && v.now.Sub(r.registered) < listsLate:
		return spared, "its registration may still show itself"
	case r.state == runnerGone:
		return forgotten, "it was never launched"
	case r.state != runnerOffline:
		return spared, "it is online, and its machine cannot be seen"
	case v.now.Before(r.shows):
		return spared, "its machine may still show itself"
	}
	return deregistered, "no machine was launched for it"
}

func isBusy(v view, r *runner) (act, string) {
	if v.listed && r.state == runnerGone {
		return "", ""
	}
	// A job whose completion was reported may run on: https://github.com/actions/runner/issues/4492
	if r.state == runnerBusy || r.isBusy(v.now) {
		return spared, "a job runs on it"
	}
	return "", ""
}

func isUnseen(v view, r *runner) (act, string) {
	if !v.listed || r.state == runnerUnseen {
		return spared, "what its runner does cannot be seen"
	}
	return "", ""
}

// isDoubled handles the second machine of a registration. Which of the two is online is not known.
func isDoubled(v view, r *runner) (act, string) {
	switch {
	case !v.doubled:
		return "", ""
	case r.state == runnerIdle:
		return spared, "another machine has its registration too, and one of them is online"
	}
	return ended, "another machine has its registration"
}

func isDone(v view, r *runner) (act, string) {
	switch {
	case r.done.IsZero():
		return "", ""
	case v.now.Sub(r.done) < powerOffTime:
		return spared, "its job is over, and it powers itself off"
	}
	return ended, fmt.Sprintf("its job is over since %s, and it has not powered itself off", clock(r.done))
}

func isGone(v view, r *runner) (act, string) {
	switch {
	case r.state != runnerGone:
		return "", ""
	case v.now.Sub(r.gone) < powerOffTime:
		return spared, "its registration is gone, and it powers itself off"
	}
	return ended, "its registration is gone since " + clock(r.gone)
}

// isStopped handles a stopped machine that is not warm: a claimed one that was never started, or one that
// launch-parameters keep after it has powered itself off.
func isStopped(v view, r *runner) (act, string) {
	switch {
	case r.stopped.IsZero() || r.state == runnerIdle:
		return "", ""
	case v.now.Sub(r.stopped) < startTime:
		return spared, "it is stopped, and may be starting"
	}
	return ended, "it is stopped since " + clock(r.stopped)
}

func isOverdue(v view, r *runner) (act, string) {
	switch {
	case r.state != runnerOffline || v.now.Before(r.due):
		return "", ""
	case !r.online.IsZero() && v.now.Sub(r.offline) < offlineTime:
		return spared, "it is offline since " + clock(r.offline)
	case !r.online.IsZero():
		return ended, "it is offline since " + clock(r.offline)
	}
	return ended, "it has not come online until " + clock(r.due)
}

func isExpired(v view, r *runner) (act, string) {
	if !r.expires.IsZero() && !v.now.Before(r.expires) {
		return ended, "its time was over at " + r.expires.UTC().Format(time.RFC3339)
	}
	return "", ""
}

// isHidden spares a runner that may be busy although GitHub lists it as idle.
func isHidden(v view, r *runner) (act, string) {
	if v.hidden && r.state == runnerIdle {
		return spared, "a job runs on a runner that GitHub calls idle, and it may be this one"
	}
	return "", ""
}

func isStuck(v view, r *runner) (act, string) {
	if v.waiting && r.state == runnerIdle && v.now.Sub(r.idle) >= stuckTime {
		return ended, "it is idle since " + clock(r.idle) + " and takes none of the jobs that wait"
	}
	return "", ""
}

func isSurplus(v view, r *runner) (act, string) {
	if v.surplus && v.removed && r.state == runnerIdle {
		return ended, "it is idle, and its set was taken out of the file"
	}
	if v.surplus && r.state == runnerIdle && v.now.Sub(r.idle) >= surplusTime {
		return ended, "it is idle, and nothing needs it"
	}
	return "", ""
}

// isOlder reports whether a machine was launched before another.
func isOlder(a, b ec2.Instance) bool {
	if a.LaunchTime.Equal(b.LaunchTime) {
		return a.ID < b.ID
	}
	return a.LaunchTime.Before(b.LaunchTime)
}

func clock(t time.Time) string { return t.UTC().Format(time.TimeOnly) }
