package ec2

import (
	"slices"
	"strconv"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
)

// A volume outlives its instance where the block device mapping says DeleteOnTermination=false: the image's, which
// Packer once made so by default, or the launch's, where EC2 keeps every further volume of which nothing is said.
// https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/preserving-volumes-on-termination.html

// KeepsUnknown is the value of LaunchSpec.KeepTag where a launch template may have mappings of its own.
const KeepsUnknown = "unknown"

// KeptVolume is a volume of an image's mapping that stays when its instance ends, unless the launch says otherwise.
type KeptVolume struct {
	Device string
	GiB    *int32 // nil where the mapping does not say
}

// endVolumes makes every volume of the launch end with its instance, unless the user's own mapping says otherwise. The
// launch's mapping is merged with the image's by device name.
// https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/instance-block-device-mapping.html
func (o Offering) endVolumes(in *sdk.RunInstancesInput) {
	mappings := slices.Clone(in.BlockDeviceMappings) // what an offering adds is not for the next one
	var named []string
	for i, m := range mappings {
		named = append(named, aws.ToString(m.DeviceName))
		if m.Ebs != nil && m.Ebs.DeleteOnTermination == nil {
			ebs := *m.Ebs
			ebs.DeleteOnTermination = aws.Bool(true)
			mappings[i].Ebs = &ebs
		}
	}
	// A list in the request replaces the launch template's, with the sizes in it.
	if in.LaunchTemplate == nil || len(mappings) > 0 {
		for _, kept := range o.Kept {
			if !slices.Contains(named, kept.Device) {
				// For EC2 the name would be enough; other implementations of its API, such as moto, want the size too.
				ebs := &types.EbsBlockDevice{DeleteOnTermination: aws.Bool(true), VolumeSize: kept.GiB}
				mappings = append(mappings, types.BlockDeviceMapping{DeviceName: aws.String(kept.Device), Ebs: ebs})
			}
		}
	}
	in.BlockDeviceMappings = mappings
}

// tagKept says on the volumes whether the user asked to keep some of them: nothing else tells it once they are
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

// keeps reports whether volumes of a launch outlive their instance: true, false or KeepsUnknown.
func keeps(in *sdk.RunInstancesInput) string {
	if len(keptDevices(in)) == 0 && in.LaunchTemplate != nil {
		return KeepsUnknown
	}
	return strconv.FormatBool(len(keptDevices(in)) > 0)
}

// keptDevices are the devices of the request's own mappings that are kept.
func keptDevices(in *sdk.RunInstancesInput) []string {
	var kept []string
	for _, m := range in.BlockDeviceMappings {
		if m.Ebs != nil && m.Ebs.DeleteOnTermination != nil && !*m.Ebs.DeleteOnTermination {
			kept = append(kept, aws.ToString(m.DeviceName))
		}
	}
	return kept
}

// Kept lists the devices that the launch's own mappings keep when the instance ends; template reports that a launch
// template may have mappings that keep more.
func (s LaunchSpec) Kept(index int, offering Offering) (devices []string, template bool, err error) {
	in, err := s.input(index, offering, s.Token(index, 0), 1, false)
	if err != nil {
		return nil, false, err
	}
	return keptDevices(in), in.LaunchTemplate != nil, nil
}
