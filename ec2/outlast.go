package ec2

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/cenkalti/backoff/v4"

	"github.com/marqo-ai/ec2-github-runner/ec2/refusal"
)

// Removing what a start or a bake has created takes repetition: EC2 does not know a new instance at once, and a call
// that fails is repeated as long as there is time.

// tagsDelay is how long to wait before a call that was denied right after a launch is repeated: a policy that depends
// on an instance's tags may see them late. https://docs.aws.amazon.com/ec2/latest/devguide/eventual-consistency.html
const tagsDelay = 1500 * time.Millisecond

// RetryUntilDone calls f until it returns nil or a backoff.PermanentError, or the context ends, and returns f's last
// error.
func RetryUntilDone(ctx context.Context, every time.Duration, f func() error) error {
	var last error
	err := backoff.Retry(func() error {
		err := f()
		if last == nil || ctx.Err() == nil { // an error caused by the context's end is less useful than the one before
			last = err
		}
		return err
	}, backoff.WithContext(backoff.NewConstantBackOff(every), ctx))
	if err == nil {
		return nil
	}
	if last != nil {
		if permanent, ok := errors.AsType[*backoff.PermanentError](last); ok {
			return permanent.Err
		}
		return last
	}
	return err
}

// errNoneYet makes RetryUntilDone continue.
var errNoneYet = errors.New("no instance shows yet")

// RetryUntilRefused is RetryUntilDone that also stops at refusals that repetition cannot change. The first denial is
// repeated: right after a launch, a policy that depends on tags may not see them yet.
func RetryUntilRefused(ctx context.Context, every time.Duration, f func() error) error {
	denied := false
	return RetryUntilDone(ctx, every, func() error {
		err := f()
		if refusal.ClassOf(err) == refusal.Denied && !denied {
			denied = true
			select {
			case <-ctx.Done():
			case <-time.After(tagsDelay):
			}
			return err
		}
		switch refusal.ClassOf(err) {
		case refusal.Denied, refusal.Credentials, refusal.Impossible:
			return backoff.Permanent(err)
		}
		return err
	})
}

// EndRetryDelay is the interval between attempts to remove something.
const EndRetryDelay = 500 * time.Millisecond

// End terminates an instance, and repeats the call until the context ends: right after a launch EC2 may not know the
// instance yet.
func (c *Client) End(ctx context.Context, region, id string) error {
	return RetryUntilRefused(ctx, EndRetryDelay, func() error { return c.Terminate(ctx, region, id) })
}

// EndByToken calls end for each living instance of a launch of which only the client token is known; launched selects
// them. EC2 shows new instances late, so it looks every second until it finds some or the context ends. Finding none is
// not an error.
func (c *Client) EndByToken(ctx context.Context, region string, launched Selector, end func(Instance) error) error {
	var failed error
	_ = RetryUntilDone(ctx, time.Second, func() error {
		found, err := c.Instances(ctx, region, launched)
		if err != nil {
			if failed == nil || ctx.Err() == nil {
				failed = err
			}
			return err
		}
		failed = nil
		if len(found) == 0 {
			return errNoneYet
		}
		for _, instance := range found {
			if instance.Alive() {
				failed = errors.Join(failed, end(instance))
			}
		}
		return nil
	})
	return failed
}

// CancelledAt returns a function that returns when the context was cancelled, or the zero time before that. Clean-ups
// measure their time from then.
func CancelledAt(ctx context.Context) func() time.Time {
	var mu sync.Mutex
	var at time.Time
	context.AfterFunc(ctx, func() {
		mu.Lock()
		defer mu.Unlock()
		at = time.Now()
	})
	return func() time.Time {
		mu.Lock()
		defer mu.Unlock()
		return at
	}
}
