package ec2

import (
	"cmp"
	"context"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/marqo-ai/ec2-github-runner/ec2/refusal"
)

// Subnet is what a launch needs to know about a subnet.
type Subnet struct {
	ID, VPC, Zone string
	Free          int  // free addresses
	PublicIP      bool // instances get a public address by default
}

// Subnet returns a subnet. It needs ec2:DescribeSubnets.
func (a Account) Subnet(ctx context.Context, region, id string) (Subnet, error) {
	out, err := a.client.in(region).DescribeSubnets(ctx, &sdk.DescribeSubnetsInput{SubnetIds: []string{id}})
	if err != nil {
		return Subnet{}, refusal.Of("describe subnet "+id, err)
	}
	if len(out.Subnets) == 0 {
		return Subnet{}, &refusal.CallError{Operation: "describe subnet " + id, Code: "InvalidSubnetID.NotFound",
			Message: "the response is empty"}
	}
	s := out.Subnets[0]
	return Subnet{
		ID: aws.ToString(s.SubnetId), VPC: aws.ToString(s.VpcId), Zone: aws.ToString(s.AvailabilityZone),
		Free: int(aws.ToInt32(s.AvailableIpAddressCount)), PublicIP: aws.ToBool(s.MapPublicIpOnLaunch),
	}, nil
}

// SecurityGroup is a security group and its outbound rules.
type SecurityGroup struct {
	ID, Name, VPC string
	Egress        []EgressRule
}

// EgressRule allows outbound traffic to a range of ports at some addresses.
type EgressRule struct {
	Protocol string // "tcp", or "-1" for all
	From, To int    // ports, inclusive; both 0 for all protocols
	To4      []string
	Others   bool // it also allows prefix lists, groups or IPv6 addresses, which are not examined
}

// Lets reports whether a rule applies to a TCP port.
func (r EgressRule) Lets(port int) bool {
	return r.Protocol == "-1" || ((r.Protocol == "tcp" || r.Protocol == "6") && r.From <= port && port <= r.To)
}

// SecurityGroup returns a security group. It needs ec2:DescribeSecurityGroups.
func (a Account) SecurityGroup(ctx context.Context, region, id string) (SecurityGroup, error) {
	out, err := a.client.in(region).DescribeSecurityGroups(ctx,
		&sdk.DescribeSecurityGroupsInput{GroupIds: []string{id}})
	if err != nil {
		return SecurityGroup{}, refusal.Of("describe security group "+id, err)
	}
	if len(out.SecurityGroups) == 0 {
		return SecurityGroup{}, &refusal.CallError{Operation: "describe security group " + id,
			Code: "InvalidGroup.NotFound", Message: "the response is empty"}
	}
	g := out.SecurityGroups[0]
	group := SecurityGroup{ID: aws.ToString(g.GroupId), Name: aws.ToString(g.GroupName), VPC: aws.ToString(g.VpcId)}
	for _, p := range g.IpPermissionsEgress {
		rule := EgressRule{
			Protocol: aws.ToString(p.IpProtocol), From: int(aws.ToInt32(p.FromPort)), To: int(aws.ToInt32(p.ToPort)),
			Others: len(p.PrefixListIds)+len(p.UserIdGroupPairs)+len(p.Ipv6Ranges) > 0,
		}
		for _, r := range p.IpRanges {
			rule.To4 = append(rule.To4, aws.ToString(r.CidrIp))
		}
		group.Egress = append(group.Egress, rule)
	}
	return group, nil
}

// Route is a route of a subnet.
type Route struct {
	To     string // "0.0.0.0/0"
	Via    string // "igw-…", "nat-…", "tgw-…", "eni-…", "vpce-…", "local"
	Active bool   // false for a blackhole, whose target is gone
}

// Routes returns the routes of a subnet: those of its own table or, if it has none, of its VPC's main table. It needs
// ec2:DescribeRouteTables.
// https://docs.aws.amazon.com/vpc/latest/userguide/RouteTables.html
func (a Account) Routes(ctx context.Context, region string, subnet Subnet) ([]Route, error) {
	for _, by := range []map[string][]string{
		{"association.subnet-id": {subnet.ID}},
		{"vpc-id": {subnet.VPC}, "association.main": {"true"}},
	} {
		in := &sdk.DescribeRouteTablesInput{MaxResults: aws.Int32(perSmallPage), Filters: filters(by)}
		pages := sdk.NewDescribeRouteTablesPaginator(a.client.in(region), in)
		tables, err := collect(ctx, "describe route tables of "+subnet.ID, pages,
			func(page *sdk.DescribeRouteTablesOutput) []types.RouteTable { return page.RouteTables })
		if err != nil {
			return nil, err
		}
		if len(tables) > 0 {
			return plainly(tables[0].Routes, plainRoute), nil
		}
	}
	return nil, nil
}

func plainRoute(r types.Route) Route {
	target := cmp.Or(aws.ToString(r.GatewayId), aws.ToString(r.NatGatewayId), aws.ToString(r.TransitGatewayId),
		aws.ToString(r.NetworkInterfaceId), aws.ToString(r.InstanceId), aws.ToString(r.VpcPeeringConnectionId),
		aws.ToString(r.LocalGatewayId), aws.ToString(r.CoreNetworkArn))
	return Route{To: aws.ToString(r.DestinationCidrBlock), Via: target, Active: r.State == types.RouteStateActive}
}
