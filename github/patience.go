package github

import (
	"context"
	"math"
	"net/http"
	"strconv"
	"time"

	"github.com/cenkalti/backoff/v4"
)

// Limits of asking again.
const (
	mostTransient = 5                // 502s come in bursts of some seconds
	mostWait      = 10 * time.Minute // a longer wait than this, in one or in several, is told to the user instead
)

// call makes a call and repeats it where that helps: after a 5xx or no answer a few times, after a rate limit when
// GitHub allows it. A 4xx is never repeated: a refused name that was asked for again and again has started thousands
// of machines elsewhere.
func (c *Client) call(ctx context.Context, operation, method, path string, into any) error {
	return c.patiently(ctx, func() error { return c.once(ctx, operation, method, path, nil, into) })
}

func (c *Client) patiently(ctx context.Context, f func() error) error {
	policy := backoff.NewExponentialBackOff(backoff.WithInitialInterval(500*time.Millisecond), backoff.WithMaxInterval(8*time.Second))
	transient, begun := 0, time.Now()
	var last error
	waiter := &obedient{BackOff: policy}
	err := backoff.Retry(func() error {
		last = f()
		waiter.asked = 0
		switch ClassOf(last) {
		case Unknown:
			if transient++; transient < mostTransient && ctx.Err() == nil {
				return last
			}
		case RateLimited:
			wait := time.Until(untilOf(last))
			if deadline, ok := ctx.Deadline(); time.Since(begun)+wait <= mostWait && (!ok || time.Until(deadline) > wait) {
				c.log.Warn("GitHub's rate limit is reached, waiting as long as GitHub asks", "seconds", int(math.Ceil(wait.Seconds())))
				waiter.asked = wait
				return last
			}
		}
		if last != nil {
			return backoff.Permanent(last)
		}
		return nil
	}, backoff.WithContext(waiter, ctx))
	if err != nil && last != nil {
		return last
	}
	return err
}

func untilOf(err error) time.Time {
	if call, ok := err.(*CallError); ok { //nolint:errorlint // made by once, not wrapped
		return call.Until
	}
	return time.Time{}
}

// obedient waits as long as GitHub asked for, and like its inner policy where it asked for nothing.
type obedient struct {
	backoff.BackOff
	asked time.Duration
}

// NextBackOff implements backoff.BackOff.
func (o *obedient) NextBackOff() time.Duration {
	if o.asked > 0 {
		return o.asked
	}
	return o.BackOff.NextBackOff()
}

// remember keeps the rate limit's reading.
func (c *Client) remember(header http.Header) {
	number := func(name string) int {
		n, err := strconv.Atoi(header.Get(name))
		if err != nil {
			return -1
		}
		return n
	}
	rate := Rate{Limit: number("X-RateLimit-Limit"), Used: number("X-RateLimit-Used"), Remaining: number("X-RateLimit-Remaining")}
	if rate.Limit < 0 || rate.Remaining < 0 {
		return
	}
	if reset := number("X-RateLimit-Reset"); reset > 0 {
		rate.Reset = time.Unix(int64(reset), 0)
	}
	if rate.Used < 0 {
		rate.Used = rate.Limit - rate.Remaining
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	rate.Calls = c.rate.Calls + 1
	c.rate = rate
}
