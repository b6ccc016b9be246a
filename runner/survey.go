package runner

import (
	"context"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"sync"

	"github.com/marqo-ai/ec2-github-runner/ec2"
	"github.com/marqo-ai/ec2-github-runner/runner/diagnosis"
)

// survey reads what the account says of images, types and zones before anything is launched: what cannot work is
// refused or left out, and what may not be read is taken as good.
func (st *start) survey(ctx context.Context) error {
	if err := st.chooseImages(ctx); err != nil {
		return err
	}
	if err := st.readImages(ctx); err != nil {
		return err
	}
	runs := st.readTypes(ctx)
	var group sync.WaitGroup
	for _, g := range st.groups {
		if err := st.matchTypes(g, runs); err != nil {
			return err
		}
		st.warnOfProcessors(g)
		group.Go(func() {
			g.fit = st.inZones(ctx, g.fit)
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
func (st *start) readTypes(ctx context.Context) typesOf {
	names := map[string][]string{}
	for _, g := range st.groups {
		for _, o := range g.offerings(g.placements) {
			region := st.regionOf(o.Placement)
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
		found, err := st.Cloud.Architectures(ctx, region, list)
		if err != nil {
			st.log.Debug("the instance types cannot be read", "region", region, "error", err)
			continue
		}
		runs[region] = found
	}
	return runs
}

// matchTypes keeps the offerings whose type runs their image, and refuses the group if there is none. A type that the
// region does not have at all is left out if others are left; else EC2 itself shall say so.
func (st *start) matchTypes(g *group, runs typesOf) error {
	all := st.orderByImage(g, st.withImages(g, g.offerings(g.placements)))
	var missing []ec2.Offering
	for _, o := range all {
		region := st.regionOf(o.Placement)
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
		st.log.Info(fmt.Sprintf("%s is not offered in %s, so it is left out there", o.InstanceType, st.regionOf(o.Placement)))
	}
	if len(g.fit) > 0 || len(all) == 0 {
		return nil
	}
	first := all[0]
	return &diagnosis.RefusedError{
		Message: fmt.Sprintf("instance type %s cannot run image %s: the image is %s, the type %s",
			strings.Join(g.InstanceTypes, ", "),
			first.Placement.ImageID, g.images[imageKey{st.regionOf(first.Placement), first.Placement.ImageID}].Architecture,
			strings.Join(runs[st.regionOf(first.Placement)][first.InstanceType], ", ")),
		Hint: "take an image of the type's architecture, or a type of the image's: t3.xlarge runs x86_64, t4g.xlarge runs " +
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
func (st *start) inZones(ctx context.Context, offerings []ec2.Offering) []ec2.Offering {
	if len(offerings) < 2 {
		return offerings
	}
	byRegion := map[string][]ec2.Offering{}
	for _, o := range offerings {
		byRegion[st.regionOf(o.Placement)] = append(byRegion[st.regionOf(o.Placement)], o)
	}
	zonings := map[string]zoning{}
	for region, list := range byRegion {
		zonings[region] = st.readZones(ctx, region, list)
	}
	var told []string
	kept := slices.DeleteFunc(slices.Clone(offerings), func(o ec2.Offering) bool {
		z := zonings[st.regionOf(o.Placement)]
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
		st.log.Info(line)
	}
	return kept
}

// readZones is empty where it may not be read.
func (st *start) readZones(ctx context.Context, region string, offerings []ec2.Offering) zoning {
	var names, subnets []string
	for _, o := range offerings {
		names, subnets = append(names, o.InstanceType), append(subnets, o.Placement.SubnetID)
	}
	names, subnets = distinct(names), distinct(subnets)
	if len(names) == 0 || len(subnets) == 0 {
		return zoning{}
	}
	offered, err := st.Cloud.ZonesOffering(ctx, region, names)
	if err == nil {
		var zones map[string]string
		if zones, err = st.Cloud.SubnetZones(ctx, region, subnets); err == nil {
			return zoning{offered, zones}
		}
	}
	st.log.Debug("the zones' types cannot be read", "region", region, "error", err)
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
func (st *start) architectureLabel(s *slot) string {
	if len(s.fit) > 0 {
		first := s.fit[0]
		image := s.images[imageKey{st.regionOf(first.Placement), first.Placement.ImageID}].Architecture
		if image == "arm64" || (image == "" && gravitonType.MatchString(first.InstanceType)) {
			return "ARM64"
		}
	}
	return "X64"
}
