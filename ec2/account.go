package ec2

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sts"

	"github.com/marqo-ai/ec2-github-runner/ec2/refusal"
)

// Caller is whom the credentials belong to.
type Caller struct {
	Account string // twelve digits
	ARN     string
}

// Caller asks whom the credentials belong to. Nobody can be denied that.
// https://docs.aws.amazon.com/STS/latest/APIReference/API_GetCallerIdentity.html
func (c *Client) Caller(ctx context.Context, region string) (Caller, error) {
	api := sts.NewFromConfig(c.cfg, func(o *sts.Options) {
		if region != "" {
			o.Region = region
		}
	})
	out, err := api.GetCallerIdentity(ctx, &sts.GetCallerIdentityInput{})
	if err != nil {
		return Caller{}, refusal.Of("get caller identity", err)
	}
	return Caller{Account: aws.ToString(out.Account), ARN: aws.ToString(out.Arn)}, nil
}
