package ec2

import (
	"cmp"
	"errors"
	"regexp"
	"slices"
	"strings"
)

// This file is the one table of what EC2's error codes mean: what a caller may do about one (its class), how much of a
// list of offerings it speaks of (its scope), and what to tell the user (its hint). docs/adr/0015-refusals.md has the
// reasons.

// scope is how much of a list of offerings a refused launch speaks of: whoever asks for these too asks in vain.
type scope int

// The scopes, from the smallest to the largest. A code that is not in the table is ofPlacement: another element of
// availability-zones-config may do, as with machulav's action.
const (
	ofOffering    scope = iota // this offering, at this moment
	ofPlacement                // this image, subnet and groups
	ofTypeInZone               // this type in this subnet's zone
	ofTypeOnImage              // this type with this image
	ofQuota                    // this type in this market and region
	ofType                     // this type in this region
	ofMarket                   // this market, in every region
	ofImage                    // this image
	ofSubnet                   // this subnet
	ofGroup                    // these security groups
	ofRegion                   // this region
	// the account's policies and settings: only the next element of availability-zones-config is tried
	ofAccount
	ofCredentials // the credentials, in every region
)

// rule is one line of the table. Where says is set it holds only for messages that match.
type rule struct {
	code  string
	says  *regexp.Regexp
	class Class
	scope scope
	hint  string
}

// Hints of codes, as they begin. Each has an entry in docs/troubleshooting.md.
const (
	hintSpotRole = "make EC2's role for spot instances once (aws iam create-service-linked-role --aws-service-name " +
		"spot.amazonaws.com), " +
		"or allow the credentials iam:CreateServiceLinkedRole"
	// https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/ec2-free-tier-usage.html
	hintFreePlan = "the account is on the free plan, which has the types t3.micro, t3.small, t4g.micro, t4g.small, " +
		"c7i-flex.large and m7i-flex.large: " +
		"take one of these, or upgrade the account's plan"
	hintMarketplace     = "accept the terms of this AWS Marketplace image once, as a user who may subscribe"
	hintMarketplaceType = "the AWS Marketplace product does not run on this instance type or in this region: take a " +
		"type " +
		"that its Marketplace page lists"
	hintVerification = "AWS is still verifying the account for this region, which takes minutes to hours: take " +
		"another " +
		"region meanwhile, or write to aws-verification@amazon.com"
	hintBlocked      = "AWS has blocked the account: contact AWS Support"
	hintSignUp       = "the account is not signed up for EC2: complete its registration in the AWS console"
	hintNotShared    = "the image is not shared with this account: let its owner share it, or copy it into the account"
	hintExplicitDeny = "lift the explicit deny"
	hintImageQuota   = "the account's quota for images and snapshots in this region is used up: remove old ones " +
		"(keep-images prunes a bake's), or ask for more in the Service Quotas console"
	hintCopyQuota = "the region copies as many snapshots as the account's quota allows at once: wait for other " +
		"copies, " +
		"or ask for more in the Service Quotas console"
	hintAlreadyEnded = "the instance of this launch has already ended: look for what terminates new instances in the " +
		"account, and run the job again"
	hintCredentials = "check the AWS credentials: write role-to-assume and aws-region, or set them up in an earlier " +
		"step " +
		"of the same job, whose session may have expired"
	hintRegion = hintCredentials +
		"; where other regions accept them, this region is not enabled for the account, or the session token is of " +
		"the " +
		"global STS endpoint"
)

// hintQuota is for codes of quotas that a launch can meet.
const hintQuota = "the account's quota for this kind of instance is used up: ask for more in the Service Quotas " +
	"console, end instances, or take another type or market"

// Topics are the entries of docs/troubleshooting.md by their anchors, with how the hints that lead to them begin.
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

// TopicOf returns the entry that the hint for an error leads to, empty where it has none.
func TopicOf(err error) string {
	hint := HintOf(err)
	for topic, begins := range Topics {
		if strings.HasPrefix(hint, begins) {
			return topic
		}
	}
	return ""
}

// all returns one line for each of the codes.
func all(class Class, scope scope, hint string, codes ...string) []rule {
	lines := make([]rule, len(codes))
	for i, code := range codes {
		lines[i] = rule{code: code, class: class, scope: scope, hint: hint}
	}
	return lines
}

func saying(pattern string) *regexp.Regexp { return regexp.MustCompile(`(?i)` + pattern) }

// refusals is the table. Lines with a pattern stand before those of the same code without one: the first that fits
// holds. https://docs.aws.amazon.com/AWSEC2/latest/APIReference/errors-overview.html
var refusals = slices.Concat(
	all(Capacity, ofOffering, "", "InsufficientInstanceCapacity", "InsufficientHostCapacity",
		"InsufficientReservedInstanceCapacity",
		"InsufficientCapacity", "UnfulfillableCapacity", "ReservationCapacityExceeded",
		"SpotMaxPriceTooLow"), // the spot price differs by type and zone
	all(Capacity, ofSubnet, "", "InsufficientFreeAddressesInSubnet"),
	// Quotas count vCPUs by family, market and region, so a smaller type or another family may still fit.
	// https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/ec2-on-demand-instances.html#ec2-on-demand-instances-limits
	all(Capacity, ofQuota, hintQuota, "VcpuLimitExceeded", "InstanceLimitExceeded", "MaxSpotInstanceCountExceeded"),
	all(Capacity, ofRegion, hintImageQuota, "AMIQuotaExceeded", "SnapshotLimitExceeded"),
	all(Capacity, ofRegion, hintCopyQuota, "ResourceLimitExceeded"), // of CopyImage, see IsCopyLimit

	all(Throttle, ofPlacement, "", "RequestLimitExceeded", "Throttling", "ThrottlingException", "ThrottledException",
		"EC2ThrottledException",
		"RequestThrottled", "RequestThrottledException", "TooManyRequestsException", "SlowDown",
		"BandwidthLimitExceeded"),
	all(Unknown, ofPlacement, "", "InternalError", "InternalFailure", "ServiceUnavailable", "Unavailable",
		"RequestTimeout", "RequestTimeoutException"),

	// "Not authorized for images: [ami-…]": it exists, and its owner has not shared it.
	[]rule{{"AuthFailure", saying(`not authorized for images`), Account, ofImage, hintNotShared}},
	// A region that is not enabled, and a session token of the global STS endpoint in an opt-in region, are refused in
	// these words, as wrong keys are:
	// https://docs.aws.amazon.com/IAM/latest/UserGuide/id_credentials_temp_enable-regions.html
	all(Credentials, ofRegion, hintRegion, "AuthFailure", "InvalidClientTokenId"),
	all(Credentials, ofCredentials, hintCredentials, "ExpiredToken", "ExpiredTokenException", "RequestExpired",
		"UnrecognizedClientException",
		"SignatureDoesNotMatch", "MissingAuthenticationToken", "IncompleteSignature"),

	[]rule{
		{"OptInRequired", saying(`marketplace`), Account, ofImage, hintMarketplace},
		{"InvalidParameterCombination", saying(`not eligible for free tier`), Account, ofType, hintFreePlan},
	},
	all(Account, ofMarket, hintSpotRole, "AuthFailure.ServiceLinkedRoleCreationNotPermitted"),
	all(Account, ofRegion, hintVerification, "PendingVerification"),
	all(Account, ofRegion, hintSignUp, "OptInRequired"),
	all(Account, ofAccount, hintBlocked, "Blocked"),

	// Of a denial the message says more, see denial.
	all(Denied, ofAccount, "", "UnauthorizedOperation", "AccessDenied", "AccessDeniedException"),
	all(Tagging, ofAccount, "", "TagPolicyViolation", "TagLimitExceeded"),

	[]rule{
		{"Unsupported", saying(`availability zone`), Capacity, ofTypeInZone, ""},
		{"UnsupportedOperation", saying(`marketplace`), Impossible, ofTypeOnImage, hintMarketplaceType},
		// "Invalid value 'a1.xlarge' for InstanceType.": the region has no such type.
		{"InvalidParameterValue", saying(`^invalid value .* for instance ?type`), Misfit, ofType, ""},
		// "The architecture 'arm64' of the specified instance type does not match …", "Enhanced networking … is
		// required for the 'a1.xlarge' instance type": another type may do.
		{"InvalidParameterValue", saying(`\binstance ?type\b`), Misfit, ofTypeOnImage, ""},
		{"InvalidParameterCombination", saying(`\binstance ?type\b`), Misfit, ofTypeOnImage, ""},
		// EC2 says this for some seconds after a profile was created, and for ever when there is none.
		// https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot_iam-ec2.html
		{"InvalidParameterValue", saying(`iam ?instance ?profile`), Profile, ofAccount, ""},
	},
	all(Capacity, ofOffering, "", "Unsupported"),
	all(Impossible, ofTypeOnImage, "", "UnsupportedOperation"),
	all(Impossible, ofPlacement, "", "OperationNotPermitted"),

	all(NotFound, ofImage, "", "InvalidAMIID.NotFound", "InvalidAMIID.Unavailable", "InvalidSnapshot.NotFound"),
	all(NotFound, ofSubnet, "", "InvalidSubnetID.NotFound"),
	all(NotFound, ofGroup, "", "InvalidGroup.NotFound"),
	all(NotFound, ofRegion, "", "InvalidLaunchTemplateId.NotFound"),
	all(NotFound, ofPlacement, "", "InvalidInstanceID.NotFound", "InvalidVolume.NotFound"),
	all(Other, ofImage, "", "InvalidAMIID.Malformed"),

	all(WrongState, ofPlacement, "", "IncorrectInstanceState", "IncorrectState", "IncorrectSpotRequestState",
		"VolumeInUse"),
	all(Taken, ofPlacement, "", "InvalidAMIName.Duplicate"),
	// Since January 2025: the token is known, and its instance has ended.
	// https://docs.aws.amazon.com/ec2/latest/devguide/ec2-api-idempotency.html
	all(Ended, ofOffering, hintAlreadyEnded, "IdempotentInstanceTerminated"),
)

// ruleOf finds the line of an error; ok is false where the table has none.
func ruleOf(err error) (line rule, ok bool) {
	call, isCall := errors.AsType[*CallError](err)
	if !isCall || call.Code == "" {
		return rule{}, false
	}
	i := slices.IndexFunc(refusals, func(r rule) bool {
		return r.code == call.Code && (r.says == nil || r.says.MatchString(call.Message))
	})
	if i < 0 {
		return rule{}, false
	}
	return refusals[i], true
}

// scopeOf states how much of a list of offerings a refused launch speaks of.
func scopeOf(err error) scope {
	if ClassOf(err) == Denied {
		denial, readable := denialOf(err)
		if !readable {
			return ofAccount
		}
		return denial.scope()
	}
	if IsSignIn(err) {
		return ofCredentials
	}
	if line, ok := ruleOf(err); ok {
		return line.scope
	}
	if ClassOf(err) == Credentials { // there are none, so that nothing was sent
		return ofCredentials
	}
	return ofPlacement
}

var marketplaceLink = regexp.MustCompile(`https://aws\.amazon\.com/marketplace/\S+`)

// HintOf states what to do about a refusal, empty where its code says too little.
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
	if !ok && ClassOf(err) == Credentials { // there are none
		return hintCredentials
	}
	return line.hint
}
