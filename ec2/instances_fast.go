package ec2

import (
	"context"
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
