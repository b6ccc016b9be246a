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

// Offering is one combination of placement, type and market to request from EC2.
type Offering struct {
	Placement    machine.Placement
	InstanceType string
	Market       string // machine.OnDemand or machine.Spot
	Number       int    // position in the caller's list, from 1, for messages

	// Properties of the image, if it could be read.
	RootDevice string
	MinRootGiB int32 // the root volume is at least this large
	Kept       []KeptVolume
}

// LaunchSpec is what all offerings of a launch have in common.
type LaunchSpec struct {
	machine.Machine // whose placements, types and markets the offerings are made of
	// UserData returns the user data for an offering: at most 16 KB, and the same each time.
	UserData func(offering int) []byte
	// OwnTags returns our tags for the instances of an offering, which are left out if EC2 refuses them; nil: none.
	OwnTags func(offering int) map[string]string
	// KeepTag is the key of our tag on volumes only: whether the user's mappings keep some of them.
	KeepTag string
	// TokenTag is the key of our tag that contains the client token.
	TokenTag string
	// NeedsTags means that instances without our tags could not be attributed: if EC2 refuses the tags, the launch
	// fails.
	NeedsTags bool
	// Stops means that a machine that powers itself off is stopped; otherwise it is terminated.
	Stops bool
	// Token returns the client token of an attempt, the same each time; at most 64 ASCII characters. offering counts
	// from 0; try counts the launches of that offering with different parameters from 0.
	Token func(offering, try int) string
}

// input returns the RunInstances request. It sets only what is needed, so that a policy that allows no more suffices.
// https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_RunInstances.html
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
		// A machine that powers itself off is terminated: it can end itself without credentials.
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

// text returns a string for the request, nil if it is empty.
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

// tags returns the user's tags and, if own, ours, for the instance and its volumes. The user's value of a key takes
// precedence.
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
