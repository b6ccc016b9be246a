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

// fingerprints are those of all on-demand offerings of a group, as the request has them. An image that is found by its
// architecture counts as the architecture: `mode: pool` replaces entries of older ones.
func (st *Start) fingerprints(g *group) map[string]bool {
	prints := map[string]bool{}
	for _, o := range g.onDemand(g.Placements) {
		o.Placement.Region = cmp.Or(o.Placement.Region, st.Cloud.Region())
		prints[g.Fingerprint(o.Placement, o.InstanceType)] = true
	}
	return prints
}

// onDemand lists a group's offerings as a pool asks for them.
func (g Group) onDemand(placements []machine.Placement) []ec2.Offering {
	g.Markets = []string{machine.OnDemand}
	return survey.Offerings(g.Machine, placements)
}
