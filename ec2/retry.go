package ec2

import (
	"context"
	"errors"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/ratelimit"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	"github.com/cenkalti/backoff/v4"

	"github.com/marqo-ai/ec2-github-runner/ec2/refusal"
)

// newRetryer returns the SDK's standard retryer with two differences. Insufficient capacity is reported as HTTP 500,
// which would be retried, so a check in front forbids it. And there is no retry quota: it is used up after about 25
// calls while EC2 fails, and then a roll-back would not be retried.
func newRetryer() aws.Retryer {
	return retry.NewStandard(func(o *retry.StandardOptions) {
		o.Retryables = append([]retry.IsErrorRetryable{retry.IsErrorRetryableFunc(forbidHopelessRetry)},
			o.Retryables...)
		o.RateLimiter = ratelimit.None
		o.MaxAttempts = 4
		o.MaxBackoff = 5 * time.Second
	})
}

// forbidHopelessRetry forbids retries of calls that would fail again, and of sign-ins, which have been retried already.
func forbidHopelessRetry(err error) aws.Ternary {
	class := refusal.ClassOf(err)
	switch {
	case refusal.IsSignIn(err), class == refusal.Capacity:
		return aws.FalseTernary
	case class == refusal.Credentials && !isClockSkew(err): // the SDK signs it again by the server's clock
		return aws.FalseTernary
	}
	return aws.UnknownTernary
}

// isClockSkew reports whether the SDK attributes a refusal to a wrong local clock: the code is one of refused
// credentials, and the response's Date is more than four minutes off. The SDK marks such an error as retryable.
func isClockSkew(err error) bool {
	marked, ok := errors.AsType[interface {
		error
		RetryableError() bool
	}](err)
	return ok && marked.RetryableError()
}

// repeat calls f with exponential back-off until it returns nil or a permanent error, total has passed or the context
// ends. It prefers f's last error to the context's.
func repeat(ctx context.Context, first, most, total time.Duration, f func() error) error {
	policy := backoff.NewExponentialBackOff(
		backoff.WithInitialInterval(first), backoff.WithMaxInterval(most), backoff.WithMaxElapsedTime(total))
	var last error
	err := backoff.Retry(func() error {
		last = f()
		return last
	}, backoff.WithContext(policy, ctx))
	if err != nil && last != nil {
		if permanent, ok := last.(*backoff.PermanentError); ok { //nolint:errorlint // set by f itself, never wrapped
			return permanent.Err
		}
		return last
	}
	return err
}
