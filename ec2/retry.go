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

// newRetryer is the SDK's standard retryer with two differences. Insufficient capacity comes as HTTP 500 and would be
// asked three times, so a check that forbids it stands first. And the retry quota is off: it is spent after some 25
// calls in bad weather, and then a roll-back would not be tried again.
func newRetryer() aws.Retryer {
	return retry.NewStandard(func(o *retry.StandardOptions) {
		o.Retryables = append([]retry.IsErrorRetryable{retry.IsErrorRetryableFunc(forbidHopelessRetry)},
			o.Retryables...)
		o.RateLimiter = ratelimit.None
		o.MaxAttempts = 4
		o.MaxBackoff = 5 * time.Second
	})
}

// forbidHopelessRetry forbids to repeat what would be refused again. A sign-in has been repeated already.
func forbidHopelessRetry(err error) aws.Ternary {
	class := refusal.ClassOf(err)
	switch {
	case refusal.IsSignIn(err), class == refusal.Capacity:
		return aws.FalseTernary
	case class == refusal.Credentials && !isClockSkew(err): // a skewed call is signed anew, by the clock of the answer
		return aws.FalseTernary
	}
	return aws.UnknownTernary
}

// isClockSkew reports whether the SDK takes a refusal for one of a clock that is wrong: the codes are those of refused
// credentials, and the answer's Date is more than four minutes away. The SDK marks it by an error that can be repeated.
func isClockSkew(err error) bool {
	marked, ok := errors.AsType[interface {
		error
		RetryableError() bool
	}](err)
	return ok && marked.RetryableError()
}

// repeat calls f until it returns nil or a permanent error, the time is over or the context ends. It returns f's last
// error in preference to the context's, since that is the one that says what is wrong.
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
