package serve

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"time"

	"github.com/marqo-ai/ec2-github-runner/github"
	"github.com/marqo-ai/ec2-github-runner/serve/queue"
)

// This file explains why a set has no session, and when that may have changed.

// Times of listening.
const (
	standbyLook      = 15 * time.Second // how often a standby asks for the session
	firstStandbyLook = 7 * time.Second  // for one of them: it takes over within 10 s
	firstRetry       = time.Second      // after a call that got no answer
	maxRetry         = 30 * time.Second
	rateLimitRetry   = time.Minute
	refusedRetry     = 5 * time.Minute // after a refusal that waiting does not change
	stillWaiting     = 10 * time.Minute
)

// failure is why the set has no session, and when to try again.
type failure struct {
	message string
	standby bool // another process of this installation holds the session
	refused bool // waiting does not help
	gone    bool // the set was taken out of the file, and GitHub does not have it: nobody listens to it
	delay   time.Duration
	at      time.Time
}

func jittered(d time.Duration) time.Duration {
	return time.Duration((0.8 + 0.4*rand.Float64()) * float64(d)) //nolint:gosec // spreads load, keeps no secret
}

// explain returns why the set has no session. A call without an answer is repeated after retry, which grows.
func (l *listener) explain(err error, retry *time.Duration) failure {
	class, owner := queue.ClassOf(err), ownerOf(err)
	isOther := owner != "" && !l.owner.isOurs(owner)
	if class == queue.Held && !isOther {
		delay := standbyLook
		if l.standbys.join(l.set) {
			delay = firstStandbyLook
		}
		return failure{message: "standby: another process holds the session", standby: true, delay: jittered(delay)}
	}
	l.standbys.leave(l.set)
	switch {
	case class == queue.Held:
		return failure{message: "not served: another installation listens to this set", refused: true,
			delay: refusedRetry}
	case errors.Is(err, errSetGone):
		return failure{message: "the set is gone: its machines end", gone: true, delay: jittered(standbyLook)}
	case isLost(err):
		f := failure{message: "the session is lost", delay: jittered(*retry)}
		*retry = min(*retry*2, refusedRetry) // it may be lost at its first poll each time
		return f
	case isRefused(err):
		return failure{message: "not served: GitHub refuses", refused: true, delay: refusedRetry}
	case isRateLimited(err):
		return failure{message: "GitHub asks to slow down", delay: jittered(rateLimitRetry)}
	}
	f := failure{message: "GitHub does not answer", delay: jittered(*retry)}
	*retry = min(*retry*2, maxRetry)
	return f
}

// isRefused reports whether GitHub has answered with a refusal. A sign-in without an answer is none.
func isRefused(err error) bool {
	switch queue.ClassOf(err) {
	case queue.Denied:
		return github.ClassOf(err) != github.Unknown && github.ClassOf(err) != github.RateLimited
	case queue.Refused, queue.NotFound, queue.Other:
		return true
	}
	return false
}

// isRateLimited reports whether GitHub has refused a call, or its sign-in, by a rate limit.
func isRateLimited(err error) bool {
	return queue.ClassOf(err) == queue.RateLimited || github.ClassOf(err) == github.RateLimited
}

// logFailure logs a failure. The same one is logged again only after a while, unless it needs somebody's help.
func (l *listener) logFailure(ctx context.Context, logged *failure, f failure, err error) {
	if f.message == logged.message && !f.refused && time.Since(logged.at) < stillWaiting {
		return
	}
	*logged = f
	logged.at = time.Now()
	level := slog.LevelWarn
	if f.refused {
		level = slog.LevelError
	}
	l.log.Log(ctx, level, f.message, "error", err.Error(), "hint", hintOf(err),
		"owner", ownerOf(err), "retry", f.delay.Round(time.Second).String())
}

// lostError is the error of a session that has ended.
type lostError struct{ error }

func (e *lostError) Unwrap() error { return e.error }

func isLost(err error) bool {
	_, lost := errors.AsType[*lostError](err)
	return lost
}

func ownerOf(err error) string {
	if call, ok := errors.AsType[*queue.CallError](err); ok {
		return call.Owner
	}
	return ""
}

// hintOf returns the hint for an error of GitHub's, "" if there is none.
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
