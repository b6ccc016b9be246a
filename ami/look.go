package ami

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/cenkalti/backoff/v4"

	"github.com/marqo-ai/ec2-github-runner/ec2/refusal"
)

// The interval between looks: short at first, since refusals and short steps are visible at once, and up to 15 seconds
// later.
const (
	firstLookDelay = 500 * time.Millisecond
	maxLookDelay   = 15 * time.Second
)

// maxMissedLooks is how many looks in a row may fail before the bake is given up.
const maxMissedLooks = 12

// look calls f until it is done, it returns a final error, or too many calls in a row fail. The context, which ends
// with the bake's timeout, limits it.
func (b *bake) look(ctx context.Context, f func() (done bool, err error)) error {
	missed := 0
	return until(ctx, firstLookDelay, maxLookDelay, func() (bool, error) {
		done, err := f()
		if err == nil {
			missed = 0
			return done, nil
		}
		missed++
		if early := missed == 1 && refusal.ClassOf(err) == refusal.Denied; missed >= maxMissedLooks ||
			(isFinal(err) && !early) {
			return false, final(err)
		}
		b.log.Debug(b.line("a look failed"), "error", err)
		return false, nil
	})
}

// until calls f at growing intervals until it is done or fails.
func until(ctx context.Context, first, most time.Duration, f func() (done bool, err error)) error {
	policy := backoff.NewExponentialBackOff(
		backoff.WithInitialInterval(first), backoff.WithMaxInterval(most), backoff.WithMultiplier(1.3),
		backoff.WithRandomizationFactor(0.1), backoff.WithMaxElapsedTime(0))
	err := backoff.Retry(func() error {
		done, err := f()
		switch {
		case err != nil:
			return backoff.Permanent(unwrapFinal(err))
		case !done:
			return errNotYet
		}
		return nil
	}, backoff.WithContext(policy, ctx))
	if ctx.Err() != nil && (err == nil || errors.Is(err, errNotYet)) {
		return ctx.Err()
	}
	return err
}

var errNotYet = errors.New("not yet")

// finalError is an error that another look cannot change.
type finalError struct{ error }

func (e finalError) Unwrap() error { return e.error }

func final(err error) error { return finalError{unwrapFinal(err)} }

func unwrapFinal(err error) error {
	if f, ok := errors.AsType[finalError](err); ok {
		return f.error
	}
	return err
}

// isFinal reports whether repetition is useless: EC2 does not allow the call, or the resource is gone.
func isFinal(err error) bool {
	if _, ok := errors.AsType[finalError](err); ok {
		return true
	}
	switch refusal.ClassOf(err) {
	case refusal.Denied, refusal.Credentials, refusal.Impossible:
		return true
	}
	return false
}

// progressInterval is how often a long wait is logged.
const progressInterval = time.Minute

// progress decides what to log during a wait: changes, and from time to time that there are none.
type progress struct {
	what        string
	since, told time.Time
}

func newProgress() *progress { return &progress{since: time.Now(), told: time.Now()} }

// tell returns what to log now, or "".
func (p *progress) tell(what string) string {
	now := time.Now()
	if what != p.what {
		p.what, p.since, p.told = what, now, now
		return what
	}
	if now.Sub(p.told) < progressInterval {
		return ""
	}
	p.told = now
	what = cmp.Or(what, "nothing yet")
	return fmt.Sprintf("%s, for %s now", what, rounded(now.Sub(p.since)))
}

func rounded(d time.Duration) time.Duration { return d.Round(time.Second) }
