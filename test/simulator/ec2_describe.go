package simulator

import (
	"regexp"
	"strconv"
	"time"
)

var instanceID = regexp.MustCompile(`^i-(?:[0-9a-f]{8}|[0-9a-f]{17})$`)

// named looks the instances of InstanceId.N up. One that is not there fails the whole call. With unseen an instance
// counts from its launch on, as it does for those who change one; otherwise from when EC2 shows it.
func (call *ec2Call) named(unseen bool) ([]*instance, *ec2Error) {
	ids := call.form.list("InstanceId")
	if id := call.form["InstanceId"]; id != "" {
		ids = append(ids, id)
	}
	found := make([]*instance, 0, len(ids))
	for _, id := range ids {
		if !instanceID.MatchString(id) {
			return nil, fail("InvalidInstanceID.Malformed", `Invalid id: "%s"`, id)
		}
		i := call.region.byID[id]
		if i == nil || (!call.listed(i) && (!unseen || call.w.now.After(i.visible))) {
			return nil, fail("InvalidInstanceID.NotFound", "The instance ID '%s' does not exist", id)
		}
		found = append(found, i)
	}
	return found, nil
}

func describeInstances(call *ec2Call) ([]node, *ec2Error) {
	candidates := call.region.instances
	if ids := call.form.list("InstanceId"); len(ids) > 0 {
		var failure *ec2Error
		if candidates, failure = call.named(false); failure != nil {
			return nil, failure
		}
	}
	var shown []*instance
	for _, i := range candidates {
		if !call.listed(i) {
			continue
		}
		fits, failure := call.matches(i.attribute)
		if failure != nil {
			return nil, failure
		}
		if fits {
			shown = append(shown, i)
		}
	}
	part, next, failure := page(call, shown)
	if failure != nil {
		return nil, failure
	}
	var reservations [][]node
	for len(part) > 0 {
		n := 1
		for n < len(part) && part[n].reservation == part[0].reservation {
			n++
		}
		reservations = append(reservations, call.reservationNodes(part[0].reservation, part[:n]))
		part = part[n:]
	}
	return paged(set("reservationSet", reservations...), next), nil
}

// attribute answers DescribeInstances' filters:
// https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeInstances.html
func (i *instance) attribute(filter string) ([]string, bool) {
	if v, ok := tagAttribute(i.tags.shown, filter); ok {
		return v, true
	}
	switch filter {
	case "instance-lifecycle":
		if i.market == marketSpot {
			return []string{marketSpot}, true
		}
		return nil, true // on-demand instances have none
	case "instance.group-id":
		return i.groups, true
	}
	return fixed(nil, map[string]string{
		"instance-id": i.id, "instance-state-name": i.state, "client-token": i.shownToken, "instance-type": i.kind.Name,
		"image-id":  i.image.ID,
		"subnet-id": i.subnet, "vpc-id": i.vpc, "availability-zone": i.zone, "reservation-id": i.reservation,
		"key-name": i.keyName,
	})(filter)
}

func (c *cloud) reservationNodes(id string, instances []*instance) []node {
	items := make([][]node, 0, len(instances))
	for _, i := range instances {
		items = append(items, c.instanceNodes(i))
	}
	return []node{leaf("reservationId", id), leaf("ownerId", c.w.cfg.Account), {name: "groupSet"},
		set("instancesSet", items...)}
}

func (c *cloud) instanceNodes(i *instance) []node {
	lifecycle := ""
	if i.market == marketSpot {
		lifecycle = marketSpot
	}
	nodes := some(
		leaf("instanceId", i.id), leaf("imageId", i.image.ID), stateNode("instanceState", i.state),
		leaf("reason", i.transition), leaf("amiLaunchIndex", strconv.Itoa(i.index)), leaf("instanceType", i.kind.Name),
		leaf("launchTime", isoTime(i.launched)), branch("placement", leaf("availabilityZone", i.zone),
			leaf("tenancy", "default")),
		leaf("subnetId", i.subnet), leaf("vpcId", i.vpc), leaf("privateIpAddress", i.privateIP),
		leaf("ipAddress", i.publicIP),
		branch("stateReason", some(leaf("code", i.reasonCode), leaf("message", i.reasonText))...),
		leaf("architecture", i.image.Architecture), leaf("platform", i.image.Platform), leaf("rootDeviceType", "ebs"),
		leaf("rootDeviceName", i.image.RootDevice),
		leaf("instanceLifecycle", lifecycle), leaf("spotInstanceRequestId", i.spotRequest),
		leaf("clientToken", i.shownToken),
		leaf("keyName", i.keyName),
		leaf("virtualizationType", "hvm"), leaf("hypervisor", "xen"),
		leaf("enaSupport", strconv.FormatBool(!i.image.NoENA)),
		branch("cpuOptions", leaf("coreCount", strconv.Itoa(i.kind.VCPUs)), leaf("threadsPerCore", "1")),
		tagSet(i.tags.shown),
	)
	if i.profile != "" {
		nodes = append(nodes, branch("iamInstanceProfile",
			leaf("arn", "arn:aws:iam::"+c.w.cfg.Account+":instance-profile/"+i.profile),
			leaf("id", "AIPASIMULATED0000000")))
	}
	var groups, disks [][]node
	for _, g := range i.groups {
		sg, _ := c.group(g)
		groups = append(groups, []node{leaf("groupId", g), leaf("groupName", sg.Name)})
	}
	if i.state != "terminated" {
		for _, v := range i.volumes {
			disks = append(disks, []node{leaf("deviceName", v.device), branch("ebs", leaf("volumeId", v.id),
				leaf("status", "attached"),
				leaf("deleteOnTermination", strconv.FormatBool(!v.keep)), leaf("attachTime", isoTime(i.launched)))})
		}
	}
	options := branch("metadataOptions", leaf("state", "applied"), leaf("httpTokens", orText(i.metadata["HttpTokens"],
		"optional")),
		leaf("httpPutResponseHopLimit", orText(i.metadata["HttpPutResponseHopLimit"], "1")),
		leaf("httpEndpoint", orText(i.metadata["HttpEndpoint"], "enabled")),
		leaf("instanceMetadataTags", orText(i.metadata["InstanceMetadataTags"], "disabled")))
	return append(nodes, set("groupSet", groups...), set("blockDeviceMapping", disks...), options)
}

// shows is the client token of an instance as EC2 shows it.
func (c *Config) shows(token, market string) string {
	if market == marketSpot && !c.SpotShowsToken {
		return ""
	}
	return token
}

func stateNode(name, state string) node {
	codes := map[string]string{"pending": "0", "running": "16", "shutting-down": "32", "terminated": "48",
		"stopping": "64", "stopped": "80"}
	return branch(name, leaf("code", codes[state]), leaf("name", state))
}

func isoTime(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.000Z") }
