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

// JobState states what became of a job.
type JobState struct {
	Label, Runner  string
	State          string // queued, running, done or lost; of a scale set's also assigned, canceled or failed
	Queued         time.Time
	Started, Ended time.Time

	// Of a job of a scale set: its id, the set that has it, when it was assigned to it last, and how often.
	ID, Set     string
	Assigned    time.Time
	Assignments int
}

// The states of jobs.
const (
	jobQueued   = "queued"
	jobAssigned = "assigned" // to a scale set
	jobRunning  = "running"
	jobDone     = "done"
	jobLost     = "lost"     // its machine is gone
	jobCanceled = "canceled" // by who may
	jobFailed   = "failed"   // no runner took it, as often as GitHub tries
)

type job struct {
	Job
	setJob *ScaleSetJob // nil for one of no scale set
	set    *scaleSet    // that it is assigned to
	number int64
	state  JobState
	// announced are the sets that were told of the job.
	announced map[*scaleSet]bool
}

// RunJob queues a job for a runner with this label; an idle one that is online takes it at once. Duration is the
// world's.
func (w *World) RunJob(label string, d time.Duration) {
	w.enter()
	defer w.mu.Unlock()
	w.hub.queue(Job{Label: label, Duration: d})
}

// Jobs returns of all jobs in the order of their queueing.
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
	h.jobs = append(h.jobs, &job{Job: j, state: JobState{Label: j.Label, State: jobQueued, Queued: h.w.now}})
	h.assign()
}

// assign gives waiting jobs to idle runners.
func (h *hub) assign() {
	h.assignSets()
	for _, j := range h.jobs {
		if j.state.State != jobQueued || j.setJob != nil {
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
			if r.online && !r.busy && !r.gone && !r.takesNone && r.set == nil && slices.ContainsFunc(r.labels,
				func(l label) bool { return strings.EqualFold(l.name, j.Label) }) {
				return r
			}
		}
	}
	return nil
}

func (h *hub) run(j *job, r *runner) {
	r.busy, r.job, r.jobBegan = true, j, h.w.now
	j.state.State, j.state.Runner, j.state.Started = jobRunning, r.name, h.w.now
	life := r.machineLife()
	h.w.after(j.Duration, func() {
		if r.job == j && r.machineLife() == life {
			h.endJob(j, r, jobDone)
		}
	})
}

// machineLife is the life of the runner's machine: what an earlier one planned does not happen.
func (r *runner) machineLife() int {
	if r.machine == nil {
		return 0
	}
	return r.machine.life
}

// endJob ends a job that runs, other than by the loss of its machine.
func (h *hub) endJob(j *job, r *runner, state string) {
	r.busy, r.job = false, nil
	h.finish(j, state, r)
	switch {
	case r.machine != nil:
		r.machine.jobEnded(r)
	case r.ephemeral:
		h.remove(r)
	default:
		h.assign()
	}
}

// finish writes down how a job ended, and tells its scale set.
func (h *hub) finish(j *job, state string, r *runner) {
	j.state.State, j.state.Ended = state, h.w.now
	if j.set != nil {
		j.set.completed(j, r)
	}
}

// loseJob is what GitHub does about a job whose runner was not heard of for too long.
func (h *hub) loseJob(r *runner) {
	j := r.job
	r.busy, r.job = false, nil
	if j != nil {
		h.finish(j, jobLost, r)
	}
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

// errNameTaken is what config.sh says where the name has a runner and --replace is not given.
var errNameTaken = errors.New("A runner exists with the same name") //nolint:staticcheck // config.sh's own words

// configure is what config.sh does at GitHub: it makes a registration by token or, with --replace, takes over the one
// that has the name, whoever uses it: the registration keeps its id and gets a new public key, so that the machine that
// had it can use it no more.
// https://github.com/actions/runner/blob/main/src/Runner.Listener/Configuration/ConfigurationManager.cs
// (UpdateExistingAgent)
func (h *hub) configure(s settings) (*runner, error) {
	t := h.tokens[s.token]
	if t == nil || h.clock().After(t.expires) {
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
	if !s.replace {
		return nil, fmt.Errorf("%w %s", errNameTaken, name)
	}
	h.evict(old)
	old.setLabels(labels)
	old.ephemeral, old.jit, old.os, old.visible = s.ephemeral, false, "linux", h.w.now
	return old, nil
}

// evict takes a registration from the machine that has it. A job that it runs is lost.
func (h *hub) evict(r *runner) {
	if r.busy {
		h.loseJob(r)
	}
	r.key++
	r.online = false
	delete(h.blobs, r.blob)
	if g := r.machine; g != nil {
		g.say("error: the registration of runner %s was replaced by another machine", r.name)
		g.runner, r.machine = nil, nil
	}
}
