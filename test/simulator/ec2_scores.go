package simulator

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// SpotScores are the account's spot placement scores.
// https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/spot-placement-score.html
type SpotScores struct {
	// Zones have these scores, from 1 to 10, where at least three types are asked for; the others have 5.
	Zones map[string]int `yaml:"zones"`
	// Configurations is how many different requests EC2 answers within 24 hours: 10 by default, none if negative. EC2
	// publishes no number; this is the one of AWS's own tracker of scores.
	// https://github.com/aws-solutions-library-samples/guidance-for-ec2-spot-placement-score-tracker
	Configurations int `yaml:"configurations"`
	// Capacity is the target capacity that the account may ask about, 1000 by default.
	Capacity int `yaml:"capacity"`
}

// Limits of GetSpotPlacementScores, and the scores of what no configuration names.
const (
	maxScoredRegions = 10 // of one request
	maxScores        = 10 // of one answer
	fewTypes         = 3  // with fewer the scores are low
	lowScore         = 1
	usualScore       = 5
)

// placeScore is the score of a zone, or of a region where zone is empty.
type placeScore struct {
	region, zone string
	score        int
}

// getSpotPlacementScores scores regions, or zones by their ids. All answers fit on one page.
// https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_GetSpotPlacementScores.html
func getSpotPlacementScores(call *ec2Call) ([]node, *ec2Error) {
	kinds := call.form.list("InstanceType")
	slices.Sort(kinds)
	kinds = slices.Compact(kinds)
	regions, failure := call.scoredRegions()
	for _, check := range []func([]string, []string) *ec2Error{call.checkScored, call.countScoreConfiguration} {
		if failure == nil {
			failure = check(kinds, regions)
		}
	}
	if failure != nil {
		return nil, failure
	}
	var scores []placeScore
	for _, region := range regions {
		scores = append(scores, call.scoresIn(region, len(kinds) < fewTypes)...)
	}
	slices.SortStableFunc(scores, func(a, b placeScore) int { return b.score - a.score })
	scores = scores[:min(len(scores), maxScores)]
	// The best, in an order that says nothing.
	slices.SortFunc(scores, func(a, b placeScore) int {
		return cmp.Or(strings.Compare(b.region, a.region), strings.Compare(a.zone, b.zone))
	})
	var items [][]node
	for _, s := range scores {
		items = append(items, some(leaf("region", s.region), leaf("availabilityZoneId", s.zone),
			leaf("score", strconv.Itoa(s.score))))
	}
	return []node{set("spotPlacementScoreSet", items...)}, nil
}

// scoredRegions are the regions of the request, by default all.
func (call *ec2Call) scoredRegions() ([]string, *ec2Error) {
	regions := call.form.list("RegionName")
	if len(regions) > maxScoredRegions {
		return nil, fail("InvalidParameterValue", "The number of RegionNames exceeds the limit of %d", maxScoredRegions)
	}
	for _, region := range regions {
		if call.regions[region] == nil {
			return nil, fail("InvalidParameterValue", "Invalid region: %s", region)
		}
	}
	if len(regions) == 0 {
		return call.w.cfg.Regions, nil
	}
	return regions, nil
}

func (call *ec2Call) checkScored(kinds, _ []string) *ec2Error {
	target, err := strconv.Atoi(call.form["TargetCapacity"])
	limit := orInt(call.w.cfg.SpotScores.Capacity, 1000)
	switch {
	case call.form["TargetCapacity"] == "":
		return fail("MissingParameter", "The request must contain the parameter TargetCapacity")
	case err != nil || target < 1:
		return fail("InvalidParameterValue", "Value (%s) for parameter targetCapacity is invalid.",
			call.form["TargetCapacity"])
	case target > limit:
		return fail("TargetCapacityLimitExceededException", "The value for targetCapacity exceeds your limit of %d.",
			limit)
	case len(kinds) == 0:
		return fail("MissingParameter", "The request must contain the parameter InstanceTypes")
	}
	for _, name := range kinds {
		if _, known := call.kind(name); !known {
			return fail("InvalidParameterValue", "Invalid value '%s' for InstanceType.", name)
		}
	}
	if text := call.form["MaxResults"]; text != "" {
		if n, err := strconv.Atoi(text); err != nil || n < 10 || n > 1000 {
			return fail("InvalidParameterValue", "Value ( %s ) for parameter maxResults is invalid.", text)
		}
	}
	return nil
}

// countScoreConfiguration refuses a request that differs from the earlier ones of 24 hours, once there were too many.
// What was asked before may be asked again.
func (call *ec2Call) countScoreConfiguration(kinds, regions []string) *ec2Error {
	key := fmt.Sprint(kinds, regions, call.form["TargetCapacity"], call.form["SingleAvailabilityZone"])
	for old, at := range call.scored {
		if call.w.now.Sub(at) >= 24*time.Hour {
			delete(call.scored, old)
		}
	}
	if _, known := call.scored[key]; known {
		return nil
	}
	if len(call.scored) >= max(orInt(call.w.cfg.SpotScores.Configurations, 10), 0) {
		return fail("MaxConfigLimitExceeded",
			"You have exceeded your maximum allowed Spot placement configurations. You can retry configurations that "+
				"you used within the last 24 hours, or wait for 24 hours before specifying a new configuration.")
	}
	call.scored[key] = call.w.now
	return nil
}

// scoresIn are the scores of a region's zones or, unless single zones are asked for, of the region itself.
func (call *ec2Call) scoresIn(region string, low bool) []placeScore {
	var list []placeScore
	for _, zone := range call.zonesOf(region) {
		s := placeScore{region, zoneID(zone), orInt(call.w.cfg.SpotScores.Zones[zone], usualScore)}
		if low {
			s.score = lowScore
		}
		list = append(list, s)
	}
	if call.form["SingleAvailabilityZone"] == "true" || len(list) == 0 {
		return list
	}
	best := slices.MaxFunc(list, func(a, b placeScore) int { return a.score - b.score })
	best.zone = ""
	return []placeScore{best}
}

// directions are how zone ids shorten the middle of a region's name.
var directions = map[string]string{
	"east": "e", "west": "w", "north": "n", "south": "s", "central": "c", "northeast": "ne", "southeast": "se",
}

// zoneID is the id of a zone, which is the same in every account while the names are not: the letters of this account
// count backwards. https://docs.aws.amazon.com/ram/latest/userguide/working-with-az-ids.html
func zoneID(zone string) string {
	parts := strings.Split(regionOfZone(zone), "-")
	if len(parts) < 3 {
		return zone
	}
	return fmt.Sprintf("%s%s%s-az%d", parts[0], directions[parts[1]], parts[2], 'g'-int(zone[len(zone)-1]))
}

// zonesOf are the zones of a region that have a subnet.
func (c *cloud) zonesOf(region string) []string {
	seen := map[string]bool{}
	for _, s := range c.w.cfg.Subnets {
		if regionOfZone(s.Zone) == region {
			seen[s.Zone] = true
		}
	}
	return sortedKeys(seen)
}
