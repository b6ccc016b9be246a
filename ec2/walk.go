package ec2

import (
	"cmp"
	"errors"
	"regexp"
	"slices"
)

// refusedAttempts are the refusals of a launch so far.
type refusedAttempts []Attempt

// speakOf returns the first refusal that holds for the offering too.
func (list refusedAttempts) about(o Offering, home string) (because Attempt, found bool) {
	i := slices.IndexFunc(list, func(a Attempt) bool { return a.RefersTo(o, home) })
	if i < 0 {
		return Attempt{}, false
	}
	return list[i], true
}

// part is one part in which two offerings may be the same.
type part func(refusal Attempt, o Offering, home string) bool

func sameRegion(a Attempt, o Offering, home string) bool {
	return cmp.Or(a.Offering.Placement.Region, home) == cmp.Or(o.Placement.Region, home)
}

func sameElement(a Attempt, o Offering, _ string) bool {
	return a.Offering.Placement.Element == o.Placement.Element
}

func sameType(a Attempt, o Offering, _ string) bool { return a.Offering.InstanceType == o.InstanceType }

func sameMarket(a Attempt, o Offering, _ string) bool { return a.Offering.Market == o.Market }

func sameImage(a Attempt, o Offering, _ string) bool {
	return a.Offering.Placement.ImageID == o.Placement.ImageID
}

func sameSubnet(a Attempt, o Offering, _ string) bool {
	return a.Offering.Placement.SubnetID == o.Placement.SubnetID
}

func sameGroups(a Attempt, o Offering, _ string) bool {
	return slices.Equal(a.Offering.Placement.SecurityGroupIDs, o.Placement.SecurityGroupIDs)
}

var groupIDs = regexp.MustCompile(`\bsg-[0-9a-f]+`)

// sharesGroup holds for what has the group that EC2 names, or the same groups where it names none.
func sharesGroup(a Attempt, o Offering, home string) bool {
	if call, ok := errors.AsType[*CallError](a.Err); ok {
		if named := groupIDs.FindString(call.Message); named != "" {
			return slices.Contains(o.Placement.SecurityGroupIDs, named)
		}
	}
	return sameGroups(a, o, home)
}

// reaches says of each scope in which parts an offering must be as the refused one.
var reaches = map[scope][]part{
	ofOffering:    {sameRegion, sameElement, sameType, sameMarket, sameImage, sameSubnet, sameGroups},
	ofPlacement:   {sameRegion, sameElement, sameImage, sameSubnet, sameGroups},
	ofTypeInZone:  {sameRegion, sameType, sameSubnet},
	ofTypeOnImage: {sameRegion, sameType, sameImage},
	ofQuota:       {sameRegion, sameType, sameMarket},
	ofType:        {sameRegion, sameType},
	ofMarket:      {sameMarket},
	ofImage:       {sameRegion, sameImage},
	ofSubnet:      {sameRegion, sameSubnet},
	ofGroup:       {sameRegion, sharesGroup},
	ofRegion:      {sameRegion},
	ofAccount:     {sameElement},
	ofCredentials: {},
}

// RefersTo reports whether the refusal of an attempt holds for another offering too, so that asking for it would be in
// vain. home is the region of placements that name none.
func (a Attempt) RefersTo(o Offering, home string) bool {
	if a.Err == nil {
		return false
	}
	if ClassOf(a.Err) == Denied && !sameElement(a, o, home) {
		// a policy's conditions are not known, so that what it denies to one element says nothing of the next
		return false
	}
	return !slices.ContainsFunc(reaches[scopeOf(a.Err)], func(same part) bool { return !same(a, o, home) })
}
