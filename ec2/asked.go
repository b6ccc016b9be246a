package ec2

import (
	"github.com/aws/aws-sdk-go-v2/aws"
)

// Asked returns the offering as the request contains it, launch-parameters included, and whether it asks for a public
// address (nil: the subnet decides). Fields that a launch template sets are empty.
func (s LaunchSpec) Asked(index int, offering Offering) (asked Offering, public *bool, err error) {
	in, err := s.input(index, offering, s.Token(index, 0), 1, false)
	if err != nil {
		return offering, nil, err
	}
	p := &offering.Placement
	p.ImageID, offering.InstanceType = aws.ToString(in.ImageId), string(in.InstanceType)
	p.SubnetID, p.SecurityGroupIDs = aws.ToString(in.SubnetId), in.SecurityGroupIds
	if len(in.NetworkInterfaces) == 0 {
		return offering, nil, nil
	}
	first := in.NetworkInterfaces[0]
	p.SubnetID, p.SecurityGroupIDs = aws.ToString(first.SubnetId), first.Groups
	return offering, first.AssociatePublicIpAddress, nil
}
