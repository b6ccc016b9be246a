package runner

import (
	"cmp"
	"strconv"

	"github.com/marqo-ai/ec2-github-runner/ec2"
	"github.com/marqo-ai/ec2-github-runner/machine"
	"github.com/marqo-ai/ec2-github-runner/runner/survey"
)

// groupKey returns the runner group's key, as in the inputs.
func (r StartRequest) groupKey() string {
	if r.GroupName != "" {
		return r.GroupName
	}
	return strconv.FormatInt(max(r.GroupID, 1), 10)
}

// fingerprints returns those of all on-demand offerings of a group, as requested. An image that is selected by
// architecture counts as the architecture: `mode: pool` replaces entries with older images.
func (st *Start) fingerprints(g *group) map[string]bool {
	prints := map[string]bool{}
	for _, o := range g.onDemand(g.Placements) {
		o.Placement.Region = cmp.Or(o.Placement.Region, st.Cloud.Region())
		prints[g.Fingerprint(o.Placement, o.InstanceType)] = true
	}
	return prints
}

// onDemand returns a group's offerings as a pool requests them.
func (g Group) onDemand(placements []machine.Placement) []ec2.Offering {
	g.Markets = []string{machine.OnDemand}
	return survey.Offerings(g.Machine, placements)
}
