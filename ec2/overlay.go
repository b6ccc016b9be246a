package ec2

import (
	"reflect"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/marqo-ai/ec2-github-runner/machine"
)

// lay applies launch-parameters to a request, overriding its fields.
func lay(overlay machine.JSON, in *sdk.RunInstancesInput) error {
	over, err := parameter[sdk.RunInstancesInput](overlay)
	if err != nil {
		return err
	}
	over.TagSpecifications = joinTags(over.TagSpecifications, in.TagSpecifications)
	from, to := reflect.ValueOf(&over).Elem(), reflect.ValueOf(in).Elem()
	for i := range from.NumField() {
		if from.Type().Field(i).IsExported() && !from.Field(i).IsZero() {
			to.Field(i).Set(from.Field(i))
		}
	}
	if len(in.NetworkInterfaces) > 0 {
		intoInterface(in)
	}
	return nil
}

// intoInterface moves subnet and groups into the first network interface: if there is one, EC2 accepts them only there.
// https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_InstanceNetworkInterfaceSpecification.html
func intoInterface(in *sdk.RunInstancesInput) {
	first := &in.NetworkInterfaces[0]
	if first.DeviceIndex == nil {
		first.DeviceIndex = aws.Int32(0)
	}
	if first.NetworkInterfaceId == nil {
		if first.SubnetId == nil {
			first.SubnetId = in.SubnetId
		}
		if len(first.Groups) == 0 {
			first.Groups = in.SecurityGroupIds
		}
	}
	in.SubnetId, in.SecurityGroupIds = nil, nil
}

// joinTags adds our tags to the user's. The user's value of a key takes precedence.
func joinTags(theirs, ours []types.TagSpecification) []types.TagSpecification {
	if len(theirs) == 0 {
		return nil // ours stay as they are
	}
	for _, spec := range ours {
		i := slices.IndexFunc(theirs,
			func(t types.TagSpecification) bool { return t.ResourceType == spec.ResourceType })
		if i < 0 {
			theirs = append(theirs, spec)
			continue
		}
		for _, tag := range spec.Tags {
			if !slices.ContainsFunc(theirs[i].Tags,
				func(t types.Tag) bool { return aws.ToString(t.Key) == aws.ToString(tag.Key) }) {
				theirs[i].Tags = append(theirs[i].Tags, tag)
			}
		}
	}
	return theirs
}
