package ec2

import (
	"context"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws/ratelimit"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	sdk "github.com/aws/aws-sdk-go-v2/service/ec2"
)

// Glance is Instance for a look into many regions at once, within seconds: it is asked again only twice and soon, so that
// what EC2 says, throttling too, is known before the caller's time is over.
func (c *Client) Glance(ctx context.Context, region, id string) (Instance, error) {
	quick := func(o *sdk.Options) {
		o.Retryer = retry.NewStandard(func(s *retry.StandardOptions) {
			s.RateLimiter, s.MaxAttempts, s.MaxBackoff = ratelimit.None, 3, 500*time.Millisecond
		})
	}
	out, err := c.in(region).DescribeInstances(ctx, &sdk.DescribeInstancesInput{InstanceIds: []string{id}}, quick)
	if err != nil {
		return Instance{}, callError("describe instance "+id, err)
	}
	if found := c.instances(region, out.Reservations); len(found) > 0 {
		return found[0], nil
	}
	return Instance{}, &CallError{Operation: "describe instance " + id, Code: "InvalidInstanceID.NotFound", Message: "the answer is empty"}
}
