package github

import (
	"context"
	"errors"
	"log/slog"
	"math"
	"net/http"
	"strconv"
	"time"

	"github.com/cenkalti/backoff/v4"
)

// Limits of retries.
const (
	maxTransient = 5                // 502s come in bursts of some seconds
	maxWait      = 10 * time.Minute // of all waits together; longer ones fail
)

// call makes a call and retries it if that helps: a few times after a 5xx or without a response, and after a rate limit
// when GitHub allows it. A 4xx is never repeated: repeating a refused name has started thousands of machines in other
// projects.
func (c *Client) call(ctx context.Context, operation, method, path string, into any) error {
	return retry(ctx, c.log, func() error { return c.once(ctx, operation, method, path, nil, into) })
}

// retry calls f with the retries of call.
func retry(ctx context.Context, log *slog.Logger, f func() error) error {
	policy := backoff.NewExponentialBackOff(backoff.WithInitialInterval(500*time.Millisecond),
		backoff.WithMaxInterval(8*time.Second))
	transient, begun := 0, time.Now()
	var last error
	waiter := &rateLimitBackOff{BackOff: policy}
	err := backoff.Retry(func() error {
		last = f()
		waiter.asked = 0
		switch ClassOf(last) {
		case Unknown:
			if transient++; transient < maxTransient && ctx.Err() == nil {
				return last
			}
		case RateLimited:
			wait := time.Until(untilOf(last))
			if deadline, ok := ctx.Deadline(); time.Since(begun)+wait <= maxWait &&
				(!ok || time.Until(deadline) > wait) {
				log.Warn("GitHub's rate limit is reached, waiting as long as GitHub asks", "seconds",
					int(math.Ceil(wait.Seconds())))
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
	if call, ok := errors.AsType[*CallError](err); ok {
		return call.Until
	}
	return time.Time{}
}

// rateLimitBackOff waits as long as GitHub asked for, or else as its inner policy says.
type rateLimitBackOff struct {
	backoff.BackOff
	asked time.Duration
}

// NextBackOff implements backoff.BackOff.
func (o *rateLimitBackOff) NextBackOff() time.Duration {
	if o.asked > 0 {
		return o.asked
	}
	return o.BackOff.NextBackOff()
}

// expiryHeader is the header with the expiry of a personal access token.
// https://github.blog/changelog/2021-07-26-expiration-options-for-personal-access-tokens/
const expiryHeader = "GitHub-Authentication-Token-Expiration"

// tokenEnd parses the expiry of a token in the two formats that GitHub uses.
func tokenEnd(text string) time.Time {
	for _, layout := range []string{"2006-01-02 15:04:05 MST", "2006-01-02 15:04:05 -0700"} {
		if end, err := time.Parse(layout, text); err == nil {
			return end
		}
	}
	return time.Time{}
}

// remember stores the token's expiry and the rate limit from a response.
func (c *Client) remember(header http.Header) {
	if end := tokenEnd(header.Get(expiryHeader)); !end.IsZero() {
		c.mu.Lock()
		c.tokenEnds = end
		c.mu.Unlock()
	}
	number := func(name string) int {
		n, err := strconv.Atoi(header.Get(name))
		if err != nil {
			return -1
		}
		return n
	}
	rate := Rate{Limit: number("X-RateLimit-Limit"), Used: number("X-RateLimit-Used"),
		Remaining: number("X-RateLimit-Remaining")}
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
