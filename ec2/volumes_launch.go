package ec2

import (
	"slices"
	"strconv"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
)

// A volume outlives its instance if its block device mapping has DeleteOnTermination=false: in the image, which was
// once Packer's default, or in the launch, where it is EC2's default for all but the root volume.
// https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/preserving-volumes-on-termination.html

// KeepsUnknown is the value of the tag LaunchSpec.KeepTag if a launch template may have mappings of its own.
const KeepsUnknown = "unknown"

// KeptVolume is a volume in an image's mapping that outlives its instance, unless the launch overrides it.
type KeptVolume struct {
	Device string
	GiB    *int32 // nil if the mapping has no size
}

// endVolumes makes every volume of the launch end with its instance, except those that the user's mapping keeps. EC2
// merges the launch's mapping with the image's by device name.
// https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/instance-block-device-mapping.html
func (o Offering) endVolumes(in *sdk.RunInstancesInput) {
	mappings := slices.Clone(in.BlockDeviceMappings) // other offerings share the slice
	var named []string
	for i, m := range mappings {
		named = append(named, aws.ToString(m.DeviceName))
		if m.Ebs != nil && m.Ebs.DeleteOnTermination == nil {
			ebs := *m.Ebs
			ebs.DeleteOnTermination = aws.Bool(true)
			mappings[i].Ebs = &ebs
		}
	}
	// A list in the request replaces the launch template's, including its sizes.
	if in.LaunchTemplate == nil || len(mappings) > 0 {
		for _, kept := range o.Kept {
			if !slices.Contains(named, kept.Device) {
				// EC2 needs only the name; other implementations of its API, such as moto, need the size too.
				ebs := &types.EbsBlockDevice{DeleteOnTermination: aws.Bool(true), VolumeSize: kept.GiB}
				mappings = append(mappings, types.BlockDeviceMapping{DeviceName: aws.String(kept.Device), Ebs: ebs})
			}
		}
	}
	in.BlockDeviceMappings = mappings
}

// tagKept tags the volumes with whether the user asked to keep some of them, which is not visible once they are
// detached. EC2 gives all volumes of a launch the same tags.
func (s LaunchSpec) tagKept(in *sdk.RunInstancesInput) {
	if s.KeepTag == "" {
		return
	}
	for i, spec := range in.TagSpecifications {
		has := func(t types.Tag) bool { return aws.ToString(t.Key) == s.KeepTag }
		if spec.ResourceType == types.ResourceTypeVolume && !slices.ContainsFunc(spec.Tags, has) {
			tag := types.Tag{Key: aws.String(s.KeepTag), Value: aws.String(keeps(in))}
			in.TagSpecifications[i].Tags = append(slices.Clone(spec.Tags), tag)
		}
	}
}

// keeps returns whether volumes of a launch outlive their instance: "true", "false" or KeepsUnknown.
func keeps(in *sdk.RunInstancesInput) string {
	if len(keptDevices(in)) == 0 && in.LaunchTemplate != nil {
		return KeepsUnknown
	}
	return strconv.FormatBool(len(keptDevices(in)) > 0)
}

// keptDevices returns the devices that the request's own mappings keep.
func keptDevices(in *sdk.RunInstancesInput) []string {
	var kept []string
	for _, m := range in.BlockDeviceMappings {
		if m.Ebs != nil && m.Ebs.DeleteOnTermination != nil && !*m.Ebs.DeleteOnTermination {
			kept = append(kept, aws.ToString(m.DeviceName))
		}
	}
	return kept
}

// Kept returns the devices that the launch's own mappings keep when the instance ends; template reports whether a
// launch template may keep more.
func (s LaunchSpec) Kept(index int, offering Offering) (devices []string, template bool, err error) {
	in, err := s.input(index, offering, s.Token(index, 0), 1, false)
	if err != nil {
		return nil, false, err
	}
	return keptDevices(in), in.LaunchTemplate != nil, nil
}
