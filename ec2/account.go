package ec2

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sts"

	"github.com/marqo-ai/ec2-github-runner/ec2/refusal"
)

// Account reads properties of the account and its regions: types, zones, subnets, quotas.
type Account struct{ client *Client }

// Account returns a reader of the account's properties.
func (c *Client) Account() Account { return Account{c} }

// Caller is the identity that the credentials belong to.
type Caller struct {
	Account string // 12 digits
	ARN     string
}

// Caller returns the identity of the credentials. No policy can deny this call.
// https://docs.aws.amazon.com/STS/latest/APIReference/API_GetCallerIdentity.html
func (a Account) Caller(ctx context.Context, region string) (Caller, error) {
	api := sts.NewFromConfig(a.client.cfg, func(o *sts.Options) {
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
