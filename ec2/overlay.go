package ec2

import (
	"fmt"
	"reflect"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
)

// Parameters is the value of launch-parameters: RunInstances parameters by their API names.
type Parameters struct {
	text  string // JSON
	given []string
	brief sdk.RunInstancesInput // to look at; a launch decodes its own copy, since it changes what it lays
}

// refusedParameters would break what this action does itself.
var refusedParameters = map[string]string{
	"MinCount":    "the inputs 'count' and 'min-count' say how many",
	"MaxCount":    "the inputs 'count' and 'min-count' say how many",
	"ClientToken": "the action finds its instances by it",
	"UserData":    "the action sets the machine up by it; use 'pre-runner-script'",
	"DryRun":      "nothing would be launched",
}

// ParseParameters reads launch-parameters from JSON.
func ParseParameters(text string) (Parameters, error) {
	p := Parameters{text: text}
	if _, err := decode(text, &p.brief, strict); err != nil {
		return Parameters{}, err
	}
	value := reflect.ValueOf(p.brief)
	for i := range value.NumField() {
		if field := value.Type().Field(i); field.IsExported() && !value.Field(i).IsZero() {
			p.given = append(p.given, field.Name)
		}
	}
	for _, name := range p.given {
		if why, refused := refusedParameters[name]; refused {
			return Parameters{}, fmt.Errorf("%s cannot be set: %s", name, why)
		}
	}
	if options := p.brief.InstanceMarketOptions; options != nil && options.SpotOptions != nil {
		spot := options.SpotOptions
		if spot.SpotInstanceType == types.SpotInstanceTypePersistent ||
			(spot.InstanceInterruptionBehavior != "" &&
				spot.InstanceInterruptionBehavior != types.InstanceInterruptionBehaviorTerminate) {
			return Parameters{}, fmt.Errorf("InstanceMarketOptions cannot ask for a persistent spot request: it starts " +
				"machines again that nobody would end")
		}
	}
	return p, nil
}

// Has reports whether a parameter is given, by its API name.
func (p Parameters) Has(name string) bool { return slices.Contains(p.given, name) }

// KeepsMachine reports whether the machine is to stop instead of being terminated when it powers itself off.
func (p Parameters) KeepsMachine() bool {
	return p.brief.InstanceInitiatedShutdownBehavior == types.ShutdownBehaviorStop
}

// lay puts the parameters over a request.
func (p Parameters) lay(in *sdk.RunInstancesInput) error {
	if len(p.given) == 0 {
		return nil
	}
	var over sdk.RunInstancesInput
	if _, err := decode(p.text, &over, strict); err != nil {
		return fmt.Errorf("launch-parameters: %w", err)
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

// intoInterface moves subnet and groups into the first network interface: EC2 takes them there only.
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

// joinTags adds ours to the user's; a key that the user sets is the user's.
func joinTags(theirs, ours []types.TagSpecification) []types.TagSpecification {
	if len(theirs) == 0 {
		return nil // ours stay as they are
	}
	for _, spec := range ours {
		i := slices.IndexFunc(theirs, func(t types.TagSpecification) bool { return t.ResourceType == spec.ResourceType })
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
