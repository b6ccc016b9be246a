package serve

import (
	"context"
	"errors"
	"time"

	"github.com/marqo-ai/ec2-github-runner/serve/queue"
)

// maxSilence is how long polls may get no answer until a new session is asked for. GitHub refuses one while the old one
// lasts, so to give it up too early makes the set wait for its own session.
const maxSilence = 10 * time.Minute

// followUntilReopened is follow until another session is needed, because labels or group have changed in the file.
func (l *listener) followUntilReopened(ctx context.Context, session *queue.Session) (isOther bool, err error) {
	following, end := context.WithCancel(ctx)
	defer end()
	l.mu.Lock()
	l.reopen = end
	l.mu.Unlock()
	err = l.follow(following, session)
	l.mu.Lock()
	defer l.mu.Unlock()
	l.reopen = nil
	return following.Err() != nil, err
}

// follow takes in messages until the session is lost or ctx ends.
func (l *listener) follow(ctx context.Context, session *queue.Session) error {
	last, answered, retry := 0, time.Now(), firstRetry
	for ctx.Err() == nil {
		message, err := l.poll(ctx, session, last)
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case errors.Is(err, errNewCapacity):
		case err != nil && (isRefused(err) || time.Since(answered) > maxSilence):
			return &lostError{err}
		case err != nil:
			l.log.Warn("poll failed", "error", err.Error(), "retry", retry.String())
			wait(ctx, jittered(retry))
			retry = min(retry*2, maxRetry)
		default:
			answered, retry = time.Now(), firstRetry
			if message == nil {
				continue
			}
			last = message.ID
			if err := l.handle(ctx, session, message); err != nil {
				l.log.Warn("a message was not acknowledged, so it comes again", "error", err.Error())
			}
		}
	}
	return ctx.Err()
}

// errNewCapacity is a poll that was ended to tell GitHub another capacity.
var errNewCapacity = errors.New("the capacity has changed")

// poll waits for the next message. GitHub is told how many jobs it may assign.
func (l *listener) poll(ctx context.Context, session *queue.Session, last int) (*queue.Message, error) {
	polling, end := context.WithCancel(ctx)
	defer end()
	l.mu.Lock()
	told := l.capacity()
	l.told, l.endPoll = told, end
	l.mu.Unlock()
	begun := time.Now()
	message, err := session.Next(polling, last, told)
	l.mu.Lock()
	defer l.mu.Unlock()
	l.endPoll = nil
	if err != nil && polling.Err() != nil && ctx.Err() == nil {
		return nil, errNewCapacity
	}
	if err == nil {
		l.polled = time.Now()
		l.count.polled(message, l.polled.Sub(begun))
	}
	return message, err
}

// handle takes a message in. The count alone decides how many machines there are to be; what happened to jobs says
// which runner is at work. What is to be launched is launched beside the acknowledgement.
func (l *listener) handle(ctx context.Context, session *queue.Session, m *queue.Message) error {
	now := time.Now()
	l.count.take(m) // before the jobs: a completed one would otherwise seem to need another machine
	l.fleet.takeJobs(m, now)
	l.changed()
	// A message that was taken in is acknowledged even if this process is ending.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), closeTime)
	defer cancel()
	if len(m.Available) > 0 {
		if err := session.Acquire(ctx, m.Available); err != nil {
			l.log.Warn("available jobs were not acquired", "error", err.Error())
		}
	}
	return session.Acknowledge(ctx, m.ID)
}
