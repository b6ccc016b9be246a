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

// How often a bake looks: soon at first, since a refusal or a short step shows at once, and then every quarter of a
// minute.
const (
	firstLookDelay = 500 * time.Millisecond
	maxLookDelay   = 15 * time.Second
)

// mostMissed is how many looks in a row may fail, whatever for, before the bake is given up.
const maxMissedLooks = 12

// look calls f until it is done, it returns an error that is final, or too many looks in a row fail. Its patience with
// EC2 is bounded by the context, which ends with the time for the bake.
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

// until calls f until it is done or fails, at growing intervals.
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

// finalError is one that no further look can change.
type finalError struct{ error }

func (e finalError) Unwrap() error { return e.error }

func final(err error) error { return finalError{unwrapFinal(err)} }

func unwrapFinal(err error) error {
	if f, ok := errors.AsType[finalError](err); ok {
		return f.error
	}
	return err
}

// isFinal reports whether asking again is in vain: EC2 does not allow it, or the thing is gone.
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

// tellEvery is how often a long wait says that it goes on.
const progressInterval = time.Minute

// progress returns what is new in a wait, and now and then that nothing is.
type progress struct {
	what        string
	since, told time.Time
}

func newProgress() *progress { return &progress{since: time.Now(), told: time.Now()} }

// tell returns what to say now, empty for nothing.
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
