package ec2

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/cenkalti/backoff/v4"

	"github.com/marqo-ai/ec2-github-runner/ec2/refusal"
)

// Whoever removes what a start or a bake has made needs patience: EC2 does not know an instance yet right after its
// launch, and a call that does not go through is made again for as long as there is time.

// TagsDelay is after how long a call that is denied right after a launch is made once more: a policy that goes by the
// tags of an instance may see them late. https://docs.aws.amazon.com/ec2/latest/devguide/eventual-consistency.html
const tagsDelay = 1500 * time.Millisecond

// RetryUntilDone calls f until it returns nil, a backoff.PermanentError, or the context ends; then it returns f's last
// error.
func RetryUntilDone(ctx context.Context, every time.Duration, f func() error) error {
	var last error
	err := backoff.Retry(func() error {
		err := f()
		if last == nil || ctx.Err() == nil { // a call that the end cut off says less than the one before
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

// errNoneYet goes on looking.
var errNoneYet = errors.New("no instance shows yet")

// RetryUntilRefused is RetryUntilDone that takes what EC2 does not allow for final. The first denial is not: right
// after a launch a policy that goes by tags may not see them yet.
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

// EndRetryDelay is how often a removal that did not go through is tried again.
const EndRetryDelay = 500 * time.Millisecond

// End terminates one instance, and tries again until the context ends: that EC2 does not know it yet is normal right
// after its launch.
func (c *Client) End(ctx context.Context, region, id string) error {
	return RetryUntilRefused(ctx, EndRetryDelay, func() error { return c.Terminate(ctx, region, id) })
}

// EndByToken ends, each by end, the living instances of a launch of which only the client token is known: those that
// launched selects. EC2 shows new instances late, so it looks every second until it finds some or the context ends; not
// finding one in all that time is no error.
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

// CancelledAt returns a function that returns when the context was cancelled, and the zero time before: the time for a
// clean-up runs from then.
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
