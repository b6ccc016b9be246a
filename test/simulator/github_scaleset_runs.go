package simulator

import (
	"slices"
	"time"
)

// maxAssignments is how often GitHub assigns a job that no runner takes. "This can happen up to 3 times with
// incremental delays" (README of actions/scaleset, "Job Reassignment"); GitHub's trace in
// https://github.com/actions/actions-runner-controller/issues/4602 has three. That the job fails then is assumed at its
// worst.
const maxAssignments = 3

// start gives the set's assigned jobs to its idle runners: "GitHub assigns a pending job to any idle runner in the
// scale set" (README of actions/scaleset, "What is a Scale Set?"). "Each runner executes one job and is then removed."
func (s *scaleSet) start() {
	idle := slices.DeleteFunc(slices.Clone(s.runners), func(r *runner) bool {
		return !r.online || r.busy || !r.jobBegan.IsZero() || r.offered != nil
	})
	for _, j := range s.jobs {
		if len(idle) == 0 {
			return
		}
		if j.state.State != jobAssigned || s.isOffered(j) {
			continue
		}
		r := idle[0]
		idle = idle[1:]
		if r.takesNone {
			r.offered = j
			continue
		}
		s.hub.run(j, r)
		m := s.message("JobStarted", j)
		m["runnerId"], m["runnerName"] = r.id, r.name
		s.push(m)
	}
}

// isOffered reports whether a runner was sent the job that does not take it. GitHub waits for that runner, and does not
// send it another one (assumed).
func (s *scaleSet) isOffered(j *job) bool {
	return slices.ContainsFunc(s.runners, func(r *runner) bool { return r.offered == j })
}

// watchAssignment plans the end of an assignment that no runner takes: GitHub cancels it, tells the set, and queues the
// job anew. The delay is the same each time, as it is in GitHub's trace.
func (h *hub) watchAssignment(j *job) {
	number := j.state.Assignments
	h.w.after(h.w.cfg.ScaleSets.Reassign, func() {
		if j.state.State != jobAssigned || j.state.Assignments != number {
			return
		}
		if number >= maxAssignments {
			h.finish(j, jobFailed, nil)
			return
		}
		s := j.set
		for _, r := range s.runners {
			if r.offered == j {
				r.offered = &job{} // it gets no other one
			}
		}
		h.unassign(j)
		s.push(s.completion(j, "canceled", nil))
		h.assignSets()
	})
}

// unassign makes a job wait for a set again.
func (h *hub) unassign(j *job) {
	s := j.set
	s.jobs = slices.DeleteFunc(s.jobs, func(o *job) bool { return o == j })
	j.set, j.state.State, j.state.Set = nil, jobQueued, ""
	delete(j.announced, s)
	h.waiting = append(h.waiting, j)
}

// cancelTakes is how long a runner needs to cancel its job.
const cancelTakes = 2 * time.Second

// CancelJob cancels a job of a scale set, by its id, as a person does on GitHub's pages. It reports whether it had not
// ended yet.
func (w *World) CancelJob(id string) bool {
	w.enter()
	defer w.mu.Unlock()
	h := w.hub
	n := slices.IndexFunc(h.jobs, func(j *job) bool { return j.setJob != nil && j.state.ID == id })
	if n < 0 {
		return false
	}
	j := h.jobs[n]
	switch j.state.State {
	case jobQueued:
		h.waiting = slices.DeleteFunc(h.waiting, func(o *job) bool { return o == j })
		h.finish(j, jobCanceled, nil)
	case jobAssigned:
		h.finish(j, jobCanceled, nil)
	case jobRunning:
		r := j.set.runnerOf(j)
		life := r.machineLife()
		w.after(cancelTakes, func() {
			if r.job == j && r.machineLife() == life {
				h.endJob(j, r, jobCanceled)
			}
		})
	default:
		return false
	}
	return true
}

// FinishJob ends a job of a scale set that runs, by its id, well and before its time. It reports whether it ran.
func (w *World) FinishJob(id string) bool {
	w.enter()
	defer w.mu.Unlock()
	for _, j := range w.hub.jobs {
		if j.setJob != nil && j.state.ID == id && j.state.State == jobRunning {
			w.hub.endJob(j, j.set.runnerOf(j), jobDone)
			return true
		}
	}
	return false
}

// CompleteEarly tells the set of a job that runs, by its id, that it is completed, while it runs on, as was seen:
// https://github.com/actions/runner/issues/4492. It reports whether the job runs.
func (w *World) CompleteEarly(id string) bool {
	w.enter()
	defer w.mu.Unlock()
	for _, j := range w.hub.jobs {
		if j.setJob != nil && j.state.ID == id && j.state.State == jobRunning {
			s := j.set
			s.jobs = slices.DeleteFunc(s.jobs, func(o *job) bool { return o == j })
			s.push(s.completion(j, results[jobDone], s.runnerOf(j)))
			return true
		}
	}
	return false
}

// runnerOf finds the runner that runs a job.
func (s *scaleSet) runnerOf(j *job) *runner {
	return s.runners[slices.IndexFunc(s.runners, func(r *runner) bool { return r.job == j })]
}
