package simulator

import "time"

// statistics is RunnerScaleSetStatistic (types.go of actions/scaleset).
type statistics struct {
	Available  int `json:"totalAvailableJobs"`
	Acquired   int `json:"totalAcquiredJobs"`
	Assigned   int `json:"totalAssignedJobs"`
	Running    int `json:"totalRunningJobs"`
	Registered int `json:"totalRegisteredRunners"`
	Busy       int `json:"totalBusyRunners"`
	Idle       int `json:"totalIdleRunners"`
}

// statistics counts the set's jobs and runners. Assigned includes what runs: "both jobs waiting for a runner and jobs
// already running (TotalAssignedJobs >= TotalRunningJobs)" (README of actions/scaleset, "Autoscaling").
func (s *scaleSet) statistics() statistics {
	n := statistics{Assigned: len(s.jobs)}
	for _, j := range s.hub.waiting {
		if s.takes(j.setJob) {
			n.Available++
		}
	}
	for _, j := range s.jobs {
		if j.state.State == jobRunning {
			n.Running++
		}
	}
	for _, r := range s.runners {
		n.Registered++
		switch {
		case r.busy:
			n.Busy++
		case r.online:
			n.Idle++
		}
	}
	return n
}

// count is the statistics from a moment on.
type count struct {
	at time.Time
	statistics
}

// recordStatistics keeps the statistics of this moment, if they are to be shown late.
func (s *scaleSet) recordStatistics() {
	if s.hub.w.cfg.ScaleSets.StatisticsDelay <= 0 {
		return
	}
	s.past = append(s.past, count{s.hub.w.now, s.statistics()})
	for len(s.past) > 1 && !s.past[1].at.After(s.statisticsTime()) {
		s.past = s.past[1:]
	}
}

// statisticsTime is the moment of which the service shows the statistics.
func (s *scaleSet) statisticsTime() time.Time {
	return s.hub.w.now.Add(-s.hub.w.scaled(s.hub.w.cfg.ScaleSets.StatisticsDelay))
}

// shownStatistics are those that messages and sessions have.
func (s *scaleSet) shownStatistics() statistics {
	if s.hub.w.cfg.ScaleSets.StatisticsDelay <= 0 {
		return s.statistics()
	}
	var shown statistics
	for _, c := range s.past {
		if c.at.After(s.statisticsTime()) {
			break
		}
		shown = c.statistics
	}
	return shown
}
