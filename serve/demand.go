package serve

import "time"

// This file says how many machines a set needs, and makes no call.

// demand is what a set needs and has.
type demand struct {
	min, max int
	assigned int // jobs, running ones among them, by GitHub's own count
	working  int // machines that run a job or may get one: launching, starting, idle or busy
	living   int // all that EC2 still has, those whose job is over among them
	// launching are those that EC2 is being asked for, and has not given yet.
	launching int
	online    int // runners that are idle or busy
}

// desired is how many machines the set should have: the idle ones that are to be kept, and one for each job.
func (d demand) desired() int { return min(d.max, d.min+d.assigned) }

// lacking is how many to launch. A machine whose job is over still counts against the maximum until it is gone.
func (d demand) lacking() int { return max(0, min(d.desired()-d.working, d.max-d.living)) }

// crowded reports whether machines whose job is over keep others from being launched.
func (d demand) crowded() bool {
	wanted := d.desired() - d.working
	return wanted > 0 && wanted > d.max-d.living
}

// surplus is how many machines there are that nothing needs.
func (d demand) surplus() int { return max(0, d.working-d.desired()) }

// Times between tries to launch while EC2 has nothing, and while it refuses what waiting does not change.
const (
	firstPause = 15 * time.Second
	maxPause   = 5 * time.Minute
)

// pause holds a set's launches back after a refusal.
type pause struct {
	until time.Time
	wait  time.Duration // the last one; 0 while nothing is refused
	fatal bool          // waiting does not help
	why   string
	early bool      // machines end before their runners come online, so that a launch alone says nothing
	tried bool      // one was launched meanwhile, and nothing is known of it yet
	since time.Time // when the last one ended
}

// next is the pause after one more refusal, twice as long as the one before. jitter is in [0, 1): the wait is between
// three quarters and five quarters of its length, so that sets do not ask at the same moment.
func (p pause) next(now time.Time, fatal bool, why string, jitter float64) pause {
	wait := firstPause
	switch {
	case fatal:
		wait = maxPause
	case p.wait > 0 && !p.fatal:
		wait = min(2*p.wait, maxPause)
	}
	spread := time.Duration((0.75 + jitter/2) * float64(wait))
	return pause{until: now.Add(min(spread, maxPause)), wait: wait, fatal: fatal, why: why}
}

// isOn reports whether the last answer was a refusal.
func (p pause) isOn() bool { return p.wait > 0 }

// capacity is how many jobs GitHub may assign to the set: all that it can ever serve, or, while nothing can be
// launched, what is online or starting. A job that nothing will take is reassigned three times at most.
func capacity(d demand, p pause) int {
	switch {
	case p.early:
		return min(d.online, d.max)
	case p.isOn():
		return min(d.working-d.launching, d.max)
	}
	return d.max
}

// toLaunch is how many to launch now. After a pause one machine tries whether there is capacity again, even if GitHub
// has taken the job back meanwhile, since it assigns none beyond the capacity that it was told: the job waits there.
func toLaunch(d demand, p pause, now time.Time) int {
	switch {
	case !p.isOn():
		return d.lacking()
	case now.Before(p.until) || d.launching > 0 || d.living >= d.max:
		return 0
	}
	return 1
}
