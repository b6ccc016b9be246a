package refusal

import (
	"errors"
	"regexp"
	"slices"
)

// This file is the table of EC2's error codes.

// rule is a line of the table. If says is set, it applies only to messages that match.
type rule struct {
	code  string
	says  *regexp.Regexp
	class Class
	scope scope
	hint  string
}

// all returns a line for each of the codes.
func all(class Class, scope scope, hint string, codes ...string) []rule {
	lines := make([]rule, len(codes))
	for i, code := range codes {
		lines[i] = rule{code: code, class: class, scope: scope, hint: hint}
	}
	return lines
}

func saying(pattern string) *regexp.Regexp { return regexp.MustCompile(`(?i)` + pattern) }

// refusals is the table. Lines with a pattern precede those of the same code without one, since the first match
// applies. https://docs.aws.amazon.com/AWSEC2/latest/APIReference/errors-overview.html
var refusals = slices.Concat(
	all(Capacity, ofOffering, "", "InsufficientInstanceCapacity", "InsufficientHostCapacity",
		"InsufficientReservedInstanceCapacity", "InsufficientCapacity", "UnfulfillableCapacity",
		"ReservationCapacityExceeded", "SpotMaxPriceTooLow"), // the spot price differs by type and zone
	all(Capacity, ofSubnet, "", "InsufficientFreeAddressesInSubnet"),
	// Quotas count vCPUs by family, market and region, so a smaller type or another family may still fit.
	// https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/ec2-on-demand-instances.html#ec2-on-demand-instances-limits
	all(Capacity, ofQuota, hintQuota, "VcpuLimitExceeded", "InstanceLimitExceeded", "MaxSpotInstanceCountExceeded"),
	all(Capacity, ofRegion, hintImageQuota, "AMIQuotaExceeded", "SnapshotLimitExceeded"),
	all(Capacity, ofRegion, hintCopyQuota, "ResourceLimitExceeded"), // of CopyImage, see IsCopyLimit

	all(Throttle, ofPlacement, "", "RequestLimitExceeded", "Throttling", "ThrottlingException", "ThrottledException",
		"EC2ThrottledException", "RequestThrottled", "RequestThrottledException", "TooManyRequestsException",
		"SlowDown", "BandwidthLimitExceeded"),
	all(Unknown, ofPlacement, "", "InternalError", "InternalFailure", "ServiceUnavailable", "Unavailable",
		"RequestTimeout", "RequestTimeoutException"),

	// "Not authorized for images: [ami-…]": the image exists, and its owner has not shared it.
	[]rule{{"AuthFailure", saying(`not authorized for images`), Account, ofImage, hintNotShared}},
	// Regions that are not enabled, and session tokens of the global STS endpoint in an opt-in region, are refused with
	// the same message as wrong keys:
	// https://docs.aws.amazon.com/IAM/latest/UserGuide/id_credentials_temp_enable-regions.html
	all(Credentials, ofRegion, hintRegion, "AuthFailure", "InvalidClientTokenId"),
	all(Credentials, ofCredentials, hintCredentials, "ExpiredToken", "ExpiredTokenException", "RequestExpired",
		"UnrecognizedClientException", "SignatureDoesNotMatch", "MissingAuthenticationToken", "IncompleteSignature"),

	[]rule{
		{"OptInRequired", saying(`marketplace`), Account, ofImage, hintMarketplace},
		{"InvalidParameterCombination", saying(`not eligible for free tier`), Account, ofType, hintFreePlan},
	},
	all(Account, ofMarket, hintSpotRole, "AuthFailure.ServiceLinkedRoleCreationNotPermitted"),
	all(Account, ofRegion, hintVerification, "PendingVerification"),
	all(Account, ofRegion, hintSignUp, "OptInRequired"),
	all(Account, ofAccount, hintBlocked, "Blocked"),

	// The message of a denial is more specific, see denial.
	all(Denied, ofAccount, "", "UnauthorizedOperation", "AccessDenied", "AccessDeniedException"),
	all(Tagging, ofAccount, "", "TagPolicyViolation", "TagLimitExceeded"),

	[]rule{
		{"Unsupported", saying(`availability zone`), Capacity, ofTypeInZone, ""},
		{"UnsupportedOperation", saying(`marketplace`), Impossible, ofTypeOnImage, hintMarketplaceType},
		// "Invalid value 'a1.xlarge' for InstanceType.": the region does not have the type.
		{"InvalidParameterValue", saying(`^invalid value .* for instance ?type`), Misfit, ofType, ""},
		// "The architecture 'arm64' of the specified instance type does not match …", "Enhanced networking … is
		// required for the 'a1.xlarge' instance type": another type may work.
		{"InvalidParameterValue", saying(`\binstance ?type\b`), Misfit, ofTypeOnImage, ""},
		{"InvalidParameterCombination", saying(`\binstance ?type\b`), Misfit, ofTypeOnImage, ""},
		// EC2 returns this for some seconds after a profile was created, and always if it does not exist.
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

// ruleOf returns the line for an error; ok is false if there is none.
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

// Codes returns the codes in the table.
func Codes() []string {
	var codes []string
	for _, r := range refusals {
		codes = append(codes, r.code)
	}
	return codes
}
