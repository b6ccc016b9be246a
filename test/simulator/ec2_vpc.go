package simulator

import (
	"slices"
	"strconv"
	"strings"
)

func (call *ec2Call) localSubnets() []Subnet {
	return slices.DeleteFunc(slices.Clone(call.w.cfg.Subnets),
		func(s Subnet) bool { return regionOfZone(s.Zone) != call.region.name })
}

func describeSubnets(call *ec2Call) ([]node, *ec2Error) {
	ids, all := call.form.list("SubnetId"), call.localSubnets()
	for _, id := range ids {
		if !slices.ContainsFunc(all, func(s Subnet) bool { return s.ID == id }) {
			return nil, fail("InvalidSubnetID.NotFound", "The subnet ID '%s' does not exist", id)
		}
	}
	return describe(call, "subnetSet", all,
		func(s Subnet) bool { return selects(ids, s.ID) },
		func(s Subnet) attributes {
			return fixed(nil, map[string]string{"subnet-id": s.ID, "vpc-id": s.VPC, "availability-zone": s.Zone,
				"state": "available"})
		},
		func(s Subnet) []node {
			return []node{
				leaf("subnetId", s.ID), leaf("state", "available"), leaf("vpcId", s.VPC),
				leaf("cidrBlock", orText(s.CIDR, "10.0.0.0/20")), leaf("availabilityZone", s.Zone),
				leaf("availabilityZoneId", zoneID(s.Zone)),
				leaf("availableIpAddressCount", strconv.Itoa(call.region.free[s.ID])), leaf("defaultForAz", "false"),
				leaf("mapPublicIpOnLaunch", strconv.FormatBool(!s.Private)), leaf("ownerId", call.w.cfg.Account),
			}
		})
}

func describeSecurityGroups(call *ec2Call) ([]node, *ec2Error) {
	ids := call.form.list("GroupId")
	for _, id := range ids {
		if g, known := call.group(id); !known || g.Region != call.region.name {
			return nil, fail("InvalidGroup.NotFound", "The security group '%s' does not exist", id)
		}
	}
	return describe(call, "securityGroupInfo", call.w.cfg.SecurityGroups,
		func(g SecurityGroup) bool { return g.Region == call.region.name && selects(ids, g.ID) },
		func(g SecurityGroup) attributes {
			return fixed(nil, map[string]string{"group-id": g.ID, "group-name": g.Name, "vpc-id": g.VPC})
		},
		func(g SecurityGroup) []node {
			return []node{
				leaf("groupId", g.ID), leaf("groupName", g.Name), leaf("groupDescription", g.Name),
				leaf("vpcId", g.VPC),
				leaf("ownerId", call.w.cfg.Account),
				set("ipPermissions"), set("ipPermissionsEgress", g.egress()...),
			}
		})
}

// egress are the rules for what a group lets out.
func (g SecurityGroup) egress() [][]node {
	anywhere := set("ipRanges", []node{leaf("cidrIp", "0.0.0.0/0")})
	switch g.Egress {
	case "none":
		return nil
	case "https":
		return [][]node{{leaf("ipProtocol", "tcp"), leaf("fromPort", "443"), leaf("toPort", "443"), anywhere}}
	}
	return [][]node{{leaf("ipProtocol", "-1"), anywhere}}
}

// describeRouteTables returns a table for each subnet.
func describeRouteTables(call *ec2Call) ([]node, *ec2Error) {
	ids := call.form.list("RouteTableId")
	return describe(call, "routeTableSet", call.localSubnets(),
		func(s Subnet) bool { return selects(ids, tableOf(s)) },
		func(s Subnet) attributes {
			return fixed(nil, map[string]string{"association.subnet-id": s.ID, "vpc-id": s.VPC,
				"association.main": "false",
				"route-table-id":   tableOf(s)})
		},
		func(s Subnet) []node {
			routes := [][]node{{leaf("destinationCidrBlock", "10.0.0.0/8"), leaf("gatewayId", "local"),
				leaf("state", "active"),
				leaf("origin", "CreateRouteTable")}}
			if !s.Private {
				routes = append(routes, []node{leaf("destinationCidrBlock", "0.0.0.0/0"),
					leaf("gatewayId", "igw-0aaaaaaaaaaaaaaaa"), leaf("state", "active"), leaf("origin", "CreateRoute")})
			} else if s.NAT {
				routes = append(routes, []node{leaf("destinationCidrBlock", "0.0.0.0/0"),
					leaf("natGatewayId", "nat-0aaaaaaaaaaaaaaaa"), leaf("state", "active"),
					leaf("origin", "CreateRoute")})
			}
			return []node{
				leaf("routeTableId", tableOf(s)), leaf("vpcId", s.VPC), leaf("ownerId", call.w.cfg.Account),
				set("routeSet", routes...),
				set("associationSet", []node{leaf("routeTableAssociationId", "rtbassoc-"+
					strings.TrimPrefix(s.ID, "subnet-")),
					leaf("routeTableId", tableOf(s)), leaf("subnetId", s.ID),
					leaf("main", "false"), branch("associationState", leaf("state", "associated"))}),
			}
		})
}

func tableOf(s Subnet) string { return "rtb-" + strings.TrimPrefix(s.ID, "subnet-") }

func describeVpcs(call *ec2Call) ([]node, *ec2Error) {
	ids := call.form.list("VpcId")
	seen := map[string]bool{}
	for _, s := range call.localSubnets() {
		seen[s.VPC] = true
	}
	for _, id := range ids {
		if !seen[id] {
			return nil, fail("InvalidVpcID.NotFound", "The vpc ID '%s' does not exist", id)
		}
	}
	return describe(call, "vpcSet", sortedKeys(seen),
		func(id string) bool { return selects(ids, id) },
		func(id string) attributes {
			return fixed(nil, map[string]string{"vpc-id": id, "state": "available", "is-default": "false"})
		},
		func(id string) []node {
			return []node{leaf("vpcId", id), leaf("state", "available"), leaf("cidrBlock", "10.0.0.0/8"),
				leaf("isDefault", "false"), leaf("ownerId", call.w.cfg.Account)}
		})
}
