package ec2

import (
	"github.com/aws/aws-sdk-go-v2/aws"
)

// Asked is the offering as the request to EC2 says it, launch-parameters included, and whether that asks for a public
// address: nil where the subnet decides. What a launch template says is not in it: such a part is empty.
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
