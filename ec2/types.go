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
	pages := sdk.NewDescribeInstanceTypesPaginator(c.in(region), &sdk.DescribeInstanceTypesInput{
		MaxResults: aws.Int32(perSmallPage),
		Filters:    []types.Filter{{Name: aws.String("instance-type"), Values: []string{name}}},
	})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return InstanceType{}, false, callError("describe instance type "+name, err)
		}
		i := slices.IndexFunc(page.InstanceTypes,
			func(t types.InstanceTypeInfo) bool { return string(t.InstanceType) == name })
		if i >= 0 {
			return plainType(page.InstanceTypes[i]), true, nil
		}
	}
	return InstanceType{}, false, nil
}

func plainType(info types.InstanceTypeInfo) InstanceType {
	kind := InstanceType{Name: string(info.InstanceType)}
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
	return kind
}

// FreeTierTypes lists the types that accounts on AWS's free plan may launch in a region. It needs
// ec2:DescribeInstanceTypes. https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/ec2-free-tier-usage.html
func (c *Client) FreeTierTypes(ctx context.Context, region string) ([]string, error) {
	var names []string
	pages := sdk.NewDescribeInstanceTypesPaginator(c.in(region), &sdk.DescribeInstanceTypesInput{
		Filters:    []types.Filter{{Name: aws.String("free-tier-eligible"), Values: []string{"true"}}},
		MaxResults: aws.Int32(100),
	})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, callError("describe instance types of the free tier", err)
		}
		for _, info := range page.InstanceTypes {
			names = append(names, string(info.InstanceType))
		}
	}
	slices.Sort(names)
	return names, nil
}

// OfferedIn lists the zones of a region that offer a type. It needs ec2:DescribeInstanceTypeOfferings.
func (c *Client) OfferedIn(ctx context.Context, region, name string) ([]string, error) {
	zones, err := c.ZonesOffering(ctx, region, []string{name})
	return zones[name], err
}
