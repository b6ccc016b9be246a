package serve

import (
	"time"

	"github.com/marqo-ai/ec2-github-runner/serve/queue"
)

// This file takes in the events of jobs in GitHub's messages.

// takeJobs takes in a message.
func (f *fleet) takeJobs(m *queue.Message, now time.Time) {
	for _, job := range m.Started {
		f.jobStarted(job, now)
	}
	for _, job := range m.Completed {
		f.jobCompleted(job, now)
	}
}

// jobStarted notes which runner has a job.
func (f *fleet) jobStarted(job queue.Job, now time.Time) {
	f.mu.Lock()
	defer f.mu.Unlock()
	r := f.runners[job.RunnerName]
	log := f.log.With("job", job.ID, "run", job.RunID, "repository", job.Repository, "name", job.Name,
		"runner", job.RunnerName)
	if r == nil {
		f.record.started(job)
		log.Info("job started", "queued", span(job.Queued, job.RunnerAssigned))
		return
	}
	if r.job.ID == job.ID && !r.started.IsZero() {
		return // the message came again
	}
	r.job, r.started, r.state = job, now, runnerBusy
	before := r.online
	r.online = earlier(r.online, now)
	f.noteOnline(r, before, now)
	f.record.started(job)
	log.Info("job started", "machine", r.instance.ID, "queued", span(job.Queued, job.RunnerAssigned),
		"assigned-to-wanted", span(job.Assigned, r.wanted), "wanted-to-launched", span(r.wanted, r.launched),
		"launched-to-started", span(r.launched, now))
}

// jobCompleted notes that a runner's only job is over: its machine powers itself off.
func (f *fleet) jobCompleted(job queue.Job, now time.Time) {
	f.mu.Lock()
	defer f.mu.Unlock()
	log := f.log.With("job", job.ID, "run", job.RunID, "repository", job.Repository, "name", job.Name,
		"result", job.Result)
	r := f.runnerOf(job, now)
	if r == nil { // canceled, or assigned anew, before a runner had it
		f.record.completed(job)
		log.Info("job completed", "runner", job.RunnerName)
		return
	}
	if !r.done.IsZero() {
		return
	}
	r.job, r.done = job, now
	f.record.completed(job)
	log.Info("job completed", "runner", r.name, "machine", r.instance.ID, "took", span(r.started, now))
}

// runnerOf returns the runner of a completed job, nil if it is none of the set's. A runner of an earlier process may
// not be known yet: a look may find it later, when EC2 and GitHub do not show yet that it is over. mu is held.
func (f *fleet) runnerOf(job queue.Job, now time.Time) *runner {
	name := job.RunnerName
	if f.runners[name] == nil && isNameOf(f.owner.mark(), f.set, name) && !f.wasDropped(name, now) {
		f.runners[name] = &runner{name: name, id: job.RunnerID, state: runnerUnseen}
	}
	return f.runners[name]
}

// span returns how long something took, empty where its ends are not known.
func span(from, to time.Time) string {
	if from.IsZero() || to.IsZero() {
		return ""
	}
	return to.Sub(from).Round(time.Millisecond).String()
}

func earlier(a, b time.Time) time.Time {
	if a.IsZero() {
		return b
	}
	return a
}
