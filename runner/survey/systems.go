package survey

import (
	"fmt"
	"slices"

	"github.com/marqo-ai/ec2-github-runner/ec2"
)

// reportSystems logs, once for each image, what its operating system means for a runner. It refuses nothing.
func (sv *Survey) reportSystems(g group) {
	var told []string
	for _, p := range g.found.Placements {
		if slices.Contains(told, p.ImageID) {
			continue
		}
		told = append(told, p.ImageID)
		switch system := g.found.System(p); {
		case system.TooOldForNode():
			sv.Warn(fmt.Sprintf("image %s is %s, on which no JavaScript action runs (such as actions/checkout): the "+
				"runner's node needs glibc 2.28 and it has 2.26; use Amazon Linux 2023, Ubuntu or Debian", p.ImageID,
				system))
		case system.Untested():
			sv.Log.Info(fmt.Sprintf("image %s is %s, which this action's tests do not cover", p.ImageID, system))
		}
	}
}

// orderByImage orders the types that the architecture stands for: a type on which the image is not known to boot comes
// after the others of its market; one on which it does not boot is left out if others remain.
func (sv *Survey) orderByImage(g group, offerings []ec2.Offering) []ec2.Offering {
	if !g.TypesOfArchitecture {
		return offerings
	}
	verdict := func(o ec2.Offering) ec2.Verdict { return g.found.System(o.Placement).OnType(o.InstanceType) }
	doubtful := func(o ec2.Offering) int { return min(int(verdict(o)-ec2.Runs), 1) }
	ordered := slices.Clone(offerings)
	slices.SortStableFunc(ordered, func(a, b ec2.Offering) int {
		if a.Market != b.Market {
			return slices.Index(g.Markets, a.Market) - slices.Index(g.Markets, b.Market)
		}
		return doubtful(a) - doubtful(b)
	})
	kept := slices.DeleteFunc(slices.Clone(ordered), func(o ec2.Offering) bool { return verdict(o) == ec2.RunsNot })
	if len(kept) == 0 || len(kept) == len(ordered) {
		return ordered
	}
	for _, words := range sv.processorWords(g, ordered) {
		sv.Log.Info(words + ", so it is left out")
	}
	return kept
}

// warnOfProcessors warns about types on which the image does not boot: EC2 launches them nevertheless.
func (sv *Survey) warnOfProcessors(g group) {
	for _, words := range sv.processorWords(g, g.found.Offerings) {
		sv.Warn(words + "; use a type with Graviton 2 or newer, such as t4g.xlarge")
	}
}

// processorWarnings says, for each type that does not boot its image, why.
func (sv *Survey) processorWords(g group, offerings []ec2.Offering) []string {
	var list []string
	for _, o := range offerings {
		system := g.found.System(o.Placement)
		if system.OnType(o.InstanceType) != ec2.RunsNot {
			continue
		}
		words := fmt.Sprintf("%s has Graviton 1, on which image %s (%s) does not boot: its kernel panics",
			o.InstanceType, o.Placement.ImageID, system)
		if !slices.Contains(list, words) {
			list = append(list, words)
		}
	}
	return list
}
