package runner

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"regexp"
	"slices"
	"strings"
	"sync"

	"github.com/marqo-ai/ec2-github-runner/ec2"
	"github.com/marqo-ai/ec2-github-runner/machine"
	"github.com/marqo-ai/ec2-github-runner/runner/diagnosis"
)

// survey is what a start reads in the account before it launches, and what it concludes for its groups.
type survey struct {
	cloud       *ec2.Client
	log         *slog.Logger
	warn        func(string)
	webURL      string // of GitHub
	groups      []*group
	everyRegion bool // an image that cannot be read in one region is an error
	bySpotScore bool
	noScores    sync.Once // it was said that EC2 gives no spot placement scores
}

// newSurvey returns the survey of the start's groups, in the phase that it is in.
func (st *start) newSurvey() *survey {
	return &survey{
		cloud: st.Cloud, log: st.log, warn: st.warn, webURL: st.request.WebURL, groups: st.groups,
		everyRegion: st.everyRegion, bySpotScore: st.request.BySpotScore,
	}
}

// survey reads what the account says of images, types and zones before anything is launched.
func (st *start) survey(ctx context.Context) error { return st.newSurvey().read(ctx) }

// regionOf is the region of a placement: the home region where it names none.
func (sv *survey) regionOf(p machine.Placement) string { return cmp.Or(p.Region, sv.cloud.Region()) }

// read reads what the account says of images, types and zones: what cannot work is refused or left out, and what may
// not be read is taken as good.
func (sv *survey) read(ctx context.Context) error {
	if err := sv.chooseImages(ctx); err != nil {
		return err
	}
	if err := sv.readImages(ctx); err != nil {
		return err
	}
	runs := sv.readTypes(ctx)
	var group sync.WaitGroup
	for _, g := range sv.groups {
		if err := sv.matchTypes(g, runs); err != nil {
			return err
		}
		sv.warnOfProcessors(g)
		group.Go(func() {
			g.fit = sv.inZones(ctx, g.fit)
			g.fit = sv.byScore(ctx, g)
			for i := range g.fit {
				g.fit[i].Number = i + 1
			}
		})
	}
	group.Wait()
	return nil
}

// typesOf returns by region which architectures the instance types run. A region that cannot be read has no entry.
type typesOf map[string]map[string][]string

// readTypes asks each region for all its types at once, and only where there is something to compare.
func (sv *survey) readTypes(ctx context.Context) typesOf {
	names := map[string][]string{}
	for _, g := range sv.groups {
		for _, o := range g.offerings(g.placements) {
			region := sv.regionOf(o.Placement)
			if g.images[imageKey{region, o.Placement.ImageID}].Architecture != "" || len(g.InstanceTypes) > 1 {
				names[region] = append(names[region], o.InstanceType)
			}
		}
	}
	runs := typesOf{}
	for region, list := range names {
		if list = distinct(list); len(list) == 0 {
			continue
		}
		found, err := sv.cloud.Architectures(ctx, region, list)
		if err != nil {
			sv.log.Debug("the instance types cannot be read", "region", region, "error", err)
			continue
		}
		runs[region] = found
	}
	return runs
}

// matchTypes keeps the offerings whose type runs their image, and refuses the group if there is none. A type that the
// region does not have at all is left out if others are left; else EC2 itself shall say so.
func (sv *survey) matchTypes(g *group, runs typesOf) error {
	all := sv.orderByImage(g, sv.withImages(g, g.offerings(g.placements)))
	var missing []ec2.Offering
	for _, o := range all {
		region := sv.regionOf(o.Placement)
		image, types := g.images[imageKey{region, o.Placement.ImageID}].Architecture, runs[region]
		switch {
		case o.InstanceType == "", types == nil, image != "" && slices.Contains(types[o.InstanceType], image):
			g.fit = append(g.fit, o)
		case types[o.InstanceType] == nil:
			missing = append(missing, o)
		case image == "":
			g.fit = append(g.fit, o)
		}
	}
	if len(g.fit) == 0 {
		g.fit = missing
		missing = nil
	}
	for _, o := range missing {
		sv.log.Info(fmt.Sprintf("%s is not offered in %s, so it is left out there", o.InstanceType,
			sv.regionOf(o.Placement)))
	}
	if len(g.fit) > 0 || len(all) == 0 {
		return nil
	}
	first := all[0]
	return &diagnosis.RefusedError{
		Message: fmt.Sprintf("instance type %s cannot run image %s: the image is %s, the type %s",
			strings.Join(g.InstanceTypes, ", "),
			first.Placement.ImageID,
			g.images[imageKey{sv.regionOf(first.Placement), first.Placement.ImageID}].Architecture,
			strings.Join(runs[sv.regionOf(first.Placement)][first.InstanceType], ", ")),
		Hint: "take an image of the type's architecture, or a type of the image's: t3.xlarge runs x86_64, t4g.xlarge " +
			"runs " +
			"arm64",
	}
}

// zoning is what one region tells of zones.
type zoning struct {
	offered map[string][]string // zones by type
	subnets map[string]string   // the zone of each subnet
}

// inZones leaves out the offerings whose zone does not offer their type, where both can be read. If that would leave
// none, EC2 itself shall say so.
func (sv *survey) inZones(ctx context.Context, offerings []ec2.Offering) []ec2.Offering {
	if len(offerings) < 2 {
		return offerings
	}
	byRegion := map[string][]ec2.Offering{}
	for _, o := range offerings {
		byRegion[sv.regionOf(o.Placement)] = append(byRegion[sv.regionOf(o.Placement)], o)
	}
	zonings := map[string]zoning{}
	for region, list := range byRegion {
		zonings[region] = sv.readZones(ctx, region, list)
	}
	var told []string
	kept := slices.DeleteFunc(slices.Clone(offerings), func(o ec2.Offering) bool {
		z := zonings[sv.regionOf(o.Placement)]
		zone, offered := z.subnets[o.Placement.SubnetID], z.offered[o.InstanceType]
		if zone == "" || len(offered) == 0 || slices.Contains(offered, zone) {
			return false
		}
		told = append(told, fmt.Sprintf("%s is not offered in %s, so it is left out there", o.InstanceType, zone))
		return true
	})
	if len(kept) == 0 {
		return offerings
	}
	for _, line := range slices.Compact(told) {
		sv.log.Info(line)
	}
	return kept
}

// readZones is empty where it may not be read.
func (sv *survey) readZones(ctx context.Context, region string, offerings []ec2.Offering) zoning {
	var names, subnets []string
	for _, o := range offerings {
		names, subnets = append(names, o.InstanceType), append(subnets, o.Placement.SubnetID)
	}
	names, subnets = distinct(names), distinct(subnets)
	if len(names) == 0 || len(subnets) == 0 {
		return zoning{}
	}
	offered, err := sv.cloud.ZonesOffering(ctx, region, names)
	if err == nil {
		var zones map[string]string
		if zones, err = sv.cloud.SubnetZones(ctx, region, subnets); err == nil {
			return zoning{offered, zones}
		}
	}
	sv.log.Debug("the zones' types cannot be read", "region", region, "error", err)
	return zoning{}
}

func distinct(list []string) []string {
	list = slices.DeleteFunc(slices.Clone(list), func(text string) bool { return text == "" })
	slices.Sort(list)
	return slices.Compact(list)
}

// gravitonType matches the types with Arm processors: a1, and families with a g behind the generation (t4g, m6gd,
// im4gn). https://docs.aws.amazon.com/ec2/latest/instancetypes/instance-type-names.html
var gravitonType = regexp.MustCompile(`^(a1|[a-z]+[0-9]+[a-z]*g[a-z]*)\.`)

// architectureLabel is GitHub's default label for the machine's architecture: by its image, or by its type where the
// image cannot be read.
func (sv *survey) architectureLabel(s *slot) string {
	if len(s.fit) > 0 {
		first := s.fit[0]
		image := s.images[imageKey{sv.regionOf(first.Placement), first.Placement.ImageID}].Architecture
		if image == "arm64" || (image == "" && gravitonType.MatchString(first.InstanceType)) {
			return "ARM64"
		}
	}
	return "X64"
}
