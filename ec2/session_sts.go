package ec2

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/middleware"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/aws/aws-sdk-go-v2/service/sts/types"
	smithy "github.com/aws/smithy-go/middleware"
)

// stsCalls is STS for one of the SDK's providers. It keeps what they leave out of the answer, and turns the session's
// end, which is by the clock of STS, into one by the local clock: a runner whose clock is minutes late would use it too
// long.
type stsCalls struct {
	api *sts.Client
	arn string // of the session
	err error  // of the call: a provider's own words hide whose it is
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

// claims are what a token says of its job, for messages.
type claims struct {
	Issuer   string `json:"iss"`
	Subject  string `json:"sub"`
	Audience string `json:"aud"`
}

// claimsOf reads a token without verifying it, which is the business of STS; nothing where it cannot be read.
func claimsOf(token string) (out claims) {
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		return claims{}
	}
	raw, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err != nil || json.Unmarshal(raw, &out) != nil {
		return claims{}
	}
	return out
}
