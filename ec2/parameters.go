package ec2

import (
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"slices"

	sdk "github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/marqo-ai/ec2-github-runner/machine"
)

// CheckParameter parses the value of a machine's input as EC2's type for it, and returns it as JSON of that type. odd
// describes values that were read differently from how they are written.
func CheckParameter(input, text string) (value machine.JSON, odd []string, err error) {
	switch input {
	case "block-device-mappings": // https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_BlockDeviceMapping.html
		_, value, odd, err = shaped[[]types.BlockDeviceMapping](text, lenient)
		return value, odd, err
	case "metadata-options":
		// https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_InstanceMetadataOptionsRequest.html
		_, value, odd, err = shaped[types.InstanceMetadataOptionsRequest](text, lenient)
		return value, odd, err
	case "launch-parameters": // https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_RunInstances.html
		in, value, _, err := shaped[sdk.RunInstancesInput](text, strict)
		if err == nil {
			err = checkOverlay(value, in.InstanceMarketOptions)
		}
		if err != nil {
			return "", nil, err
		}
		return value, nil, nil
	}
	return "", nil, fmt.Errorf("the input %s is not a parameter of EC2", input)
}

// shaped parses a value, and also returns it as JSON, "" if it is empty.
func shaped[T any](text string, how reading) (value T, canonical machine.JSON, odd []string, err error) {
	if odd, err = decode(text, &value, how); err != nil {
		return value, "", nil, err
	}
	if v := reflect.ValueOf(value); v.IsZero() || v.Kind() == reflect.Slice && v.Len() == 0 {
		return value, "", odd, nil
	}
	raw, err := json.Marshal(value)
	return value, machine.JSON(raw), odd, err
}

// parameter parses a value that CheckParameter has returned as EC2's type.
func parameter[T any](value machine.JSON) (out T, err error) {
	if value == "" {
		return out, nil
	}
	if err := json.Unmarshal([]byte(value), &out); err != nil {
		return out, fmt.Errorf("read a launch parameter: %w", err)
	}
	return out, nil
}

// refusedParameters are the parameters that this action must set itself, and why.
var refusedParameters = map[string]string{
	"MinCount":    "the inputs 'count' and 'min-count' set the number of instances",
	"MaxCount":    "the inputs 'count' and 'min-count' set the number of instances",
	"ClientToken": "the action finds its instances by their token",
	"UserData":    "the action sets up the machine with its own user data; use 'pre-runner-script'",
	"DryRun":      "a dry run launches nothing",
}

// checkOverlay refuses launch-parameters that conflict with what this action sets itself.
func checkOverlay(overlay machine.JSON, market *types.InstanceMarketOptionsRequest) error {
	for _, name := range slices.Sorted(maps.Keys(refusedParameters)) {
		if overlay.Has(name) {
			return fmt.Errorf("%s cannot be set: %s", name, refusedParameters[name])
		}
	}
	if market == nil || market.SpotOptions == nil {
		return nil
	}
	spot := market.SpotOptions
	ends := spot.InstanceInterruptionBehavior == "" ||
		spot.InstanceInterruptionBehavior == types.InstanceInterruptionBehaviorTerminate
	if spot.SpotInstanceType == types.SpotInstanceTypePersistent || !ends {
		return fmt.Errorf("InstanceMarketOptions cannot set a persistent spot request: it would start machines " +
			"that nobody terminates")
	}
	return nil
}
