package ec2

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
)

// Architectures states which architectures each instance type runs ("x86_64", "arm64"). A type that the region does not
// have is left out. It needs ec2:DescribeInstanceTypes, which a launch does without.
// https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeInstanceTypes.html
func (c *Client) Architectures(ctx context.Context, region string, names []string) (map[string][]string, error) {
	// By filter: asked by name, one unknown type fails the whole call.
	pages := sdk.NewDescribeInstanceTypesPaginator(c.in(region), &sdk.DescribeInstanceTypesInput{
		MaxResults: aws.Int32(perSmallPage),
		Filters:    []types.Filter{{Name: aws.String("instance-type"), Values: names}},
	})
	runs := map[string][]string{}
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, callError("describe instance types", err)
		}
		for _, info := range page.InstanceTypes {
			if info.ProcessorInfo == nil {
				continue
			}
			for _, architecture := range info.ProcessorInfo.SupportedArchitectures {
				runs[string(info.InstanceType)] = append(runs[string(info.InstanceType)], string(architecture))
			}
		}
	}
	return runs, nil
}

// ZonesOffering returns in which zones each instance type is offered. Its permission is optional.
// https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeInstanceTypeOfferings.html
func (c *Client) ZonesOffering(ctx context.Context, region string, names []string) (map[string][]string, error) {
	pages := sdk.NewDescribeInstanceTypeOfferingsPaginator(c.in(region), &sdk.DescribeInstanceTypeOfferingsInput{
		MaxResults:   aws.Int32(perPage),
		LocationType: types.LocationTypeAvailabilityZone,
		Filters:      []types.Filter{{Name: aws.String("instance-type"), Values: names}},
	})
	zones := map[string][]string{}
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, callError("describe instance type offerings", err)
		}
		for _, offering := range page.InstanceTypeOfferings {
			zones[string(offering.InstanceType)] = append(zones[string(offering.InstanceType)], aws.ToString(offering.Location))
		}
	}
	return zones, nil
}

// SubnetZones returns the zone of each subnet. Its permission is optional.
func (c *Client) SubnetZones(ctx context.Context, region string, ids []string) (map[string]string, error) {
	out, err := c.in(region).DescribeSubnets(ctx, &sdk.DescribeSubnetsInput{SubnetIds: ids})
	if err != nil {
		return nil, callError("describe subnets", err)
	}
	zones := map[string]string{}
	for _, subnet := range out.Subnets {
		zones[aws.ToString(subnet.SubnetId)] = aws.ToString(subnet.AvailabilityZone)
	}
	return zones, nil
}
