package ec2

import (
	"context"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws/ratelimit"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	sdk "github.com/aws/aws-sdk-go-v2/service/ec2"
)

// InstancesFast is Instances with only two retries and short delays, for callers that look into many regions within
// seconds and must know EC2's response, throttling included, in that time.
func (c *Client) InstancesFast(ctx context.Context, region string, selector Selector) ([]Instance, error) {
	return c.list(ctx, region, selector, func(o *sdk.Options) {
		o.Retryer = retry.NewStandard(func(s *retry.StandardOptions) {
			s.RateLimiter, s.MaxAttempts, s.MaxBackoff = ratelimit.None, 3, 500*time.Millisecond
		})
	})
}
