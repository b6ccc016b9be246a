package refusal

import (
	"encoding/base64"
	"encoding/json"
	"strings"
)

// claims are the claims of an OIDC token that messages contain.
type claims struct {
	Issuer   string `json:"iss"`
	Subject  string `json:"sub"`
	Audience string `json:"aud"`
}

// claimsOf parses a token without verifying it, which STS does; empty if it cannot be parsed.
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

// HomeRegion returns a region of the ARN's partition. Session tokens of its STS endpoint are valid in all regions.
// https://docs.aws.amazon.com/IAM/latest/UserGuide/id_credentials_temp_enable-regions.html
func HomeRegion(arn string) string {
	switch {
	case strings.HasPrefix(arn, "arn:aws-cn:"):
		return "cn-north-1"
	case strings.HasPrefix(arn, "arn:aws-us-gov:"):
		return "us-gov-west-1"
	}
	return "us-east-1"
}
