package serve

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"github.com/marqo-ai/ec2-github-runner/serve/queue"
)

// listener holds a set's session at GitHub and takes in its messages.
type listener struct {
	set      string
	api      *queue.Client
	signIn   *signIn
	owner    *owner
	standbys *standbys
	settings *settings
	count    *jobCount
	fleet    *fleet
	record   *record
	log      *slog.Logger
	work     *sync.WaitGroup // launches under way

	capacity func(opened time.Time) int        // what GitHub is to be told now, in a session since then
	opened   func(ctx context.Context, id int) // a session has begun
	failed   func()                            // none could be had
	changed  func()                            // a message was taken in

	// awaited is the set's id while another process holds the session, which saves looking the set up each time. Only
	// run uses it.
	awaited int
	// served is the set as this process has served it last. Only run uses it.
	served queue.Set

	mu      sync.Mutex
	session session
	polled  time.Time // when GitHub answered a poll last
	failure failure   // why there is no session
	problem string    // the failure's message with its cause
	hint    string
	endPoll context.CancelFunc // ends the poll under way, so that the next one tells GitHub the new capacity
	told    int                // the capacity that the poll under way has told GitHub
	reopen  context.CancelFunc // ends the session, so that the next one brings the set to the file
}

// session is the state of a set's session.
type session struct {
	held   bool
	opened time.Time // when it, or the last one, began
}

// closeTime is how long the launches under way, and then the deletion of the session, may take at the end.
const closeTime = 2200 * time.Millisecond

// steadyTime is how long a session must have lasted to be asked for again at once when it is lost: longer than a poll.
const steadyTime = 2 * time.Minute

// run holds the set's session until ctx ends, and requests another whenever it is lost.
func (l *listener) run(ctx context.Context) {
	defer l.standbys.leave(l.set)
	retry := firstRetry
	var logged failure
	for ctx.Err() == nil {
		session, err := l.open(ctx)
		if err == nil {
			begun := time.Now()
			var isOther bool
			isOther, err = l.followUntilReopened(ctx, session)
			l.close(ctx, session, err)
			if time.Since(begun) > steadyTime {
				logged, retry = failure{}, firstRetry
			}
			if isOther && ctx.Err() == nil {
				continue
			}
		}
		if ctx.Err() != nil {
			return
		}
		f := l.explain(err, &retry)
		l.note(f, err)
		l.logFailure(ctx, &logged, f, err)
		l.failed()
		var freed <-chan struct{}
		if f.standby {
			freed = l.standbys.sessionFreed()
		}
		timer := time.NewTimer(f.delay)
		select {
		case <-timer.C:
		case <-freed:
		case <-ctx.Done():
		}
		timer.Stop()
	}
}

// state returns the state of the session.
func (l *listener) state() session {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.session
}

// isStandby reports whether another process of this installation holds the session.
func (l *listener) isStandby() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.failure.standby
}

// mayEnd reports whether what is too much may be ended: this process holds the session, or nobody can. Who does not
// listen does not know what is needed.
func (l *listener) mayEnd() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.session.held || l.failure.gone
}

// note keeps why the set is not listening. A session that another process holds is not recorded as a refusal.
func (l *listener) note(f failure, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.failure, l.problem, l.hint = f, f.message+": "+err.Error(), hintOf(err)
	if f.standby {
		return
	}
	l.record.refusedByGitHub(err)
	if f.refused {
		l.record.refused(time.Now(), l.problem, l.hint)
	}
}

// tellCapacity ends the poll under way if the capacity has changed since, so that the next poll tells GitHub. A message
// that is lost by that comes again.
func (l *listener) tellCapacity() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.endPoll != nil && l.capacity(l.session.opened) != l.told {
		l.endPoll()
	}
}

// openAgain ends the session, so that the next one brings the set to the file's labels and group.
func (l *listener) openAgain() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.reopen != nil {
		l.reopen()
	}
}

// close deletes the session, unless GitHub has ended it, so that a standby gets it at once. It waits for the launches
// under way first, so that the standby sees their machines.
func (l *listener) close(ctx context.Context, session *queue.Session, because error) {
	l.mu.Lock()
	l.session.held = false
	l.mu.Unlock()
	l.count.close()
	ending := context.WithoutCancel(ctx)
	if ctx.Err() != nil {
		launched := make(chan struct{})
		go func() { l.work.Wait(); close(launched) }()
		select {
		case <-launched:
		case <-time.After(closeTime):
		}
	} else if because != nil && queue.ClassOf(because) == queue.NotFound {
		return
	}
	ending, cancel := context.WithTimeout(ending, closeTime)
	defer cancel()
	if err := session.Close(ending); err != nil {
		l.log.Warn("the session was not deleted, so the next process waits until GitHub lets it lapse",
			"error", err.Error())
		return
	}
	l.log.Info("the session is deleted")
}
