package simulator

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
)

// Job is a job that waits for a runner.
type Job struct {
	Label    string        `yaml:"label"`    // of the runner
	Scope    string        `yaml:"scope"`    // default any
	Duration time.Duration `yaml:"duration"` // default 10s, divided by Config.Speed
	After    time.Duration `yaml:"after"`    // queued so long after the world's beginning
	Run      int64         `yaml:"run"`      // the workflow run that lists it; default any
}

// JobState tells what became of a job.
type JobState struct {
	Label, Runner  string
	State          string // queued, running, done or lost
	Queued         time.Time
	Started, Ended time.Time
}

type job struct {
	Job
	state JobState
}

// RunJob queues a job for a runner with this label; an idle one that is online takes it at once. Duration is the world's.
func (w *World) RunJob(label string, d time.Duration) {
	w.enter()
	defer w.mu.Unlock()
	w.hub.queue(Job{Label: label, Duration: d})
}

// Jobs tells of all jobs in the order of their queueing.
func (w *World) Jobs() []JobState {
	w.enter()
	defer w.mu.Unlock()
	states := make([]JobState, 0, len(w.hub.jobs))
	for _, j := range w.hub.jobs {
		states = append(states, j.state)
	}
	return states
}

func (h *hub) queue(j Job) {
	if j.Duration == 0 {
		j.Duration = 10 * time.Second
	}
	h.jobs = append(h.jobs, &job{Job: j, state: JobState{Label: j.Label, State: "queued", Queued: h.w.now}})
	h.assign()
}

// assign gives waiting jobs to idle runners.
func (h *hub) assign() {
	for _, j := range h.jobs {
		if j.state.State != "queued" {
			continue
		}
		if r := h.idle(j); r != nil {
			h.run(j, r)
		}
	}
}

func (h *hub) idle(j *job) *runner {
	for _, name := range sortedKeys(h.scopes) {
		if j.Scope != "" && j.Scope != name {
			continue
		}
		for _, r := range h.scopes[name].runners {
			if r.online && !r.busy && !r.gone && slices.ContainsFunc(r.labels, func(l label) bool { return strings.EqualFold(l.name, j.Label) }) {
				return r
			}
		}
	}
	return nil
}

func (h *hub) run(j *job, r *runner) {
	r.busy, r.job = true, j
	j.state.State, j.state.Runner, j.state.Started = "running", r.name, h.w.now
	life := 0
	if r.machine != nil {
		life = r.machine.life
	}
	h.w.after(j.Duration, func() {
		if r.job != j || (r.machine != nil && r.machine.life != life) {
			return
		}
		r.busy, r.job = false, nil
		j.state.State, j.state.Ended = "done", h.w.now
		if r.machine != nil {
			r.machine.jobEnded(r)
		} else {
			h.assign()
		}
	})
}

// loseJob is what GitHub does about a job whose runner was not heard of for too long.
func (h *hub) loseJob(r *runner) {
	if r.job != nil {
		r.job.state.State, r.job.state.Ended = "lost", h.w.now
	}
	r.busy, r.job = false, nil
}

// named finds a registration by name in any scope.
func (h *hub) named(name string) *runner {
	for _, s := range sortedKeys(h.scopes) {
		if r := h.scopes[s].byName[strings.ToLower(name)]; r != nil {
			return r
		}
	}
	return nil
}

// configure is what config.sh does at GitHub: it makes a registration by token, or takes over the one that has the name. A
// registration taken over keeps its id.
func (h *hub) configure(s settings) (*runner, error) {
	t := h.tokens[s.token]
	if t == nil || h.w.now.After(t.expires) {
		return nil, errors.New("the token is not valid (HTTP 404)")
	}
	name := orText(s.name, "ip-10-0-0-1")
	if !goodName(name) {
		return nil, fmt.Errorf("runner name %q is not valid", name)
	}
	labels := append([]string{"self-hosted", "Linux", s.architecture()}, s.labels...)
	old := t.scope.byName[strings.ToLower(name)]
	if old == nil {
		fresh := h.register(t.scope, name, labels)
		fresh.ephemeral = s.ephemeral
		return fresh, nil
	}
	if old.online || !s.replace {
		return nil, fmt.Errorf("a runner exists with the same name %s", name)
	}
	fresh := h.register(t.scope, name, labels)
	old.labels, old.ephemeral, old.jit, old.visible = fresh.labels, s.ephemeral, false, h.w.now
	t.scope.byName[strings.ToLower(name)] = old
	delete(t.scope.byID, fresh.id)
	t.scope.runners = t.scope.runners[:len(t.scope.runners)-1]
	return old, nil
}
