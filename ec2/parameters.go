package ec2

import (
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
)

// BlockDevices is the value of block-device-mappings: EC2's own list of block device mappings.
// https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_BlockDeviceMapping.html
type BlockDevices struct{ mappings []types.BlockDeviceMapping }

// ParseBlockDevices reads block-device-mappings. A launch deletes a volume of which nothing else is said with its instance.
func ParseBlockDevices(text string) (BlockDevices, error) {
	var devices BlockDevices
	if err := decode(text, &devices.mappings, IgnoreUnknown); err != nil {
		return BlockDevices{}, err
	}
	return devices, nil
}

// Len is the number of mappings.
func (d BlockDevices) Len() int { return len(d.mappings) }

// MetadataOptions is the value of metadata-options.
// https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_InstanceMetadataOptionsRequest.html
type MetadataOptions struct {
	options *types.InstanceMetadataOptionsRequest
}

// ParseMetadataOptions reads metadata-options; an empty object stands for none.
func ParseMetadataOptions(text string) (MetadataOptions, error) {
	var options types.InstanceMetadataOptionsRequest
	if err := decode(text, &options, IgnoreUnknown); err != nil {
		return MetadataOptions{}, err
	}
	if options == (types.InstanceMetadataOptionsRequest{}) {
		return MetadataOptions{}, nil
	}
	return MetadataOptions{&options}, nil
}
