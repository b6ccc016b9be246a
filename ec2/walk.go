package ec2

import (
	"cmp"
	"slices"

	"github.com/marqo-ai/ec2-github-runner/ec2/refusal"
)

// refusedAttempts are the refused attempts of a launch.
type refusedAttempts []Attempt

// about returns the first refusal that applies to the offering too.
func (list refusedAttempts) about(o Offering, home string) (because Attempt, found bool) {
	i := slices.IndexFunc(list, func(a Attempt) bool { return a.RefersTo(o, home) })
	if i < 0 {
		return Attempt{}, false
	}
	return list[i], true
}

// RefersTo reports whether the refusal of an attempt applies to another offering too, so that it need not be requested.
// home is the region of placements that name none.
func (a Attempt) RefersTo(o Offering, home string) bool {
	was, is := a.Offering.Placement, o.Placement
	return refusal.HoldsFor(a.Err, refusal.Same{
		Region:  cmp.Or(was.Region, home) == cmp.Or(is.Region, home),
		Element: was.Element == is.Element, Type: a.Offering.InstanceType == o.InstanceType,
		Market: a.Offering.Market == o.Market, Image: was.ImageID == is.ImageID, Subnet: was.SubnetID == is.SubnetID,
		Groups: slices.Equal(was.SecurityGroupIDs, is.SecurityGroupIDs), GroupIDs: is.SecurityGroupIDs,
	})
}
