package ec2

import (
	"cmp"
	"encoding/base64"
	"maps"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/marqo-ai/ec2-github-runner/machine"
)

// Offering is one thing to ask EC2 for.
type Offering struct {
	Placement    machine.Placement
	InstanceType string
	Market       string // machine.OnDemand or machine.Spot
	Number       int    // in the caller's list of all, from 1, for messages

	// Of the image, where it could be read.
	RootDevice string
	MinRootGiB int32 // a smaller root volume is launched with this size; 0: as it is
	Kept       []KeptVolume
}

// LaunchSpec is what all offerings of one launch share.
type LaunchSpec struct {
	machine.Machine // whose placements, types and markets the offerings are made of
	// UserData is what the instances of an offering read, at most 16 KB, the same each time it is asked for.
	UserData func(offering int) []byte
	// OwnTags are ours on the instances of an offering, given up when EC2 refuses them; nil: none.
	OwnTags func(offering int) map[string]string
	// KeepTag is the key of a further tag of ours, on the volumes alone: whether the user's mappings keep some of them.
	KeepTag string
	// TokenTag is the key of a further one of ours, which holds the client token.
	TokenTag string
	// NeedsTags reports whether an instance without our tags would be nobody's: where EC2 refuses them the launch is
	// refused.
	NeedsTags bool
	// Stops tells that a machine which powers itself off is stopped and stays; otherwise it is terminated.
	Stops bool
	// Token names one attempt, the same each time it is asked again; at most 64 ASCII characters. offering counts
	// from 0, try counts the launches of that offering with different parameters from 0.
	Token func(offering, try int) string
}

// input is the RunInstances request; only what is asked for is set, so that a policy that allows no more still allows
// it. https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_RunInstances.html
func (s LaunchSpec) input(index int, offering Offering, token string, count int, ownTags bool) (*sdk.RunInstancesInput,
	error) {
	p := offering.Placement
	in := &sdk.RunInstancesInput{
		ClientToken:      aws.String(token),
		MinCount:         aws.Int32(1),
		MaxCount:         aws.Int32(int32(count)),
		ImageId:          text(p.ImageID),
		InstanceType:     types.InstanceType(offering.InstanceType),
		SubnetId:         text(p.SubnetID),
		SecurityGroupIds: p.SecurityGroupIDs,
		UserData:         aws.String(base64.StdEncoding.EncodeToString(s.UserData(index))),
		// A machine that powers itself off is gone: its own end needs no credentials.
		InstanceInitiatedShutdownBehavior: types.ShutdownBehaviorTerminate,
		TagSpecifications:                 s.tags(index, token, ownTags),
	}
	if s.Stops {
		in.InstanceInitiatedShutdownBehavior = types.ShutdownBehaviorStop
	}
	if strings.HasPrefix(s.Profile, "arn:") {
		in.IamInstanceProfile = &types.IamInstanceProfileSpecification{Arn: aws.String(s.Profile)}
	} else if s.Profile != "" {
		in.IamInstanceProfile = &types.IamInstanceProfileSpecification{Name: aws.String(s.Profile)}
	}
	if offering.Market == machine.Spot {
		in.InstanceMarketOptions = &types.InstanceMarketOptionsRequest{
			MarketType: types.MarketTypeSpot,
			SpotOptions: &types.SpotMarketOptions{SpotInstanceType: types.SpotInstanceTypeOneTime,
				MaxPrice: text(s.SpotMax)},
		}
	}
	var err error
	if in.BlockDeviceMappings, err = s.devices(offering); err != nil {
		return in, err
	}
	if in.MetadataOptions, err = parameter[*types.InstanceMetadataOptionsRequest](s.Metadata); err != nil {
		return in, err
	}
	if err := lay(s.Overlay, in); err != nil {
		return in, err
	}
	offering.endVolumes(in)
	if ownTags {
		s.tagKept(in)
	}
	return in, nil
}

// text is a string for the wire, where an empty one is left out.
func text(value string) *string {
	if value == "" {
		return nil
	}
	return &value
}

func (s LaunchSpec) devices(offering Offering) ([]types.BlockDeviceMapping, error) {
	if s.Devices != "" {
		return parameter[[]types.BlockDeviceMapping](s.Devices)
	}
	if s.Root.GiB == 0 && s.Root.Type == "" {
		return nil, nil
	}
	device := cmp.Or(s.Root.Device, offering.RootDevice, "/dev/sda1")
	volume := &types.EbsBlockDevice{VolumeType: types.VolumeType(s.Root.Type)}
	if s.Root.GiB > 0 {
		volume.VolumeSize = aws.Int32(max(s.Root.GiB, offering.MinRootGiB))
	}
	return []types.BlockDeviceMapping{{DeviceName: aws.String(device), Ebs: volume}}, nil
}

// tags are the user's and, if wanted, ours, on the instance and on its volumes. A key that the user sets is the user's.
func (s LaunchSpec) tags(offering int, token string, own bool) []types.TagSpecification {
	var tags []types.Tag
	taken := map[string]bool{}
	for _, tag := range s.Tags {
		tags = append(tags, types.Tag{Key: aws.String(tag.Key), Value: aws.String(tag.Value)})
		taken[tag.Key] = true
	}
	if own {
		ours := maps.Clone(s.OwnTags(offering))
		if s.TokenTag != "" {
			ours[s.TokenTag] = token
		}
		for _, key := range slices.Sorted(maps.Keys(ours)) {
			if !taken[key] {
				tags = append(tags, types.Tag{Key: aws.String(key), Value: aws.String(ours[key])})
			}
		}
	}
	if len(tags) == 0 {
		return nil
	}
	return []types.TagSpecification{
		{ResourceType: types.ResourceTypeInstance, Tags: tags},
		{ResourceType: types.ResourceTypeVolume, Tags: tags},
	}
}
