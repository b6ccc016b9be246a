package serve

import "time"

// This file computes how many machines a set needs. It makes no call.

// demand is how many machines a set needs and has.
type demand struct {
	min, max  int
	assigned  int // jobs, including running ones, by GitHub's count
	working   int // machines that run a job or may get one: launching, starting, idle or busy
	living    int // machines that EC2 still has, including those whose job is over
	launching int // machines that EC2 was asked for and has not launched yet
	online    int // runners that are idle or busy
}

// desired returns how many machines the set should have: min idle ones, and one for each job.
func (d demand) desired() int { return min(d.max, d.min+d.assigned) }

// lacking returns how many to launch. A machine whose job is over counts against the maximum until it is terminated.
func (d demand) lacking() int { return max(0, min(d.desired()-d.working, d.max-d.living)) }

// crowded reports whether machines whose job is over keep others from being launched.
func (d demand) crowded() bool {
	wanted := d.desired() - d.working
	return wanted > 0 && wanted > d.max-d.living
}

// surplus returns how many machines nothing needs.
func (d demand) surplus() int { return max(0, d.working-d.desired()) }

// capacity returns how many jobs GitHub may assign to the set: max, or, while nothing can be launched, the number of
// machines that are online or starting. GitHub reassigns a job that no runner takes three times at most.
func capacity(d demand, p pause) int {
	switch {
	case p.early:
		return min(d.online, d.max)
	case p.isOn():
		return min(d.working-d.launching, d.max)
	}
	return d.max
}

// toLaunch returns how many to launch now. After a pause one machine tests whether there is capacity again. It does so
// even if GitHub has taken the job back meanwhile: the job waits there because GitHub was told of no capacity.
func toLaunch(d demand, p pause, now time.Time) int {
	switch {
	case !p.isOn():
		return d.lacking()
	case now.Before(p.until) || d.launching > 0 || d.living >= d.max:
		return 0
	}
	return 1
}
