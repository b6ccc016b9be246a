package ec2

import (
	"context"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/marqo-ai/ec2-github-runner/ec2/refusal"
)

// InstanceType describes an instance type in a region.
type InstanceType struct {
	Name          string
	Architectures []string // "x86_64", "arm64"
	VCPUs         int
	NeedsENA      bool // it requires images with the driver of the elastic network adapter
	Markets       []string
	NotNitro      bool // its console cannot be read while it runs
}

// InstanceType returns an instance type; found is false if the region does not have it. It needs
// ec2:DescribeInstanceTypes.
func (a Account) InstanceType(ctx context.Context, region, name string) (kind InstanceType, found bool, err error) {
	list, err := a.instanceTypes(ctx, region, "describe instance type "+name, "instance-type", name)
	i := slices.IndexFunc(list, func(t InstanceType) bool { return t.Name == name })
	if i < 0 {
		return InstanceType{}, false, err
	}
	return list[i], true, nil
}

// Architectures returns the architectures of each instance type ("x86_64", "arm64"). Types that the region does not
// have are left out. It needs ec2:DescribeInstanceTypes, which a launch does not.
func (a Account) Architectures(ctx context.Context, region string, names []string) (map[string][]string, error) {
	list, err := a.instanceTypes(ctx, region, "describe instance types", "instance-type", names...)
	if err != nil {
		return nil, err
	}
	runs := map[string][]string{}
	for _, kind := range list {
		if len(kind.Architectures) > 0 {
			runs[kind.Name] = kind.Architectures
		}
	}
	return runs, nil
}

// FreeTierTypes returns the types that accounts on AWS's free plan may launch in a region. It needs
// ec2:DescribeInstanceTypes. https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/ec2-free-tier-usage.html
func (a Account) FreeTierTypes(ctx context.Context, region string) ([]string, error) {
	list, err := a.instanceTypes(ctx, region, "describe instance types of the free tier", "free-tier-eligible", "true")
	names := plainly(list, func(t InstanceType) string { return t.Name })
	slices.Sort(names)
	return names, err
}

// instanceTypes returns the types that a filter selects. (Requested by name, an unknown type would fail the whole
// call.)
// https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeInstanceTypes.html
func (a Account) instanceTypes(
	ctx context.Context, region, operation, filter string, values ...string,
) ([]InstanceType, error) {
	in := &sdk.DescribeInstanceTypesInput{
		MaxResults: aws.Int32(perSmallPage), Filters: filters(map[string][]string{filter: values}),
	}
	pages := sdk.NewDescribeInstanceTypesPaginator(a.client.in(region), in)
	return collect(ctx, operation, pages, func(page *sdk.DescribeInstanceTypesOutput) []InstanceType {
		return plainly(page.InstanceTypes, plainType)
	})
}

func plainType(info types.InstanceTypeInfo) InstanceType {
	kind := InstanceType{
		Name:     string(info.InstanceType),
		NeedsENA: info.NetworkInfo != nil && info.NetworkInfo.EnaSupport == types.EnaSupportRequired,
		NotNitro: info.Hypervisor == types.InstanceTypeHypervisorXen, // bare metal has no hypervisor
		Markets:  plainly(info.SupportedUsageClasses, func(c types.UsageClassType) string { return string(c) }),
	}
	if info.ProcessorInfo != nil {
		kind.Architectures = plainly(info.ProcessorInfo.SupportedArchitectures,
			func(a types.ArchitectureType) string { return string(a) })
	}
	if info.VCpuInfo != nil {
		kind.VCPUs = int(aws.ToInt32(info.VCpuInfo.DefaultVCpus))
	}
	return kind
}

// OfferedIn returns the zones of a region that offer a type. It needs ec2:DescribeInstanceTypeOfferings.
func (a Account) OfferedIn(ctx context.Context, region, name string) ([]string, error) {
	zones, err := a.ZonesOffering(ctx, region, []string{name})
	return zones[name], err
}

// ZonesOffering returns the zones that offer each instance type. Its permission is optional.
// https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeInstanceTypeOfferings.html
func (a Account) ZonesOffering(ctx context.Context, region string, names []string) (map[string][]string, error) {
	pages := sdk.NewDescribeInstanceTypeOfferingsPaginator(a.client.in(region), &sdk.DescribeInstanceTypeOfferingsInput{
		MaxResults: aws.Int32(perPage), LocationType: types.LocationTypeAvailabilityZone,
		Filters: filters(map[string][]string{"instance-type": names}),
	})
	offerings, err := collect(ctx, "describe instance type offerings", pages,
		func(page *sdk.DescribeInstanceTypeOfferingsOutput) []types.InstanceTypeOffering {
			return page.InstanceTypeOfferings
		})
	zones := map[string][]string{}
	for _, offering := range offerings {
		name := string(offering.InstanceType)
		zones[name] = append(zones[name], aws.ToString(offering.Location))
	}
	return zones, err
}

// SubnetZones returns by subnet the name and the id of its zone. It needs ec2:DescribeSubnets, which is optional.
func (a Account) SubnetZones(ctx context.Context, region string, subnets []string) (names, ids map[string]string,
	err error) {
	out, err := a.client.in(region).DescribeSubnets(ctx, &sdk.DescribeSubnetsInput{SubnetIds: subnets})
	if err != nil {
		return nil, nil, refusal.Of("describe subnets", err)
	}
	names, ids = map[string]string{}, map[string]string{}
	for _, s := range out.Subnets {
		subnet := aws.ToString(s.SubnetId)
		names[subnet], ids[subnet] = aws.ToString(s.AvailabilityZone), aws.ToString(s.AvailabilityZoneId)
	}
	return names, ids, nil
}
