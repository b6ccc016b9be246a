// Package survey reads, before machines are launched, what the account and GitHub offer: images, instance types, zones,
// spot placement scores and the runner software. From that it derives the offerings to request from EC2. It launches
// and changes nothing. All permissions are optional: what cannot be read counts as suitable.
package survey

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"

	"github.com/marqo-ai/ec2-github-runner/ec2"
	"github.com/marqo-ai/ec2-github-runner/machine"
	"github.com/marqo-ai/ec2-github-runner/runner/diagnosis"
	"github.com/marqo-ai/ec2-github-runner/runner/tags/key"
)

// A Survey reads groups of machines in one account. It can be used repeatedly: each Read asks again.
type Survey struct {
	Cloud *ec2.Client
	Log   *slog.Logger
	Warn  func(string) // reports what does not prevent a launch
	// WebURL is the web address of the runners' scope at GitHub.
	WebURL      string
	EveryRegion bool // an image that cannot be read is an error; otherwise its region is left out
	BySpotScore bool // order spot offerings by the spot placement scores of their zones

	noScores sync.Once // the warning that EC2 gives no spot placement scores
}

// A Group is a number of equal machines to launch; a count of 0 means 1.
type Group struct {
	machine.Machine
	Count int
}

// Found is what a Survey has found out about a group.
type Found struct {
	// Placements are those where the group can be launched, with their regions and selected images.
	Placements []machine.Placement
	// Offerings are in the order to request them, without those that are known not to work.
	Offerings []ec2.Offering

	images map[imageKey]ec2.Image
}

// Image returns the image of a placement; zero if it could not be read.
func (f *Found) Image(p machine.Placement) ec2.Image {
	return f.images[imageKey{p.Region, p.ImageID}]
}

// System returns the operating system of a placement's image; empty if the image could not be read.
func (f *Found) System(p machine.Placement) ec2.System { return f.Image(p).System(key.System) }

// group is a group that is being read.
type group struct {
	Group
	found *Found
}

// Read reads the groups' images, types and zones, and returns what it found about each group, in their order.
// Combinations that cannot work are left out or refused; what cannot be read counts as suitable.
func (sv *Survey) Read(ctx context.Context, wanted []Group) ([]Found, error) {
	all, groups := make([]Found, len(wanted)), make([]group, len(wanted))
	for i, g := range wanted {
		all[i].Placements = slices.Clone(g.Placements)
		for n := range all[i].Placements {
			p := &all[i].Placements[n]
			p.Region = cmp.Or(p.Region, sv.Cloud.Region())
		}
		groups[i] = group{g, &all[i]}
	}
	if err := sv.chooseImages(ctx, groups); err != nil {
		return nil, err
	}
	if err := sv.readImages(ctx, groups); err != nil {
		return nil, err
	}
	runs := sv.readTypes(ctx, groups)
	var wait sync.WaitGroup
	for _, g := range groups {
		if err := sv.matchTypes(g, runs); err != nil {
			return nil, err
		}
		sv.warnOfProcessors(g)
		wait.Go(func() {
			g.found.Offerings = sv.inZones(ctx, g.found.Offerings)
			g.found.Offerings = sv.byScore(ctx, g)
			for i := range g.found.Offerings {
				g.found.Offerings[i].Number = i + 1
			}
		})
	}
	wait.Wait()
	return all, nil
}

// typesOf contains the architectures of the instance types, by region and type. A region that cannot be read has no
// entry.
type typesOf map[string]map[string][]string

// readTypes asks each region for all its types at once, if there is something to compare.
func (sv *Survey) readTypes(ctx context.Context, groups []group) typesOf {
	names := map[string][]string{}
	for _, g := range groups {
		for _, o := range Offerings(g.Machine, g.found.Placements) {
			region := o.Placement.Region
			if g.found.Image(o.Placement).Architecture != "" || len(g.InstanceTypes) > 1 {
				names[region] = append(names[region], o.InstanceType)
			}
		}
	}
	runs := typesOf{}
	for region, list := range names {
		if list = distinct(list); len(list) == 0 {
			continue
		}
		found, err := sv.Cloud.Account().Architectures(ctx, region, list)
		if err != nil {
			sv.Log.Debug("cannot read the instance types", "region", region, "error", err)
			continue
		}
		runs[region] = found
	}
	return runs
}

// matchTypes keeps the offerings whose type can run their image, and refuses the group if there are none. A type that
// the region does not have is left out if others remain; otherwise EC2 itself refuses it.
func (sv *Survey) matchTypes(g group, runs typesOf) error {
	all := sv.orderByImage(g, sv.withImages(g, Offerings(g.Machine, g.found.Placements)))
	var missing []ec2.Offering
	for _, o := range all {
		region := o.Placement.Region
		image, types := g.found.Image(o.Placement).Architecture, runs[region]
		switch {
		case o.InstanceType == "", types == nil, image != "" && slices.Contains(types[o.InstanceType], image):
			g.found.Offerings = append(g.found.Offerings, o)
		case types[o.InstanceType] == nil:
			missing = append(missing, o)
		case image == "":
			g.found.Offerings = append(g.found.Offerings, o)
		}
	}
	if len(g.found.Offerings) == 0 {
		g.found.Offerings = missing
		missing = nil
	}
	for _, o := range missing {
		sv.Log.Info(fmt.Sprintf("%s is not offered in %s, so it is left out there", o.InstanceType, o.Placement.Region))
	}
	if len(g.found.Offerings) > 0 || len(all) == 0 {
		return nil
	}
	first := all[0]
	return &diagnosis.RefusedError{
		Message: fmt.Sprintf("instance type %s cannot run image %s: the image is %s, the type %s",
			strings.Join(g.InstanceTypes, ", "), first.Placement.ImageID, g.found.Image(first.Placement).Architecture,
			strings.Join(runs[first.Placement.Region][first.InstanceType], ", ")),
		Hint: "use an image of the type's architecture, or a type of the image's: t3.xlarge runs x86_64, " +
			"t4g.xlarge runs arm64",
	}
}

// zoning is what one region says about zones.
type zoning struct {
	offered map[string][]string // zones by type
	subnets map[string]string   // the zone of each subnet
}

// inZones leaves out the offerings whose zone does not have their type, if both can be read. If none would remain, all
// are kept and EC2 itself refuses them.
func (sv *Survey) inZones(ctx context.Context, offerings []ec2.Offering) []ec2.Offering {
	if len(offerings) < 2 {
		return offerings
	}
	byRegion := map[string][]ec2.Offering{}
	for _, o := range offerings {
		byRegion[o.Placement.Region] = append(byRegion[o.Placement.Region], o)
	}
	zonings := map[string]zoning{}
	for region, list := range byRegion {
		zonings[region] = sv.readZones(ctx, region, list)
	}
	var told []string
	kept := slices.DeleteFunc(slices.Clone(offerings), func(o ec2.Offering) bool {
		z := zonings[o.Placement.Region]
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
		sv.Log.Info(line)
	}
	return kept
}

// readZones reads the zones of the types and subnets; it is empty if that is not allowed.
func (sv *Survey) readZones(ctx context.Context, region string, offerings []ec2.Offering) zoning {
	var names, subnets []string
	for _, o := range offerings {
		names, subnets = append(names, o.InstanceType), append(subnets, o.Placement.SubnetID)
	}
	names, subnets = distinct(names), distinct(subnets)
	if len(names) == 0 || len(subnets) == 0 {
		return zoning{}
	}
	offered, err := sv.Cloud.Account().ZonesOffering(ctx, region, names)
	if err == nil {
		var zones map[string]string
		if zones, _, err = sv.Cloud.Account().SubnetZones(ctx, region, subnets); err == nil {
			return zoning{offered, zones}
		}
	}
	sv.Log.Debug("cannot read the types of the zones", "region", region, "error", err)
	return zoning{}
}

func distinct(list []string) []string {
	list = slices.DeleteFunc(slices.Clone(list), func(text string) bool { return text == "" })
	slices.Sort(list)
	return slices.Compact(list)
}
