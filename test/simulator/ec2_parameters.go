package simulator

import (
	"slices"
	"strings"
)

// Purchases are what an account has bought or set up, for launches that name it.
type Purchases struct {
	// Reservations are capacity reservations and capacity blocks.
	Reservations []Reservation `yaml:"capacity-reservations"`
	// PlacementGroups by name; Hosts are dedicated hosts; KeyPairs are names. A launch that names any other is refused.
	PlacementGroups []PlacementGroup `yaml:"placement-groups"`
	Hosts           []Host           `yaml:"dedicated-hosts"`
	// KeyPairs are the names that RunInstances accepts; when empty it accepts all.
	KeyPairs []string `yaml:"key-pairs"`
}

// Reservation is a capacity reservation.
// https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_CapacityReservation.html
type Reservation struct {
	ID           string `yaml:"id"`
	InstanceType string `yaml:"instance-type"`
	Zone         string `yaml:"zone"`
	Count        int    `yaml:"count"`
	Group        string `yaml:"group"` // ARN of a resource group that it is in
	Block        bool   `yaml:"block"` // a capacity block, which is a market of its own
	State        string `yaml:"state"` // default active
}

// PlacementGroup is a placement group.
type PlacementGroup struct {
	Name     string `yaml:"name"`
	Strategy string `yaml:"strategy"` // default cluster
}

// Host is a dedicated host.
type Host struct {
	ID           string `yaml:"id"`
	InstanceType string `yaml:"instance-type"`
	Zone         string `yaml:"zone"`
	Count        int    `yaml:"count"`
}

const marketBlock = "capacity-block"

// planPurchases refuses a launch that names what the account does not have, or asks of a type what it cannot do.
func (call *ec2Call) planPurchases(p *plan) *ec2Error {
	for _, step := range []func(*plan) *ec2Error{
		call.planKey, call.planReservation, call.planPlacement, call.planOptions, call.planInterfaces,
	} {
		if failure := step(p); failure != nil {
			return failure
		}
	}
	return nil
}

func (call *ec2Call) planKey(*plan) *ec2Error {
	name, known := call.form["KeyName"], call.w.cfg.KeyPairs
	if name != "" && len(known) > 0 && !slices.Contains(known, name) {
		return fail("InvalidKeyPair.NotFound", "The key pair '%s' does not exist", name)
	}
	return nil
}

// planReservation: a launch that names a reservation must match it, and a capacity block is bought as a market.
// https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/capacity-reservations-launch.html
// https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/capacity-blocks-launch.html
func (call *ec2Call) planReservation(p *plan) *ec2Error {
	id := call.form["CapacityReservationSpecification.CapacityReservationTarget.CapacityReservationId"]
	group := call.form["CapacityReservationSpecification.CapacityReservationTarget.CapacityReservationResourceGroupArn"]
	block := call.form["InstanceMarketOptions.MarketType"] == marketBlock
	if call.region.launches[p.subnet.Zone+" "+p.token] != nil && p.token != "" {
		return nil // it has its capacity
	}
	if id == "" && group == "" {
		if block {
			return fail("MissingParameter", "The market type capacity-block needs a CapacityReservationTarget")
		}
		return nil
	}
	named := slices.DeleteFunc(slices.Clone(call.w.cfg.Reservations), func(r Reservation) bool {
		return (id == "" || r.ID != id) && (group == "" || r.Group != group)
	})
	if len(named) == 0 && id != "" {
		return fail("InvalidCapacityReservationId.NotFound", "The capacity reservation ID '%s' does not exist", id)
	}
	return call.takeReserved(p, named, block)
}

// takeReserved takes the first of the reservations that fits the launch and has room for it.
func (call *ec2Call) takeReserved(p *plan, named []Reservation, block bool) *ec2Error {
	for _, r := range named {
		switch {
		case r.Block != block:
			return fail("InvalidParameterCombination",
				"The market type of the request does not match the Capacity Reservation %s.", r.ID)
		case r.InstanceType != p.kind.Name || r.Zone != p.subnet.Zone || p.market == marketSpot:
			continue
		case r.State != "" && r.State != "active":
			return fail("InvalidCapacityReservationState", "The Capacity Reservation %s is %s.", r.ID, r.State)
		case r.Count-call.reserved(r) >= p.least:
			p.reservation, p.most = r.ID, min(p.most, r.Count-call.reserved(r))
			return nil
		}
	}
	return fail("ReservationCapacityExceeded",
		"The targeted Capacity Reservation does not have enough available instance capacity to fulfill your request.")
}

// reserved is how many instances of a reservation are in use.
func (call *ec2Call) reserved(r Reservation) int {
	n := 0
	for _, i := range call.region.instances {
		if i.reserved == r.ID && i.state != "terminated" {
			n++
		}
	}
	return n
}

// planPlacement: https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_Placement.html
func (call *ec2Call) planPlacement(p *plan) *ec2Error {
	group := call.form["Placement.GroupName"]
	known := call.w.cfg.PlacementGroups
	i := slices.IndexFunc(known, func(g PlacementGroup) bool { return g.Name == group })
	switch {
	case group == "":
	case i < 0:
		return fail("InvalidPlacementGroup.Unknown", "The Placement Group '%s' is unknown.", group)
	case orText(known[i].Strategy, "cluster") == "cluster" && strings.HasPrefix(p.kind.Name, "t"):
		return fail("InvalidParameterCombination",
			"Cluster placement groups are not supported by the '%s' instance type.",
			p.kind.Name)
	}
	host := call.form["Placement.HostId"]
	if host == "" {
		return nil
	}
	if call.form["Placement.Tenancy"] != "host" {
		return fail("InvalidParameterCombination", "The parameter HostId requires the tenancy 'host'.")
	}
	h := slices.IndexFunc(call.w.cfg.Hosts, func(h Host) bool { return h.ID == host })
	switch {
	case h < 0:
		return fail("InvalidHostID.NotFound", "The host ID '%s' does not exist", host)
	case call.w.cfg.Hosts[h].InstanceType != p.kind.Name || call.w.cfg.Hosts[h].Zone != p.subnet.Zone:
		return fail("InvalidParameterValue", "The host '%s' does not take this instance type in this zone.", host)
	}
	return nil
}

// planOptions refuses what a type cannot do, and what goes without each other.
func (call *ec2Call) planOptions(p *plan) *ec2Error {
	family, _, _ := strings.Cut(p.kind.Name, ".")
	enclave := call.form["EnclaveOptions.Enabled"] == "true"
	hibernates := call.form["HibernationOptions.Configured"] == "true"
	switch {
	case enclave && hibernates: // https://docs.aws.amazon.com/enclaves/latest/user/nitro-enclave.html
		return fail("InvalidParameterCombination", "Enclaves and hibernation cannot be enabled on the same instance.")
	case enclave && (p.kind.NotNitro || p.kind.VCPUs < 4 && p.kind.Architecture == "x86_64"):
		return fail("InvalidParameterCombination", "The instance type '%s' does not support enclaves.", p.kind.Name)
	case hibernates && !call.rootEncrypted(p):
		// https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/hibernating-prerequisites.html
		return fail("UnsupportedHibernationConfiguration", "The root volume must be encrypted to enable hibernation.")
	case call.form["CpuOptions.NestedVirtualization"] == "enabled" && !slices.Contains(nestedFamilies, family):
		// https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_CpuOptionsRequest.html
		return fail("InvalidParameterCombination", "Nested virtualization is not supported by the '%s' instance type.",
			p.kind.Name)
	}
	return nil
}

var nestedFamilies = []string{"c8i", "m8i", "r8i", "c8i-flex", "m8i-flex", "r8i-flex"}

func (call *ec2Call) rootEncrypted(p *plan) bool {
	return slices.ContainsFunc(call.form.group("BlockDeviceMapping"), func(m form) bool {
		return m["DeviceName"] == p.image.RootDevice && m["Ebs.Encrypted"] == "true"
	})
}

// planInterfaces: EFA is for some types, and a subnet of IPv6 alone has no IPv4 address to give.
// https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/efa.html
// https://docs.aws.amazon.com/vpc/latest/userguide/vpc-ip-addressing.html
func (call *ec2Call) planInterfaces(p *plan) *ec2Error {
	for _, i := range call.form.group("NetworkInterface") {
		switch {
		case strings.HasPrefix(i["InterfaceType"], "efa") && !p.kind.EFA:
			return fail("InvalidParameterCombination", "EFA interfaces are not supported by the '%s' instance type.",
				p.kind.Name)
		case p.subnet.IPv6Only && i["AssociatePublicIpAddress"] == "true":
			return fail("InvalidParameterCombination", "The subnet '%s' has no IPv4 addresses.", p.subnet.ID)
		}
	}
	if p.subnet.IPv6Only && p.kind.NotNitro {
		return fail("InvalidParameterCombination", "IPv6-only subnets are for instance types of the Nitro System.")
	}
	return nil
}
