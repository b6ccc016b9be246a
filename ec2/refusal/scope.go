package refusal

import (
	"errors"
	"regexp"
	"slices"
)

// scope is to which of the other offerings the refusal of a launch applies too.
type scope int

// The scopes, from the smallest to the largest. Codes that are not in the table are ofPlacement: another element of
// availability-zones-config may work, as with machulav's action.
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
	// The account's policies and settings: only the next element of availability-zones-config is tried.
	ofAccount
	ofCredentials // the credentials, in every region
)

// scopeOf returns the scope of a refused launch.
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
	if ClassOf(err) == Credentials { // the SDK found no credentials, so nothing was sent
		return ofCredentials
	}
	return ofPlacement
}

// Same is in which properties an offering equals one that was refused.
type Same struct {
	Region, Element, Type, Market, Image, Subnet, Groups bool
	// GroupIDs are the offering's security groups, for a refusal that names one.
	GroupIDs []string
}

// reaches are the properties that must be equal for a refusal of each scope to apply.
var reaches = map[scope]Same{
	ofOffering:    {Region: true, Element: true, Type: true, Market: true, Image: true, Subnet: true, Groups: true},
	ofPlacement:   {Region: true, Element: true, Image: true, Subnet: true, Groups: true},
	ofTypeInZone:  {Region: true, Type: true, Subnet: true},
	ofTypeOnImage: {Region: true, Type: true, Image: true},
	ofQuota:       {Region: true, Type: true, Market: true},
	ofType:        {Region: true, Type: true},
	ofMarket:      {Market: true},
	ofImage:       {Region: true, Image: true},
	ofSubnet:      {Region: true, Subnet: true},
	ofGroup:       {Region: true, Groups: true},
	ofRegion:      {Region: true},
	ofAccount:     {Element: true},
	ofCredentials: {},
}

var groupIDs = regexp.MustCompile(`\bsg-[0-9a-f]+`)

// HoldsFor reports whether a refusal applies to another offering too, so that it need not be requested.
func HoldsFor(err error, same Same) bool {
	if err == nil {
		return false
	}
	if ClassOf(err) == Denied && !same.Element {
		// The policy's conditions are not known, so a denial for one element says nothing about the next.
		return false
	}
	scope := scopeOf(err)
	if call, ok := errors.AsType[*CallError](err); ok && scope == ofGroup {
		if named := groupIDs.FindString(call.Message); named != "" {
			same.Groups = slices.Contains(same.GroupIDs, named)
		}
	}
	need := reaches[scope]
	return !slices.Contains([]bool{
		need.Region && !same.Region, need.Element && !same.Element, need.Type && !same.Type,
		need.Market && !same.Market, need.Image && !same.Image, need.Subnet && !same.Subnet,
		need.Groups && !same.Groups,
	}, true)
}

// EndsLaunch reports whether a refusal applies to all other offerings: the credentials are refused in every region.
func EndsLaunch(err error) bool { return scopeOf(err) == ofCredentials }
