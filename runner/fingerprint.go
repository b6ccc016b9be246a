package runner

import (
	"cmp"
	"strconv"

	"github.com/marqo-ai/ec2-github-runner/ec2"
	"github.com/marqo-ai/ec2-github-runner/machine"
	"github.com/marqo-ai/ec2-github-runner/runner/survey"
)

// groupKey names a runner group as the inputs do.
func (r StartRequest) groupKey() string {
	if r.GroupName != "" {
		return r.GroupName
	}
	return strconv.FormatInt(max(r.GroupID, 1), 10)
}

// fingerprint is a hash of what a machine of an offering is launched with and of what is set up on it before there is a
// job. An image that is found by its architecture counts as the architecture: `mode: pool` replaces entries of older
// ones.
func (st *start) fingerprint(g *group, offering ec2.Offering) string {
	offering.Placement.Region = cmp.Or(offering.Placement.Region, st.Cloud.Region())
	return g.Fingerprint(offering.Placement, offering.InstanceType)
}

// fingerprints are those of all on-demand offerings of a group, as the request has them.
func (st *start) fingerprints(g *group) map[string]bool {
	prints := map[string]bool{}
	for _, offering := range g.onDemand(g.Placements) {
		prints[st.fingerprint(g, offering)] = true
	}
	return prints
}

// onDemand lists a group's offerings as a pool asks for them.
func (g Group) onDemand(placements []machine.Placement) []ec2.Offering {
	g.Markets = []string{machine.OnDemand}
	return survey.Offerings(g.Machine, placements)
}
