package queue

import (
	"context"
	"time"

	"github.com/actions/scaleset"
)

// Session gives access to a set's messages. A set has one session at a time.
type Session struct {
	api *scaleset.MessageSessionClient
	// First is the count when the session began.
	First Count
}

// Count is GitHub's count of a set's jobs and runners.
type Count struct {
	Available  int // waiting, given to nobody
	Assigned   int // to this set, including running ones: how many runners it needs
	Running    int
	Registered int // runners, online or not
	Idle       int
}

// Job is a job as a message describes it.
type Job struct {
	ID         string
	RunID      int64
	Repository string // owner/repo
	Name       string
	Result     string // of a completed one: "succeeded", "failed", "canceled"
	RunnerID   int64  // 0 where no runner had it
	RunnerName string

	Queued, Assigned, RunnerAssigned, Finished time.Time // zero where GitHub does not say
}

// Message is the count and what has happened since the last message, at most 50 events.
type Message struct {
	ID        int
	Count     Count
	Available []int64 // requests of jobs that are to be acquired
	Assigned  int     // how many jobs were assigned to the set
	Started   []Job
	Completed []Job
}

// Open creates the session of a set. If another process holds one the error has the class Held.
func (c *Client) Open(ctx context.Context, set int, owner string) (*Session, error) {
	api, err := c.listening.MessageSessionClient(ctx, set, owner,
		scaleset.WithRetryableHTTPClint(retrying(c.access)))
	if err != nil {
		return nil, callError("create session", err)
	}
	session := &Session{api: api}
	if !session.hasQueue() {
		_ = session.Close(ctx)
		return nil, &CallError{Operation: "create session", Class: Unknown, Message: noQueue}
	}
	if there := api.Session().Statistics; there != nil {
		session.First = count(there)
	} else if session.First, err = c.Count(ctx, set); err != nil { // a count of 0 would forget the jobs that wait
		_ = session.Close(ctx)
		return nil, err
	}
	return session, nil
}

// noQueue is said of a session whose answer names no address to ask for messages, neither when it begins nor when its
// token is renewed: https://github.com/actions/actions-runner-controller/issues/4370
const noQueue = "the answer names no message queue"

func (s *Session) hasQueue() bool { return s.api.Session().MessageQueueURL != "" }

// Close deletes the session, so that another process gets one at once.
func (s *Session) Close(ctx context.Context) error {
	return callError("delete session", s.api.Close(ctx))
}

// Next waits up to 50 s for the message after the last one. It returns nil if there is none. A message that is not
// acknowledged comes again. capacity is how many jobs GitHub may assign to the set in all; the others wait at GitHub.
func (s *Session) Next(ctx context.Context, last, capacity int) (*Message, error) {
	got, err := s.api.GetMessage(ctx, last, capacity)
	if err != nil && !s.hasQueue() {
		_ = s.Close(ctx)
		return nil, &CallError{Operation: "renew session", Class: NotFound, Message: noQueue}
	}
	if err != nil || got == nil {
		return nil, callError("get message", err)
	}
	message := &Message{ID: got.MessageID, Count: count(got.Statistics), Assigned: len(got.JobAssignedMessages)}
	for _, job := range got.JobAvailableMessages {
		if job.RunnerRequestID > 0 { // those of github.com have none, and need not be acquired
			message.Available = append(message.Available, job.RunnerRequestID)
		}
	}
	for _, job := range got.JobStartedMessages {
		message.Started = append(message.Started, plainJob(job.JobMessageBase, job.RunnerID, job.RunnerName, ""))
	}
	for _, job := range got.JobCompletedMessages {
		message.Completed = append(message.Completed,
			plainJob(job.JobMessageBase, job.RunnerID, job.RunnerName, job.Result))
	}
	return message, nil
}

// Acknowledge deletes a message, so that it does not come again. One without an id is none of the queue's: it only had
// the count.
func (s *Session) Acknowledge(ctx context.Context, id int) error {
	if id == 0 {
		return nil
	}
	return callError("delete message", s.api.DeleteMessage(ctx, id))
}

// Acquire acquires available jobs for the set.
func (s *Session) Acquire(ctx context.Context, requests []int64) error {
	_, err := s.api.AcquireJobs(ctx, requests)
	return callError("acquire jobs", err)
}

func count(s *scaleset.RunnerScaleSetStatistic) Count {
	if s == nil {
		return Count{}
	}
	return Count{Available: s.TotalAvailableJobs, Assigned: s.TotalAssignedJobs, Running: s.TotalRunningJobs,
		Registered: s.TotalRegisteredRunners, Idle: s.TotalIdleRunners}
}

func plainJob(base scaleset.JobMessageBase, runner int, name, result string) Job {
	return Job{
		ID: base.JobID, RunID: base.WorkflowRunID, Repository: base.OwnerName + "/" + base.RepositoryName,
		Name: base.JobDisplayName, Result: result, RunnerID: int64(runner), RunnerName: name,
		Queued: base.QueueTime, Assigned: base.ScaleSetAssignTime, RunnerAssigned: base.RunnerAssignTime,
		Finished: base.FinishTime,
	}
}
