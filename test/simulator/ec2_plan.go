package simulator

import (
	"encoding/base64"
	"slices"
	"strconv"
	"strings"
)

// plan is what a RunInstances call asks for, checked.
type plan struct {
	least, most       int
	token             string
	image             *image
	kind              InstanceType
	subnet            Subnet
	groups            []string
	market, maxPrice  string
	userData          []byte
	tags              map[string]map[string]string // by resource type
	profile, shutdown string
	volumes           []*volume // without ids: each instance gets its own
	reservation       string    // id of the capacity reservation that it uses
	fingerprint       string
}

const maxUserData = 16384

// plan checks a RunInstances call in about the order in which EC2 does.
func (call *ec2Call) plan() (*plan, *ec2Error) {
	p := &plan{fingerprint: fingerprint(call.form), token: call.form["ClientToken"],
		tags: map[string]map[string]string{}}
	for _, step := range []func(*plan) *ec2Error{
		call.planCount, call.planToken, call.planImage, call.planNetwork, call.planMarket, call.planUserData,
		call.planTags,
		call.planVolumes, call.planPurchases, call.planRest,
	} {
		if failure := step(p); failure != nil {
			return nil, failure
		}
	}
	return p, nil
}

// dryLaunch answers a dry run. It proves permission and little else: that parameters are there and of the right form.
// What they name need not exist, fit each other or be for sale.
// https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_RunInstances.html
func (call *ec2Call) dryLaunch() *ec2Error {
	p := &plan{token: call.form["ClientToken"], tags: map[string]map[string]string{},
		image: &image{Image: Image{ID: call.form["ImageId"]}}}
	switch id := p.image.ID; {
	case id == "":
		return fail("MissingParameter", "The request must contain the parameter ImageId")
	case !strings.HasPrefix(id, "resolve:ssm:") && !imageID.MatchString(id):
		return fail("InvalidAMIID.Malformed", `Invalid id: "%s"`, id)
	}
	p.kind.Name, p.subnet.ID = orText(call.form["InstanceType"], "m1.small"), orText(call.form["SubnetId"],
		call.form["NetworkInterface.1.SubnetId"])
	p.groups = append(call.form.list("SecurityGroupId"), call.form.list("NetworkInterface.1.SecurityGroupId")...)
	p.market, p.profile = marketOf(call.form), call.profileName()
	for _, step := range []func(*plan) *ec2Error{call.planCount, call.planToken, call.planUserData, call.planTags} {
		if failure := step(p); failure != nil {
			return failure
		}
	}
	// Which role would be passed is the profile's to say, so that one is looked up.
	if failure := call.knowsProfile(p.profile); failure != nil {
		return failure
	}
	if failure := call.mayLaunch(p); failure != nil {
		return failure
	}
	return errDryRun
}

func (call *ec2Call) knowsProfile(name string) *ec2Error {
	if known := call.w.cfg.InstanceProfiles; name != "" && len(known) > 0 && !slices.Contains(known, name) {
		return fail("InvalidParameterValue",
			"Value (%s) for parameter iamInstanceProfile.name is invalid. Invalid IAM Instance Profile name", name)
	}
	return nil
}

// profileName is the name of the instance profile that a launch asks for.
func (call *ec2Call) profileName() string {
	if arn := call.form["IamInstanceProfile.Arn"]; arn != "" {
		return arn[strings.LastIndex(arn, "/")+1:]
	}
	return call.form["IamInstanceProfile.Name"]
}

func (call *ec2Call) planCount(p *plan) *ec2Error {
	var err, err2 error
	p.least, err = strconv.Atoi(call.form["MinCount"])
	p.most, err2 = strconv.Atoi(call.form["MaxCount"])
	switch {
	case call.form["MinCount"] == "" || call.form["MaxCount"] == "":
		return fail("MissingParameter", "The request must contain the parameter MinCount and MaxCount")
	case err != nil || err2 != nil || p.least < 1 || p.most < p.least:
		return fail("InvalidParameterValue", "Value (%s) for parameter maxCount is invalid.", call.form["MaxCount"])
	}
	return nil
}

func (call *ec2Call) planToken(p *plan) *ec2Error {
	if len(p.token) > 64 || strings.ContainsFunc(p.token, func(r rune) bool { return r > 126 || r < 33 }) {
		return fail("InvalidParameterValue",
			"Value (%s) for parameter clientToken is invalid. Length exceeds maximum of 64 or it is not ASCII.",
			p.token)
	}
	return nil
}

func (call *ec2Call) planImage(p *plan) *ec2Error {
	id := call.form["ImageId"]
	if id == "" {
		return fail("MissingParameter", "The request must contain the parameter ImageId")
	}
	if name, ok := strings.CutPrefix(id, "resolve:ssm:"); ok {
		id = call.w.cfg.Parameters[name]
		if id == "" {
			return fail("InvalidParameterValue", "The parameter %s does not exist", name)
		}
	}
	var failure *ec2Error
	if p.image, failure = call.imageNamed(id); failure != nil {
		return failure
	}
	if p.image.State != "available" {
		return fail("InvalidAMIID.Unavailable", "The image ID '%s' is not available for use", id)
	}
	name := orText(call.form["InstanceType"], "m1.small")
	kind, known := call.cloud.kind(name)
	if !known {
		return fail("InvalidParameterValue", "Invalid value '%s' for InstanceType.", name)
	}
	if kind.Architecture != p.image.Architecture {
		return fail("InvalidParameterValue",
			"The architecture '%s' of the specified instance type does not match the architecture '%s' of the "+
				"specified AMI. Specify an instance type and an AMI that have matching architectures, and try "+
				"again.", kind.Architecture, p.image.Architecture)
	}
	if p.image.NoENA && !kind.NotNitro {
		return fail("InvalidParameterCombination",
			"Enhanced networking with the Elastic Network Adapter (ENA) is required for the '%s' instance type. "+
				"Ensure that you are using an AMI that is enabled for ENA.", name)
	}
	p.kind = kind
	return nil
}

func (call *ec2Call) planNetwork(p *plan) *ec2Error {
	if len(call.form.group("NetworkInterface")) > 0 && (call.form["SubnetId"] != "" ||
		len(call.form.list("SecurityGroupId")) > 0) {
		return fail("InvalidParameterCombination",
			"Network interfaces and an instance-level subnet ID may not be specified on the same request")
	}
	subnet, failure := call.subnetFor(call.form)
	if failure != nil {
		return failure
	}
	p.subnet = subnet
	if len(p.kind.Zones) > 0 && !slices.Contains(p.kind.Zones, subnet.Zone) {
		return fail("Unsupported",
			"Your requested instance type (%s) is not supported in your requested Availability Zone (%s).", p.kind.Name,
			subnet.Zone)
	}
	p.groups = append(call.form.list("SecurityGroupId"), call.form.list("NetworkInterface.1.SecurityGroupId")...)
	for _, id := range p.groups {
		if !groupID.MatchString(id) {
			return fail("InvalidGroupId.Malformed", `Invalid id: "%s"`, id)
		}
		g, known := call.group(id)
		if !known || g.Region != call.region.name {
			return fail("InvalidGroup.NotFound", "The security group '%s' does not exist", id)
		}
		if g.VPC != subnet.VPC {
			return fail("InvalidParameter", "Security group %s and subnet %s belong to different networks.", id,
				subnet.ID)
		}
	}
	return nil
}

func (call *ec2Call) planMarket(p *plan) *ec2Error {
	p.market = marketOf(call.form)
	if p.market != marketSpot {
		return nil
	}
	p.maxPrice = call.form["InstanceMarketOptions.SpotOptions.MaxPrice"]
	if p.maxPrice == "" {
		return nil
	}
	price, err := strconv.ParseFloat(p.maxPrice, 64)
	if err != nil || price <= 0 {
		return fail("InvalidParameterValue", "Invalid value '%s' for maxPrice", p.maxPrice)
	}
	if price < call.w.cfg.SpotPrice {
		return fail("SpotMaxPriceTooLow",
			"Your Spot request price of %s is lower than the minimum required Spot request fulfillment price of %g.",
			p.maxPrice,
			call.w.cfg.SpotPrice)
	}
	return nil
}

func (call *ec2Call) planUserData(p *plan) *ec2Error {
	var failure *ec2Error
	p.userData, failure = decodeUserData(call.form["UserData"])
	return failure
}

func decodeUserData(text string) ([]byte, *ec2Error) {
	data, err := base64.StdEncoding.DecodeString(text)
	if err != nil {
		return nil, fail("InvalidParameterValue", "Invalid BASE64 encoding of user data")
	}
	if len(data) > maxUserData {
		return nil, fail("InvalidParameterValue", "User data is limited to %d bytes", maxUserData)
	}
	return data, nil
}

func (call *ec2Call) planTags(p *plan) *ec2Error {
	for _, spec := range call.form.group("TagSpecification") {
		kind := spec["ResourceType"]
		if !slices.Contains([]string{"instance", "volume", "network-interface", "spot-instances-request",
			"elastic-gpu"},
			kind) {
			return fail("InvalidParameterValue", "'%s' is not a valid taggable resource type for this operation.", kind)
		}
		tags, failure := call.tagsOf(spec.group("Tag"))
		if kind == "instance" && failure == nil {
			failure = fitMetadata(call.form.under("MetadataOptions"), tags)
		}
		if failure != nil {
			return failure
		}
		p.tags[kind] = tags
	}
	return nil
}

func (call *ec2Call) planRest(p *plan) *ec2Error {
	p.shutdown = orText(call.form["InstanceInitiatedShutdownBehavior"], "stop")
	if p.shutdown != "stop" && p.shutdown != "terminate" {
		return fail("InvalidParameterValue", "Value (%s) for parameter instanceInitiatedShutdownBehavior is invalid.",
			p.shutdown)
	}
	p.profile = call.profileName()
	return call.knowsProfile(p.profile)
}
