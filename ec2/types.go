package ec2

import (
	"context"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
)

// InstanceType is what the region says of an instance type.
type InstanceType struct {
	Name          string
	Architectures []string // "x86_64", "arm64"
	VCPUs         int
	NeedsENA      bool // it runs no image without the elastic network adapter's driver
	Markets       []string
	NotNitro      bool // so that its console cannot be read while it runs
}

// InstanceType looks a type up; found is false when the region does not have it. It needs ec2:DescribeInstanceTypes.
func (c *Client) InstanceType(ctx context.Context, region, name string) (kind InstanceType, found bool, err error) {
	out, err := c.in(region).DescribeInstanceTypes(ctx, &sdk.DescribeInstanceTypesInput{
		Filters: []types.Filter{{Name: aws.String("instance-type"), Values: []string{name}}},
	})
	if err != nil {
		return InstanceType{}, false, callError("describe instance type "+name, err)
	}
	i := slices.IndexFunc(out.InstanceTypes, func(t types.InstanceTypeInfo) bool { return string(t.InstanceType) == name })
	if i < 0 {
		return InstanceType{}, false, nil
	}
	info := out.InstanceTypes[i]
	kind.Name = name
	if info.ProcessorInfo != nil {
		for _, architecture := range info.ProcessorInfo.SupportedArchitectures {
			kind.Architectures = append(kind.Architectures, string(architecture))
		}
	}
	if info.VCpuInfo != nil {
		kind.VCPUs = int(aws.ToInt32(info.VCpuInfo.DefaultVCpus))
	}
	kind.NeedsENA = info.NetworkInfo != nil && info.NetworkInfo.EnaSupport == types.EnaSupportRequired
	kind.NotNitro = info.Hypervisor == types.InstanceTypeHypervisorXen // bare metal has none
	for _, class := range info.SupportedUsageClasses {
		kind.Markets = append(kind.Markets, string(class))
	}
	return kind, true, nil
}

// OfferedIn lists the zones of a region that offer a type. It needs ec2:DescribeInstanceTypeOfferings.
func (c *Client) OfferedIn(ctx context.Context, region, name string) ([]string, error) {
	out, err := c.in(region).DescribeInstanceTypeOfferings(ctx, &sdk.DescribeInstanceTypeOfferingsInput{
		LocationType: types.LocationTypeAvailabilityZone,
		Filters:      []types.Filter{{Name: aws.String("instance-type"), Values: []string{name}}},
	})
	if err != nil {
		return nil, callError("describe instance type offerings of "+name, err)
	}
	var zones []string
	for _, o := range out.InstanceTypeOfferings {
		if string(o.InstanceType) == name {
			zones = append(zones, aws.ToString(o.Location))
		}
	}
	return zones, nil
}
