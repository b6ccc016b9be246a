package ec2

import (
	"github.com/aws/aws-sdk-go-v2/aws"
)

// PublicAddress reports whether a launch asks for a public address itself.
type PublicAddress int

// What a launch can say of it.
const (
	AsSubnet PublicAddress = iota // nothing: the subnet decides
	WithAddress
	WithoutAddress
)

// Asked is the offering as the request to EC2 says it, launch-parameters included. What a launch template says is not
// in it: such a part is empty.
func (s LaunchSpec) Asked(index int, offering Offering) (Offering, PublicAddress, error) {
	in, err := s.input(index, offering, s.Token(index, 0), 1, false)
	if err != nil {
		return offering, AsSubnet, err
	}
	p := &offering.Placement
	p.ImageID, offering.InstanceType = aws.ToString(in.ImageId), string(in.InstanceType)
	p.SubnetID, p.SecurityGroupIDs = aws.ToString(in.SubnetId), in.SecurityGroupIds
	if len(in.NetworkInterfaces) == 0 {
		return offering, AsSubnet, nil
	}
	first := in.NetworkInterfaces[0]
	p.SubnetID, p.SecurityGroupIDs = aws.ToString(first.SubnetId), first.Groups
	switch {
	case first.AssociatePublicIpAddress == nil:
		return offering, AsSubnet, nil
	case *first.AssociatePublicIpAddress:
		return offering, WithAddress, nil
	}
	return offering, WithoutAddress, nil
}
