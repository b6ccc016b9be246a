package serve

import (
	"context"
	"errors"
	"time"

	"github.com/marqo-ai/ec2-github-runner/serve/queue"
)

// maxSilence is how long polls may get no answer before a new session is requested. GitHub refuses a new one until the
// old one lapses, so a session that is given up too early delays the set.
const maxSilence = 10 * time.Minute

// followUntilReopened calls follow until labels or group change in the file, which takes another session (isOther).
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
	slowDown := func() {
		wait(ctx, jittered(retry))
		retry = min(retry*2, maxRetry)
	}
	for ctx.Err() == nil {
		begun := time.Now()
		message, err := l.poll(ctx, session, last)
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case errors.Is(err, errNewCapacity):
		case isRateLimited(err):
			answered = time.Now()
			l.log.Warn("GitHub asks to slow down", "error", err.Error(), "retry", rateLimitRetry.String())
			wait(ctx, jittered(rateLimitRetry))
		case err != nil && (isRefused(err) || time.Since(answered) > maxSilence):
			return &lostError{err}
		case err != nil:
			l.log.Warn("poll failed", "error", err.Error(), "retry", retry.String())
			slowDown()
		case message != nil && message.ID != last:
			answered, retry = time.Now(), firstRetry
			l.take(message)
			if l.acquire(ctx, session, message) {
				last = message.ID
				l.acknowledge(ctx, session, message)
				continue
			}
			slowDown()
		case message != nil: // it was not acknowledged, or has no id: it is the count alone that is new
			answered = time.Now()
			l.count.takeAgain(message.Count)
			l.changed()
			l.acknowledge(ctx, session, message)
			slowDown()
		case time.Since(begun) < caughtUpAfter: // GitHub did not wait for a message
			answered = time.Now()
			slowDown()
		default:
			answered, retry = time.Now(), firstRetry
		}
	}
	return ctx.Err()
}

// errNewCapacity is the error of a poll that was ended to tell GitHub another capacity.
var errNewCapacity = errors.New("the capacity has changed")

// poll waits for the next message, and tells GitHub how many jobs it may assign.
func (l *listener) poll(ctx context.Context, session *queue.Session, last int) (*queue.Message, error) {
	polling, end := context.WithCancel(ctx)
	defer end()
	l.mu.Lock()
	told := l.capacity(l.session.opened)
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

// take takes in a message. How many machines are needed follows from the count alone; the events of jobs show which
// runner works. Launches do not wait for the acknowledgement.
func (l *listener) take(m *queue.Message) {
	now := time.Now()
	l.count.take(m) // before the jobs: a completed one would otherwise seem to need another machine
	l.fleet.takeJobs(m, now)
	l.changed()
}

// acquire acquires the available jobs of a message. It reports whether the message may be acknowledged: GitHub
// announces each job once, so the message of jobs that were not acquired has to come again.
func (l *listener) acquire(ctx context.Context, session *queue.Session, m *queue.Message) bool {
	if len(m.Available) == 0 {
		return true
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), closeTime)
	defer cancel()
	err := session.Acquire(ctx, m.Available)
	if err != nil {
		l.log.Warn("available jobs were not acquired", "error", err.Error())
	}
	return err == nil || queue.ClassOf(err) == queue.Refused
}

// acknowledge tells GitHub that a message was taken in, even if this process is ending.
func (l *listener) acknowledge(ctx context.Context, session *queue.Session, m *queue.Message) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), closeTime)
	defer cancel()
	if err := session.Acknowledge(ctx, m.ID); err != nil {
		l.log.Warn("a message was not acknowledged, so it comes again", "error", err.Error())
	}
}
