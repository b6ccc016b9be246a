package simulator

import (
	"fmt"
	"slices"
	"time"
)

// ScaleSetJob is a job that waits for a scale set.
type ScaleSetJob struct {
	// Labels are those of its runs-on; a set must have them all. Default: the set's name.
	Set    string   `yaml:"set"`
	Labels []string `yaml:"labels"`

	Repository string        `yaml:"repository"` // default the first
	Run        int64         `yaml:"run"`        // default 4711
	Name       string        `yaml:"name"`       // as GitHub's pages show it
	Duration   time.Duration `yaml:"duration"`   // default 10s, divided by Config.Speed
	After      time.Duration `yaml:"after"`      // of a seed: queued so long after the world's beginning
	Count      int           `yaml:"count"`      // of a seed: so many jobs of this kind, default 1
}

func (h *hub) seedSetJobs() {
	for _, seed := range h.w.cfg.ScaleSetJobs {
		h.w.after(seed.After, func() {
			for range max(1, seed.Count) {
				h.queueSetJob(seed)
			}
			h.assignSets()
		})
	}
}

// QueueScaleSetJob queues a job for a set, which need not exist yet, and gives the job's id. GitHub assigns it to a set
// that has a listener with capacity left, and then to an idle runner of that set.
func (w *World) QueueScaleSetJob(set string, j ScaleSetJob) string {
	w.enter()
	defer w.mu.Unlock()
	j.Set = set
	id := w.hub.queueSetJob(j).state.ID
	w.hub.assignSets()
	return id
}

func (h *hub) queueSetJob(in ScaleSetJob) *job {
	if len(in.Labels) == 0 {
		in.Labels = []string{in.Set}
	}
	if in.Duration == 0 {
		in.Duration = 10 * time.Second
	}
	in.Repository = orText(in.Repository, h.w.cfg.Repositories[0])
	if in.Run == 0 {
		in.Run = 4711
	}
	u := h.w.hex(32)
	j := &job{
		Job:    Job{Label: in.Labels[0], Scope: in.Repository, Duration: in.Duration, Run: in.Run},
		setJob: &in, number: int64(len(h.jobs) + 1), announced: map[*scaleSet]bool{},
		state: JobState{Label: in.Labels[0], State: jobQueued, Queued: h.w.now,
			ID: fmt.Sprintf("%s-%s-4%s-a%s-%s", u[:8], u[8:12], u[13:16], u[17:20], u[20:])},
	}
	j.setJob.Name = orText(in.Name, fmt.Sprintf("work (%d)", j.number))
	h.jobs = append(h.jobs, j)
	h.waiting = append(h.waiting, j)
	h.w.after(maxQueued, func() {
		if j.state.State == jobQueued {
			h.waiting = slices.DeleteFunc(h.waiting, func(o *job) bool { return o == j })
			h.finish(j, jobFailed, nil)
		}
	})
	return j
}

// maxQueued is how long a job waits for a runner: "Each job for self-hosted runners can be queued for a maximum of 24
// hours": https://docs.github.com/en/actions/reference/limits
const maxQueued = 24 * time.Hour

// takes reports whether a job may come to the set.
func (s *scaleSet) takes(j *ScaleSetJob) bool { return s.serves(j.Repository) && s.matches(j.Labels) }

// assignSets assigns waiting jobs to sets, and assigned ones to idle runners.
func (h *hub) assignSets() {
	if h.w.cfg.ScaleSets.Acquire {
		for _, j := range h.waiting {
			h.announce(j)
		}
	} else {
		h.assignWaiting()
	}
	for _, s := range h.sets {
		s.start()
	}
}

// assignWaiting assigns the jobs that wait, oldest first, to sets with a listener whose capacity is not used up; among
// several to the one with the fewest jobs. "If both runner scale sets are online, jobs assigned to them will be
// distributed arbitrarily": https://github.com/actions/actions-runner-controller/issues/4004
func (h *hub) assignWaiting() {
	isFull := func(s *scaleSet) bool { return len(s.jobs) >= s.capacity || s.live() == nil }
	open := slices.DeleteFunc(slices.Clone(h.sets), isFull)
	for _, j := range slices.Clone(h.waiting) {
		if len(open) == 0 {
			return
		}
		var found *scaleSet
		for _, s := range open {
			if s.takes(j.setJob) && (found == nil || len(s.jobs) < len(found.jobs)) {
				found = s
			}
		}
		if found != nil {
			h.assignTo(found, j)
			open = slices.DeleteFunc(open, isFull)
		}
	}
}

// announce tells the sets that a job is available.
func (h *hub) announce(j *job) {
	for _, s := range h.sets {
		if !j.announced[s] && s.takes(j.setJob) {
			j.announced[s] = true
			m := s.message("JobAvailable", j)
			m["acquireJobUrl"] = fmt.Sprintf("https://%s%s_apis/runtime/runnerscalesets/%d/acquirejobs", actionsHost,
				actionsBase, s.id)
			s.push(m)
		}
	}
}

func (h *hub) assignTo(s *scaleSet, j *job) {
	h.waiting = slices.DeleteFunc(h.waiting, func(o *job) bool { return o == j })
	s.jobs = append(s.jobs, j)
	j.set = s
	j.state.State, j.state.Set, j.state.Assigned = jobAssigned, s.name, h.w.now
	j.state.Assignments++
	s.push(s.message("JobAssigned", j))
	h.watchAssignment(j)
}
