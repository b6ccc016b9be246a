package ec2

import (
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
)

// BlockDevices is the value of block-device-mappings: EC2's own list of block device mappings.
// https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_BlockDeviceMapping.html
type BlockDevices struct{ mappings []types.BlockDeviceMapping }

// ParseBlockDevices reads block-device-mappings, and says what it has taken otherwise than it is written. A launch
// deletes a volume of which nothing else is said with its instance.
func ParseBlockDevices(text string) (devices BlockDevices, odd []string, err error) {
	if odd, err = decode(text, &devices.mappings, lenient); err != nil {
		return BlockDevices{}, nil, err
	}
	return devices, odd, nil
}

// Len is the number of mappings.
func (d BlockDevices) Len() int { return len(d.mappings) }

// MetadataOptions is the value of metadata-options.
// https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_InstanceMetadataOptionsRequest.html
type MetadataOptions struct {
	options *types.InstanceMetadataOptionsRequest
}

// ParseMetadataOptions reads metadata-options; an empty object stands for none.
func ParseMetadataOptions(text string) (metadata MetadataOptions, odd []string, err error) {
	var options types.InstanceMetadataOptionsRequest
	if odd, err = decode(text, &options, lenient); err != nil {
		return MetadataOptions{}, nil, err
	}
	if options != (types.InstanceMetadataOptionsRequest{}) {
		metadata.options = &options
	}
	return metadata, odd, nil
}
