package ec2

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
)

// Tag is one tag of the user's, in the order given.
type Tag struct{ Key, Value string }

// Placement is where an instance goes and from which image: one element of availability-zones-config.
type Placement struct {
	Element          int    // of availability-zones-config, from 1; 0 where the single inputs say it
	Region           string // empty: the home region
	ImageID          string
	SubnetID         string
	SecurityGroupIDs []string
	RootDevice       string       // of the image, where it could be read
	Kept             []KeptVolume // of the image's mapping, where it could be read
}

// Offering is one thing to ask EC2 for.
type Offering struct {
	Placement    Placement
	InstanceType string
	Market       string // OnDemand or Spot
	Number       int    // in the caller's list of all, from 1, for messages
}

// RootVolume replaces the root volume's size or type; each may be left out.
type RootVolume struct {
	Device string // empty: the image's own root device, else /dev/sda1
	GiB    int32
	Type   string
}

// LaunchSpec is what all offerings of one launch share.
type LaunchSpec struct {
	// UserData is what the instances of an offering read, at most 16 KB, the same each time it is asked for.
	UserData func(offering int) []byte
	Profile  string // name or ARN of the instance profile
	Tags     []Tag  // the user's
	// OwnTags are ours on the instances of an offering, given up when EC2 refuses them; nil: none.
	OwnTags func(offering int) map[string]string
	// KeepTag is the key of a further tag of ours, on the volumes alone: whether the user's mappings keep some of them.
	KeepTag string
	// TokenTag is the key of a further one of ours, which holds the client token.
	TokenTag string
	// NeedsTags reports whether an instance without our tags would be nobody's: where EC2 refuses them the launch is
	// refused.
	NeedsTags bool
	// Stops reports whether a machine which powers itself off is stopped and stays; otherwise it is terminated.
	Stops    bool
	Devices  BlockDevices // if not empty it replaces Root
	Root     RootVolume
	Metadata MetadataOptions
	SpotMax  string     // the most to pay for an hour of spot, in USD; empty: the on-demand price
	Overlay  Parameters // of the user, laid over all of this
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
		BlockDeviceMappings:               s.devices(offering),
		MetadataOptions:                   s.Metadata.options,
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
	if offering.Market == Spot {
		in.InstanceMarketOptions = &types.InstanceMarketOptionsRequest{
			MarketType:  types.MarketTypeSpot,
			SpotOptions: &types.SpotMarketOptions{SpotInstanceType: types.SpotInstanceTypeOneTime, MaxPrice: text(s.SpotMax)},
		}
	}
	if err := s.Overlay.lay(in); err != nil {
		return in, err
	}
	p.endVolumes(in)
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

func (s LaunchSpec) devices(offering Offering) []types.BlockDeviceMapping {
	if s.Devices.Len() > 0 {
		return s.Devices.mappings
	}
	if s.Root.GiB == 0 && s.Root.Type == "" {
		return nil
	}
	device := s.Root.Device
	for _, name := range []string{offering.Placement.RootDevice, "/dev/sda1"} {
		if device == "" {
			device = name
		}
	}
	volume := &types.EbsBlockDevice{VolumeType: types.VolumeType(s.Root.Type)}
	if s.Root.GiB > 0 {
		volume.VolumeSize = aws.Int32(s.Root.GiB)
	}
	return []types.BlockDeviceMapping{{DeviceName: aws.String(device), Ebs: volume}}
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

// Essence is what EC2 is asked for with an offering, as text, without what is a launch's own: user data, tags, token,
// count and what becomes of the machine when it powers itself off.
func (s LaunchSpec) CanonicalRequest(offering Offering) (string, error) {
	offering.Placement.Kept = nil // of the image, which stands in it by its id
	s.UserData, s.Tags, s.OwnTags = func(int) []byte { return nil }, nil, nil
	in, err := s.input(0, offering, "", 1, false)
	if err != nil {
		return "", err
	}
	in.UserData, in.ClientToken, in.TagSpecifications, in.InstanceInitiatedShutdownBehavior = nil, nil, nil, ""
	text, err := json.Marshal(in) //nolint:gosec // the token is taken out above
	if err != nil {
		return "", fmt.Errorf("describe the launch: %w", err)
	}
	return string(text), nil
}
