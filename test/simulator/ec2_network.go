package simulator

import "regexp"

var (
	subnetID = regexp.MustCompile(`^subnet-(?:[0-9a-f]{8}|[0-9a-f]{17})$`)
	groupID  = regexp.MustCompile(`^sg-(?:[0-9a-f]{8}|[0-9a-f]{17})$`)
)

// subnetFor is the subnet that a launch goes to: the one it names, else the first of the zone or region, as if that
// were the default.
func (call *ec2Call) subnetFor(f form) (Subnet, *ec2Error) {
	id := orText(f["SubnetId"], f["NetworkInterface.1.SubnetId"])
	zone := f["Placement.AvailabilityZone"]
	if id == "" {
		for _, s := range call.w.cfg.Subnets {
			if regionOfZone(s.Zone) == call.region.name && (zone == "" || zone == s.Zone) {
				return s, nil
			}
		}
		return Subnet{}, fail("MissingInput", "No subnets found for the default VPC. Please specify a subnet.")
	}
	if !subnetID.MatchString(id) {
		return Subnet{}, fail("InvalidSubnetID.Malformed", `Invalid id: "%s"`, id)
	}
	s, known := call.cloud.subnet(id)
	if !known || regionOfZone(s.Zone) != call.region.name {
		return Subnet{}, fail("InvalidSubnetID.NotFound", "The subnet ID '%s' does not exist", id)
	}
	if zone != "" && zone != s.Zone {
		return Subnet{}, fail("InvalidParameterValue", "The specified subnet '%s' is not in the availability zone '%s'",
			id,
			zone)
	}
	return s, nil
}

func marketOf(f form) string {
	if f["InstanceMarketOptions.MarketType"] == marketSpot {
		return marketSpot
	}
	return marketOnDemand
}

// hasWayOut reports whether the machine reaches GitHub: by its security groups, and by a public address or a NAT
// gateway.
func (c *cloud) hasWayOut(i *instance) bool {
	s, _ := c.subnet(i.subnet)
	if i.params["NetworkInterface.1.AssociatePublicIpAddress"] == "false" && !s.NAT {
		return false
	}
	if (s.Private || s.IPv6Only) && !s.NAT {
		return false
	}
	for _, id := range i.groups {
		if g, _ := c.group(id); g.Egress != "none" {
			return true
		}
	}
	return len(i.groups) == 0 // the VPC's default group lets everything out
}

// resolveParams adds to a RunInstances call's parameters what weather and readers of the journal want to know: Zone and
// Market.
func (c *cloud) resolveParams(x *exchange, f form) {
	x.params["Market"] = marketOf(f)
	r := c.regions[x.region]
	if r == nil {
		return
	}
	call := &ec2Call{cloud: c, region: r, form: f, x: x}
	if s, failure := call.subnetFor(f); failure == nil {
		x.params["Zone"] = s.Zone
	}
}
