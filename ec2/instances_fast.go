package ec2

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws/ratelimit"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	sdk "github.com/aws/aws-sdk-go-v2/service/ec2"
)

// InstancesFast is Instances for a look into many regions at once, within seconds: it is asked again only twice and
// soon, so that what EC2 says, throttling too, is known before the caller's time is over.
func (c *Client) InstancesFast(ctx context.Context, region string, selector Selector) ([]Instance, error) {
	return c.list(ctx, region, selector, func(o *sdk.Options) {
		o.Retryer = retry.NewStandard(func(s *retry.StandardOptions) {
			s.RateLimiter, s.MaxAttempts, s.MaxBackoff = ratelimit.None, 3, 500*time.Millisecond
		})
	})
}

// DeniesRegion reports whether an error says that EC2 does not let us look into its region, now and later: a policy
// denies the call, or the region is not enabled for the account or for this session.
// https://docs.aws.amazon.com/IAM/latest/UserGuide/id_credentials_temp_enable-regions.html
func DeniesRegion(err error) bool {
	call, ok := errors.AsType[*CallError](err)
	return ok && (ClassOf(err) == Denied ||
		slices.Contains([]string{"AuthFailure", "InvalidClientTokenId", "OptInRequired", "PendingVerification"},
			call.Code))
}
