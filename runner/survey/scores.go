package survey

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/marqo-ai/ec2-github-runner/ec2"
	"github.com/marqo-ai/ec2-github-runner/ec2/refusal"
	"github.com/marqo-ai/ec2-github-runner/machine"
)

// scoreTimeout limits the request for spot placement scores. They are optional: after that, or after any refusal, the
// given order is kept.
const scoreTimeout = 5 * time.Second

// byScore sorts the spot offerings of each instance type by their zones' spot placement scores, the best first, and
// keeps the given order among equals. Unscored zones come last. On-demand offerings keep their places, since the scores
// do not apply to them.
func (sv *Survey) byScore(ctx context.Context, g group) []ec2.Offering {
	isSpot := func(o ec2.Offering) bool { return o.Market == machine.Spot }
	spot := slices.DeleteFunc(slices.Clone(g.found.Offerings), func(o ec2.Offering) bool { return !isSpot(o) })
	if !sv.BySpotScore || !slices.ContainsFunc(spot,
		func(o ec2.Offering) bool { return o.Placement.SubnetID != spot[0].Placement.SubnetID }) {
		return g.found.Offerings
	}
	bounded, cancel := context.WithTimeout(ctx, scoreTimeout)
	defer cancel()
	score, err := sv.spotScores(bounded, spot, max(g.Count, 1))
	if err != nil {
		if ctx.Err() == nil {
			sv.noScores.Do(func() {
				sv.Warn(fmt.Sprintf("EC2 gives no spot placement scores, so the given order is used: %s; %s",
					refusal.Reason(err), ec2.HintSpotScores))
			})
		}
		return g.found.Offerings
	}
	ordered := slices.Clone(g.found.Offerings)
	for rest := ordered; len(rest) > 0; {
		alike := slices.IndexFunc(rest, func(o ec2.Offering) bool {
			return o.Market != rest[0].Market || o.InstanceType != rest[0].InstanceType
		})
		if alike < 0 {
			alike = len(rest)
		}
		if isSpot(rest[0]) {
			slices.SortStableFunc(rest[:alike], func(a, b ec2.Offering) int { return score(b) - score(a) })
		}
		rest = rest[alike:]
	}
	return ordered
}

// spotScores reads the scores of the offerings' zones, for all the types together.
func (sv *Survey) spotScores(ctx context.Context, spot []ec2.Offering, count int) (func(ec2.Offering) int, error) {
	var types []string
	subnets := map[string][]string{} // by region
	for _, o := range spot {
		region := o.Placement.Region
		types, subnets[region] = append(types, o.InstanceType), append(subnets[region], o.Placement.SubnetID)
	}
	types = distinct(types)
	scores, err := sv.Cloud.Account().SpotScores(ctx, slices.Sorted(maps.Keys(subnets)), types, count)
	if err != nil {
		return nil, err
	}
	zones := map[string]string{} // by subnet
	for region, ids := range subnets {
		if ids = distinct(ids); len(ids) == 0 {
			continue
		}
		_, found, err := sv.Cloud.Account().SubnetZones(ctx, region, ids)
		if err != nil {
			return nil, err
		}
		maps.Copy(zones, found)
	}
	sv.logScores(scores, zones, len(types))
	return func(o ec2.Offering) int { return scores[zones[o.Placement.SubnetID]] }, nil
}

func (sv *Survey) logScores(scores map[string]int, zones map[string]string, types int) {
	ids := slices.Compact(slices.Sorted(maps.Values(zones)))
	slices.SortStableFunc(ids, func(a, b string) int { return cmp.Compare(scores[b], scores[a]) })
	words := make([]string, len(ids))
	for i, id := range ids {
		words[i] = fmt.Sprintf("%s %d", id, scores[id])
		if scores[id] == 0 {
			words[i] = id + " not scored"
		}
	}
	line := "spot placement scores: " + strings.Join(words, ", ")
	if types < ec2.MinScoredTypes {
		line += fmt.Sprintf("; with fewer than %d instance types EC2 scores low everywhere", ec2.MinScoredTypes)
	}
	sv.Log.Info(line)
}
