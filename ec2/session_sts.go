package ec2

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/middleware"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/aws/aws-sdk-go-v2/service/sts/types"
	smithy "github.com/aws/smithy-go/middleware"
)

// stsCalls is the STS client for the SDK's credential providers. It records what they drop from the response, and
// converts the session's end from STS's clock to the local one: with a slow local clock a session would be used too
// long.
type stsCalls struct {
	api *sts.Client
	arn string // of the session
	err error  // of the call: the provider's error hides it
}

// AssumeRole implements stscreds.AssumeRoleAPIClient.
func (c *stsCalls) AssumeRole(ctx context.Context, in *sts.AssumeRoleInput,
	options ...func(*sts.Options)) (*sts.AssumeRoleOutput, error) {
	out, err := c.api.AssumeRole(ctx, in, options...)
	if c.err = err; err == nil {
		c.keep(out.AssumedRoleUser, out.Credentials, out.ResultMetadata)
	}
	return out, err
}

// AssumeRoleWithWebIdentity implements stscreds.AssumeRoleWithWebIdentityAPIClient.
func (c *stsCalls) AssumeRoleWithWebIdentity(
	ctx context.Context, in *sts.AssumeRoleWithWebIdentityInput, _ ...func(*sts.Options),
) (*sts.AssumeRoleWithWebIdentityOutput, error) {
	out, err := c.api.AssumeRoleWithWebIdentity(ctx, in, onceOnly)
	if c.err = err; err == nil {
		c.keep(out.AssumedRoleUser, out.Credentials, out.ResultMetadata)
	}
	return out, err
}

func (c *stsCalls) keep(user *types.AssumedRoleUser, credentials *types.Credentials, metadata smithy.Metadata) {
	if user != nil {
		c.arn = aws.ToString(user.Arn)
	}
	ahead, known := middleware.GetAttemptSkew(metadata)
	if known && credentials != nil && credentials.Expiration != nil {
		credentials.Expiration = aws.Time(credentials.Expiration.Add(-ahead))
	}
}
