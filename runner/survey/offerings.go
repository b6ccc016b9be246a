package survey

import (
	"regexp"

	"github.com/marqo-ai/ec2-github-runner/ec2"
	"github.com/marqo-ai/ec2-github-runner/machine"
)

// Offerings lists what to request: market × instance type × placement, with placements innermost, because another zone
// is a smaller change than another type, and another type a smaller one than another price.
func Offerings(m machine.Machine, placements []machine.Placement) []ec2.Offering {
	var list []ec2.Offering
	for _, market := range m.Markets {
		for _, instanceType := range m.InstanceTypes {
			for _, placement := range placements {
				list = append(list, ec2.Offering{Placement: placement, InstanceType: instanceType, Market: market})
			}
		}
	}
	return list
}

// gravitonType matches instance types with Arm processors: a1, and families with a g after the generation (t4g, m6gd,
// im4gn). https://docs.aws.amazon.com/ec2/latest/instancetypes/instance-type-names.html
var gravitonType = regexp.MustCompile(`^(a1|[a-z]+[0-9]+[a-z]*g[a-z]*)\.`)

// ArchitectureLabel returns GitHub's default label for the machines' architecture: from their image, or from their type
// if the image cannot be read.
func (f *Found) ArchitectureLabel() string {
	if len(f.Offerings) > 0 {
		first := f.Offerings[0]
		image := f.Image(first.Placement).Architecture
		if image == "arm64" || (image == "" && gravitonType.MatchString(first.InstanceType)) {
			return "ARM64"
		}
	}
	return "X64"
}
