package refusal

import (
	"cmp"
	"errors"
	"regexp"
	"strings"
)

// The beginnings of hints for error codes. Each has an entry in docs/troubleshooting.md.
const (
	hintSpotRole = "create EC2's service-linked role for spot instances once (aws iam create-service-linked-role " +
		"--aws-service-name spot.amazonaws.com), or allow the credentials iam:CreateServiceLinkedRole"
	// https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/ec2-free-tier-usage.html
	hintFreePlan = "the account is on the free plan, which has the types t3.micro, t3.small, t4g.micro, t4g.small, " +
		"c7i-flex.large and m7i-flex.large: take one of these, or upgrade the account's plan"
	hintMarketplace     = "accept the terms of this AWS Marketplace image once, as a user who may subscribe"
	hintMarketplaceType = "the AWS Marketplace product does not run on this instance type or in this region: take a " +
		"type that its Marketplace page lists"
	hintVerification = "AWS is still verifying the account for this region, which takes minutes to hours: take " +
		"another region meanwhile, or write to aws-verification@amazon.com"
	hintBlocked      = "AWS has blocked the account: contact AWS Support"
	hintSignUp       = "the account is not signed up for EC2: complete its registration in the AWS console"
	hintNotShared    = "the image is not shared with this account: let its owner share it, or copy it into the account"
	hintExplicitDeny = "lift the explicit deny"
	hintImageQuota   = "the account's quota for images and snapshots in this region is used up: remove old ones " +
		"(keep-images prunes a bake's), or ask for more in the Service Quotas console"
	hintCopyQuota = "the region copies as many snapshots as the account's quota allows at once: wait for other " +
		"copies, or ask for more in the Service Quotas console"
	hintAlreadyEnded = "the instance of this launch has already ended: look for what terminates new instances in the " +
		"account, and run the job again"
	hintCredentials = "check the AWS credentials: write role-to-assume and aws-region, or set them up in an earlier " +
		"step of the same job, whose session may have expired"
	hintRegion = hintCredentials + "; where other regions accept them, this region is not enabled for the account, " +
		"or the session token is of the global STS endpoint"
)

// hintQuota is for codes of quotas that a launch can exceed.
const hintQuota = "the account's quota for this kind of instance is used up: ask for more in the Service Quotas " +
	"console, end instances, or take another type or market"

// Topics are the beginnings of hints by the anchors of their entries in docs/troubleshooting.md.
var Topics = map[string]string{
	"quota":                 hintQuota,
	"spot-role":             hintSpotRole,
	"free-plan":             hintFreePlan,
	"marketplace-terms":     hintMarketplace,
	"marketplace-type":      hintMarketplaceType,
	"account-not-verified":  hintVerification,
	"account-blocked":       hintBlocked,
	"account-not-signed-up": hintSignUp,
	"image-not-shared":      hintNotShared,
	"explicit-deny":         hintExplicitDeny,
	"image-quota":           hintImageQuota,
	"already-ended":         hintAlreadyEnded,
	"trust-policy":          hintTrustPolicy,
	"oidc-provider":         hintNoProvider,
	"audience":              hintAudience,
	"role-not-allowed":      hintMayNotRole,
	"keys-refused":          hintNoSource,
	"session-duration":      hintDuration,
	"role-chaining":         hintChained,
	"sts-region":            hintSTSRegion,
	"role-arn":              hintRoleARN,
	"clock":                 hintClock,
	"sts-does-not-answer":   hintNoAnswer,
}

var marketplaceLink = regexp.MustCompile(`https://aws\.amazon\.com/marketplace/\S+`)

// HintOf returns what to do about a refusal, "" if its code is not specific enough.
func HintOf(err error) string {
	if refused, ok := signInError(err); ok {
		return refused.Hint
	}
	line, ok := ruleOf(err)
	switch {
	case line.class == Denied && ok:
		if denial, readable := denialOf(err); readable {
			return denial.hint()
		}
	case line.hint == hintMarketplace:
		call, _ := errors.AsType[*CallError](err)
		return hintMarketplace + ": " + cmp.Or(marketplaceLink.FindString(call.Message),
			"its page in the AWS Marketplace has the button")
	}
	if !ok && ClassOf(err) == Credentials { // the SDK found no credentials
		return hintCredentials
	}
	return line.hint
}

// TopicOf returns the anchor of the entry for an error's hint, "" if it has none.
func TopicOf(err error) string {
	hint := HintOf(err)
	for topic, begins := range Topics {
		if strings.HasPrefix(hint, begins) {
			return topic
		}
	}
	return ""
}
