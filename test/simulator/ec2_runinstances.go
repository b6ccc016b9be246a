package simulator

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"
)

const (
	marketOnDemand = "on-demand"
	marketSpot     = "spot"
)

// runInstancesParams are all parameters of RunInstances. Those that plan does not look at are kept in Instance.Params
// and change nothing: https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_RunInstances.html
var runInstancesParams = []string{
	"AdditionalInfo", "BlockDeviceMapping", "CapacityReservationSpecification", "ClientToken", "CpuOptions",
	"CreditSpecification",
	"DisableApiStop", "DisableApiTermination", "EbsOptimized", "ElasticGpuSpecification", "EnablePrimaryIpv6",
	"EnclaveOptions",
	"HibernationOptions", "IamInstanceProfile", "ImageId", "InstanceInitiatedShutdownBehavior", "InstanceMarketOptions",
	"InstanceType",
	"Ipv6Address", "Ipv6AddressCount", "KernelId", "KeyName", "LaunchTemplate", "LicenseSpecification",
	"MaintenanceOptions", "MaxCount",
	"MetadataOptions", "MinCount", "Monitoring", "NetworkInterface", "NetworkPerformanceOptions", "Operator",
	"Placement",
	"PrivateDnsNameOptions", "PrivateIpAddress", "RamdiskId", "SecurityGroup", "SecurityGroupId", "SubnetId",
	"TagSpecification", "UserData",
}

func runInstances(call *ec2Call) ([]node, *ec2Error) {
	if failure := call.applyTemplate(); failure != nil {
		return nil, failure
	}
	if call.form["DryRun"] == "true" {
		return nil, call.dryLaunch()
	}
	p, failure := call.plan()
	if failure != nil {
		return nil, failure
	}
	if failure := call.mayLaunch(p); failure != nil {
		return nil, failure
	}
	// A token stands for a launch in one zone of one region; the same request gets the same instances again:
	// https://docs.aws.amazon.com/ec2/latest/devguide/ec2-api-idempotency.html
	key := p.subnet.Zone + " " + p.token
	if earlier := call.region.launches[key]; earlier != nil && p.token != "" {
		if earlier.params != p.fingerprint {
			return nil, fail("IdempotentParameterMismatch",
				"Arguments on this idempotent request are inconsistent with arguments used in previous request(s).")
		}
		return call.reservationNodes(earlier.reservation, earlier.instances), nil
	}
	if failure := call.account(p); failure != nil {
		return nil, failure
	}
	count, failure := call.capacity(p)
	if failure != nil {
		return nil, failure
	}
	// Beside its bucket of requests RunInstances has one of instances.
	if !call.w.cfg.Unlimited && !call.take(call.region.name+" instances", instancesSize, float64(count)) {
		return nil, errThrottled
	}
	l := &launch{reservation: call.w.id("r"), params: p.fingerprint}
	for index := range count {
		l.instances = append(l.instances, call.launch(p, l.reservation, index))
	}
	if p.token != "" {
		call.region.launches[key] = l
	}
	return call.reservationNodes(l.reservation, l.instances), nil
}

// capacity returns how many of the wished instances there is room for, or why there is none.
func (call *ec2Call) capacity(p *plan) (int, *ec2Error) {
	count := p.most
	free := call.region.free[p.subnet.ID]
	if free < p.least {
		return 0, fail("InsufficientFreeAddressesInSubnet",
			"There are not enough free addresses in subnet '%s' to satisfy the requested number of instances.",
			p.subnet.ID)
	}
	count = min(count, free)
	if p.reservation != "" { // what was bought is there
		return count, nil
	}
	for n := range call.w.cfg.Capacity {
		pool := &call.w.cfg.Capacity[n]
		if !pool.holds(p.market, p.kind.Name, p.subnet.Zone) {
			continue
		}
		left := pool.Available - call.inUse(pool)
		if left < p.least {
			return 0, pool.refusal(p)
		}
		count = min(count, left)
	}
	return count, nil
}

func (pool *Pool) holds(market, kind, zone string) bool {
	return (pool.Market == "" || pool.Market == market) && (pool.InstanceType == "" || wildcard(pool.InstanceType,
		kind)) && (pool.Zone == "" || pool.Zone == zone)
}

func (c *cloud) inUse(pool *Pool) int {
	n := 0
	for _, r := range c.regions {
		for _, i := range r.instances {
			if i.takesRoom() && pool.holds(i.market, i.kind.Name, i.zone) {
				n++
			}
		}
	}
	return n
}

// takesRoom reports whether the instance uses capacity now.
func (i *instance) takesRoom() bool {
	return !i.initial && (i.state == "pending" || i.state == "running" || i.state == "stopping")
}

func (pool *Pool) refusal(p *plan) *ec2Error {
	switch pool.Code {
	case "", "InsufficientInstanceCapacity":
		return fail("InsufficientInstanceCapacity",
			"We currently do not have sufficient %s capacity in the Availability Zone you requested (%s). Our system "+
				"will be working on provisioning additional capacity.", p.kind.Name, p.subnet.Zone)
	case "MaxSpotInstanceCountExceeded":
		return fail(pool.Code, "Max spot instance count exceeded")
	case "VcpuLimitExceeded":
		return fail(pool.Code,
			"You have requested more vCPU capacity than your current vCPU limit of %d allows for the "+
				"instance bucket that the specified instance type belongs to.", pool.Available*p.kind.VCPUs)
	}
	return fail(pool.Code, "The request cannot be fulfilled: %s", pool.Code)
}

// launch makes one instance. What it becomes with time stands in instance.go.
func (call *ec2Call) launch(p *plan, reservation string, index int) *instance {
	w := call.w
	i := &instance{
		id: w.id("i"), region: call.region.name, zone: p.subnet.Zone, subnet: p.subnet.ID, vpc: p.subnet.VPC,
		reservation: reservation,
		image:       p.image, kind: p.kind, market: p.market, state: "pending", tags: newTags(p.tags["instance"]),
		token: p.token, userData: p.userData,
		launched: w.now.Truncate(time.Second), index: index, shutdown: p.shutdown, profile: p.profile,
		keyName: call.form["KeyName"], groups: p.groups, reserved: p.reservation,
		metadata: call.form.under("MetadataOptions"), params: call.form,
		reasonCode: "pending", reasonText: "pending",
	}
	i.visible = w.now.Add(w.scaled(w.cfg.Timing.RunInstances)/2 + w.scaled(w.cfg.Timing.InstanceVisible))
	i.shownToken = w.cfg.shows(p.token, p.market)
	if p.market == marketSpot {
		i.spotRequest = call.requestSpot(i, p)
	}
	call.tickets++
	call.region.free[i.subnet]--
	i.privateIP = fmt.Sprintf("10.%d.%d.%d", len(call.regions), call.tickets/250, call.tickets%250+4)
	if !p.subnet.Private {
		i.publicIP = fmt.Sprintf("203.0.113.%d", call.tickets%250+4)
	}
	i.volumes = call.attach(i, p)
	call.region.add(i)
	call.boot(i)
	return i
}

func clone(m map[string]string) map[string]string {
	c := make(map[string]string, len(m))
	for k, v := range m {
		c[k] = v
	}
	return c
}

// fingerprint makes one text of all that counts for idempotency.
func fingerprint(f form) string {
	var parts []string
	for k, v := range f {
		if k != "ClientToken" && k != "DryRun" {
			parts = append(parts, k+"="+v)
		}
	}
	slices.SortFunc(parts, cmp.Compare[string])
	return strings.Join(parts, "\n")
}
