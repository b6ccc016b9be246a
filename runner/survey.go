package runner

import (
	"context"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/marqo-ai/ec2-github-runner/ec2"
)

// survey reads what the account says of images, types and zones before anything is launched: what cannot work is refused
// or left out, and what may not be read is taken as good.
func (st *start) survey(ctx context.Context) error {
	if err := st.chooseImages(ctx); err != nil {
		return err
	}
	if err := st.readImages(ctx); err != nil {
		return err
	}
	for _, g := range st.groups {
		if err := st.matchArchitecture(ctx, g); err != nil {
			return err
		}
	}
	return nil
}

// TagArchitecture stands on images made by this action: amd64, arm64 or cuda.
const TagArchitecture = TagPrefix + "architecture"

// chooseImages fills in the newest image of this action's own for the architecture, where no image is given.
func (st *start) chooseImages(ctx context.Context) error {
	for _, g := range st.groups {
		for i, p := range g.placements {
			if p.ImageID != "" || g.Architecture == "" {
				continue
			}
			region := st.regionOf(p)
			image, found, err := st.Cloud.NewestImage(ctx, region, map[string]string{TagArchitecture: g.Architecture})
			if err != nil {
				return fmt.Errorf("find the newest %s image in %s: %w", g.Architecture, region, err)
			}
			if !found {
				return &RefusedError{
					Message: fmt.Sprintf("there is no image of this action's for architecture %s in %s", g.Architecture, region),
					Hint:    fmt.Sprintf("bake one (mode: bake, architecture: %s), or give 'ec2-image-id'", g.Architecture),
				}
			}
			st.log.Info(fmt.Sprintf("the newest %s image in %s is %s (%s)", g.Architecture, region, image.ID, image.Name))
			g.placements[i].ImageID = image.ID
		}
	}
	return nil
}

// matchArchitecture leaves out the instance types that cannot run the group's image, and refuses the group if none can.
func (st *start) matchArchitecture(ctx context.Context, g *group) error {
	if g.architecture == "" || len(g.InstanceTypes) == 0 || len(g.placements) == 0 {
		return nil
	}
	runs, err := st.Cloud.Architectures(ctx, st.regionOf(g.placements[0]), g.InstanceTypes)
	if err != nil {
		st.log.Debug("the instance types cannot be read", "error", err)
		return nil
	}
	unfit := func(name string) bool { return len(runs[name]) > 0 && !slices.Contains(runs[name], g.architecture) }
	fit := slices.DeleteFunc(slices.Clone(g.InstanceTypes), unfit)
	if len(fit) == 0 {
		return &RefusedError{
			Message: fmt.Sprintf("instance type %s cannot run image %s: the image is %s, the type %s", strings.Join(g.InstanceTypes, ", "),
				g.placements[0].ImageID, g.architecture, strings.Join(runs[g.InstanceTypes[0]], ", ")),
			Hint: "take an image of the type's architecture, or a type of the image's: t3.xlarge runs x86_64, t4g.xlarge runs arm64",
		}
	}
	g.InstanceTypes = fit
	return nil
}

// inZones leaves out the offerings whose zone does not offer their type, where both can be read. If that would leave
// none, EC2 itself shall say so.
func (st *start) inZones(ctx context.Context, offerings []ec2.Offering) []ec2.Offering {
	if len(offerings) < 2 {
		return offerings
	}
	type reading struct {
		zones   map[string][]string // by type
		subnets map[string]string
	}
	readings := map[string]reading{}
	for _, o := range offerings {
		region := st.regionOf(o.Placement)
		if _, read := readings[region]; !read {
			readings[region] = reading{}
			var names, subnets []string
			for _, other := range offerings {
				if st.regionOf(other.Placement) == region {
					names, subnets = append(names, other.InstanceType), append(subnets, other.Placement.SubnetID)
				}
			}
			zones, err := st.Cloud.ZonesOffering(ctx, region, distinct(names))
			if err != nil {
				continue
			}
			bySubnet, err := st.Cloud.SubnetZones(ctx, region, distinct(subnets))
			if err != nil {
				continue
			}
			readings[region] = reading{zones, bySubnet}
		}
	}
	kept := slices.DeleteFunc(slices.Clone(offerings), func(o ec2.Offering) bool {
		r := readings[st.regionOf(o.Placement)]
		zone, offered := r.subnets[o.Placement.SubnetID], r.zones[o.InstanceType]
		out := zone != "" && len(offered) > 0 && !slices.Contains(offered, zone)
		if out {
			st.log.Info(fmt.Sprintf("%s is not offered in %s, so it is left out there", o.InstanceType, zone))
		}
		return out
	})
	if len(kept) == 0 {
		return offerings
	}
	return kept
}

func distinct(list []string) []string {
	list = slices.DeleteFunc(slices.Clone(list), func(text string) bool { return text == "" })
	slices.Sort(list)
	return slices.Compact(list)
}

// gravitonType matches the types with Arm processors: a1, and families with a g behind the generation (t4g, m6gd, im4gn).
// https://docs.aws.amazon.com/ec2/latest/instancetypes/instance-type-names.html
var gravitonType = regexp.MustCompile(`^(a1|[a-z]+[0-9]+[a-z]*g[a-z]*)\.`)

// architectureLabel is GitHub's default label for the machine's architecture: by its image, or by its type where the
// image cannot be read.
func (s *slot) architectureLabel() string {
	if s.architecture == "arm64" || (s.architecture == "" && len(s.InstanceTypes) > 0 && gravitonType.MatchString(s.InstanceTypes[0])) {
		return "ARM64"
	}
	return "X64"
}
