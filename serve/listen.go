package serve

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"strings"
	"time"

	"github.com/marqo-ai/ec2-github-runner/github"
	"github.com/marqo-ai/ec2-github-runner/serve/queue"
)

// Times of listening.
const (
	standbyLook      = 15 * time.Second // how often a standby asks for the session
	firstStandbyLook = 7 * time.Second  // for one of them: it takes over within 10 s
	firstRetry       = time.Second      // after a call that got no answer
	maxRetry         = 30 * time.Second
	rateLimitRetry   = time.Minute
	refusedRetry     = 5 * time.Minute // after a refusal that waiting does not change
	stillWaiting     = 10 * time.Minute
	// maxSilence is how long polls may get no answer until a new session is asked for. GitHub refuses one while the old
	// one lasts, so to give it up too early makes the set wait for its own session.
	maxSilence = 10 * time.Minute
	// closeTime is how long the launches under way, and then the deletion of the session, may take at the end.
	closeTime = 2200 * time.Millisecond
)

// listen holds the set's session for as long as it can, and asks for it again whenever it is lost.
func (s *set) listen(ctx context.Context) {
	retry := firstRetry
	var said failure
	for ctx.Err() == nil {
		session, err := s.open(ctx)
		if err == nil {
			said, retry = failure{}, firstRetry
			var isOther bool
			isOther, err = s.followUntilReopened(ctx, session)
			s.close(ctx, session, err)
			if isOther && ctx.Err() == nil {
				continue
			}
		}
		if ctx.Err() != nil {
			return
		}
		f := s.explain(err, &retry)
		s.say(ctx, &said, f, err)
		s.leaveIfDone()
		var freed <-chan struct{}
		if f.standby {
			freed = s.sessionFreed()
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

// failure is why the set is not served, and when that may have changed.
type failure struct {
	message string
	standby bool // another process of this installation holds the session
	refused bool // waiting does not help
	delay   time.Duration
	at      time.Time
}

func jittered(d time.Duration) time.Duration {
	return time.Duration((0.8 + 0.4*rand.Float64()) * float64(d)) //nolint:gosec // spreads load, keeps no secret
}

// explain says why the set is not served. What got no answer is tried again after retry, which grows.
func (s *set) explain(err error, retry *time.Duration) failure {
	owner := ownerOf(err)
	switch class := queue.ClassOf(err); {
	case class == queue.Held && owner != "" && !strings.HasPrefix(owner, s.ours):
		return failure{message: "not served: another installation listens to this set", refused: true,
			delay: refusedRetry}
	case class == queue.Held && s.asksOften():
		return failure{message: standbyMessage, standby: true, delay: jittered(firstStandbyLook)}
	case class == queue.Held:
		return failure{message: standbyMessage, standby: true, delay: jittered(standbyLook)}
	case isLost(err):
		return failure{message: "the session is lost", delay: jittered(*retry)}
	case isRefused(err):
		return failure{message: "not served: GitHub refuses", refused: true, delay: refusedRetry}
	case class == queue.RateLimited:
		return failure{message: "GitHub asks to slow down", delay: jittered(rateLimitRetry)}
	}
	f := failure{message: "GitHub does not answer", delay: jittered(*retry)}
	*retry = min(*retry*2, maxRetry)
	return f
}

// asksOften reports whether the set is the first of those that wait for their session.
func (s *set) asksOften() bool {
	for _, other := range s.all() {
		if other == s {
			return true
		}
		other.mu.Lock()
		waits := other.failed.standby && !other.held
		other.mu.Unlock()
		if waits {
			return false
		}
	}
	return false
}

const standbyMessage = "standby: another process holds the session"

// isRefused reports whether GitHub has answered, and refuses. A sign-in that got no answer is no refusal.
func isRefused(err error) bool {
	switch queue.ClassOf(err) {
	case queue.Denied:
		return github.ClassOf(err) != github.Unknown && github.ClassOf(err) != github.RateLimited
	case queue.Refused, queue.NotFound, queue.Other:
		return true
	}
	return false
}

// say logs a failure. The same is said again only after a while, but for what needs somebody's help.
func (s *set) say(ctx context.Context, said *failure, f failure, err error) {
	s.noteFailure(f, err)
	if f.message == said.message && !f.refused && time.Since(said.at) < stillWaiting {
		return
	}
	*said = f
	said.at = time.Now()
	level := slog.LevelWarn
	if f.refused {
		level = slog.LevelError
	}
	s.log.Log(ctx, level, f.message, "error", err.Error(), "hint", hintOf(err),
		"owner", ownerOf(err), "retry", f.delay.Round(time.Second).String())
}

// lostError is a session that is over.
type lostError struct{ error }

func (e *lostError) Unwrap() error { return e.error }

func isLost(err error) bool {
	_, lost := errors.AsType[*lostError](err)
	return lost
}

// followUntilReopened is follow until another session is needed, because labels or group have changed in the file.
func (s *set) followUntilReopened(ctx context.Context, session *queue.Session) (isOther bool, err error) {
	following, end := context.WithCancel(ctx)
	defer end()
	s.mu.Lock()
	s.reopen = end
	s.mu.Unlock()
	err = s.follow(following, session)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.reopen = nil
	return following.Err() != nil, err
}

// follow takes in messages until the session is lost or ctx ends.
func (s *set) follow(ctx context.Context, session *queue.Session) error {
	last, answered, retry := 0, time.Now(), firstRetry
	for ctx.Err() == nil {
		message, err := s.poll(ctx, session, last)
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case errors.Is(err, errNewCapacity):
		case err != nil && (isRefused(err) || time.Since(answered) > maxSilence):
			return &lostError{err}
		case err != nil:
			s.log.Warn("poll failed", "error", err.Error(), "retry", retry.String())
			wait(ctx, jittered(retry))
			retry = min(retry*2, maxRetry)
		default:
			answered, retry = time.Now(), firstRetry
			if message == nil {
				continue
			}
			last = message.ID
			if err := s.handle(ctx, session, message); err != nil {
				s.log.Warn("a message was not acknowledged, so it comes again", "error", err.Error())
			}
		}
	}
	return ctx.Err()
}

// errNewCapacity is a poll that was ended to tell GitHub another capacity.
var errNewCapacity = errors.New("the capacity has changed")

// poll waits for the next message. GitHub is told how many jobs it may assign.
func (s *set) poll(ctx context.Context, session *queue.Session, last int) (*queue.Message, error) {
	polling, end := context.WithCancel(ctx)
	defer end()
	s.mu.Lock()
	told := capacity(s.demand(), s.pause)
	s.told, s.repoll = told, end
	s.mu.Unlock()
	begun := time.Now()
	message, err := session.Next(polling, last, told)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.repoll = nil
	if err != nil && polling.Err() != nil && ctx.Err() == nil {
		return nil, errNewCapacity
	}
	if err == nil {
		s.polled = time.Now()
		s.notePoll(message, s.polled.Sub(begun))
	}
	return message, err
}

// close deletes the session, unless GitHub has ended it, so that a standby gets it at once. Launches that are under way
// come to their end before, so that it can see what they have launched.
func (s *set) close(ctx context.Context, session *queue.Session, because error) {
	s.mu.Lock()
	s.held = false
	s.mu.Unlock()
	ending := context.WithoutCancel(ctx)
	if ctx.Err() != nil {
		launched := make(chan struct{})
		go func() { s.launches.Wait(); close(launched) }()
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
		s.log.Warn("the session was not deleted, so the next process waits until GitHub lets it lapse",
			"error", err.Error())
		return
	}
	s.log.Info("the session is deleted")
}

func ownerOf(err error) string {
	if call, ok := errors.AsType[*queue.CallError](err); ok {
		return call.Owner
	}
	return ""
}

// hintOf is what to do about a set that GitHub refuses.
func hintOf(err error) string {
	call, ok := errors.AsType[*queue.CallError](err)
	switch {
	case !ok:
		return ""
	case call.Class == queue.NotFound && call.Operation == "find runner group":
		return "make the runner group in the settings of the organization or enterprise, or take runner-group out"
	case call.Class == queue.NotFound:
		return "this GitHub has no runner scale sets, or the credentials may not manage runners here: scale sets " +
			"need github.com or a recent GitHub Enterprise Server"
	case call.Class == queue.Denied:
		return "check the token or the App: it must be installed, not suspended, and may manage self-hosted runners"
	case call.Class == queue.Refused:
		return "check the set's name and labels"
	case call.Class == queue.Held && call.Owner != "":
		return fmt.Sprintf("give the set another name, or end what listens as %q", call.Owner)
	}
	return ""
}
