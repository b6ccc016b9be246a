package serve

import (
	"context"
	"time"

	"github.com/marqo-ai/ec2-github-runner/serve/queue"
)

// handle takes a message in. The count alone decides how many machines there are to be; what happened to jobs says
// which runner is at work. What is to be launched is launched beside the acknowledgement.
func (s *set) handle(ctx context.Context, session *queue.Session, m *queue.Message) error {
	now := time.Now()
	s.mu.Lock()
	s.takeCount(m)
	for _, job := range m.Started {
		s.jobStarted(job, now)
	}
	for _, job := range m.Completed {
		s.jobCompleted(job, now)
	}
	s.mu.Unlock()
	s.poke()
	// A message that was taken in is acknowledged even if this process is ending.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), closeTime)
	defer cancel()
	if len(m.Available) > 0 {
		if err := session.Acquire(ctx, m.Available); err != nil {
			s.log.Warn("available jobs were not acquired", "error", err.Error())
		}
	}
	return session.Acknowledge(ctx, m.ID)
}

// jobStarted notes which runner has a job. mu is held.
func (s *set) jobStarted(job queue.Job, now time.Time) {
	r := s.runners[job.RunnerName]
	log := s.log.With("job", job.ID, "run", job.RunID, "repository", job.Repository, "name", job.Name,
		"runner", job.RunnerName)
	if r == nil {
		s.noteStarted(job)
		log.Info("job started", "queued", span(job.Queued, job.RunnerAssigned))
		return
	}
	if r.job.ID == job.ID && !r.started.IsZero() {
		return // the message came again
	}
	r.job, r.started, r.state = job, now, runnerBusy
	before := r.online
	r.online = earlier(r.online, now)
	s.noteOnline(r, before)
	s.noteStarted(job)
	log.Info("job started", "machine", r.instance.ID, "queued", span(job.Queued, job.RunnerAssigned),
		"assigned-to-wanted", span(job.Assigned, r.wanted), "wanted-to-launched", span(r.wanted, r.launched),
		"launched-to-started", span(r.launched, now))
}

// jobCompleted notes that a runner's only job is over: its machine powers itself off. mu is held.
func (s *set) jobCompleted(job queue.Job, now time.Time) {
	log := s.log.With("job", job.ID, "run", job.RunID, "repository", job.Repository, "name", job.Name,
		"result", job.Result)
	r := s.runnerOf(job, now)
	if r == nil { // canceled, or assigned anew, before a runner had it
		s.metrics.Completed(s.Name, job.Result)
		log.Info("job completed", "runner", job.RunnerName)
		return
	}
	if !r.done.IsZero() {
		return
	}
	r.job, r.done = job, now
	s.metrics.Completed(s.Name, job.Result)
	log.Info("job completed", "runner", r.name, "machine", r.instance.ID, "took", span(r.started, now))
}

// runnerOf returns the runner of a job that is over, nil for none of the set's. A machine that an earlier process has
// launched may be found after its job's message came, and before EC2 and GitHub show that it is over. mu is held.
func (s *set) runnerOf(job queue.Job, now time.Time) *runner {
	name := job.RunnerName
	if s.runners[name] == nil && isNameOf(s.installation, s.Name, name) && !s.wasDropped(name, now) {
		s.runners[name] = &runner{name: name, id: job.RunnerID, state: runnerUnseen}
	}
	return s.runners[name]
}

// span is how long something took, empty where its ends are not known.
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
