package simulator

import (
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// action is one operation of EC2's API: what it does, and the parameters that the world knows of it. Every other
// parameter is refused, as ignoring it would make the world kinder than EC2.
type action struct {
	run      func(*ec2Call) ([]node, *ec2Error)
	params   []string
	mutating bool
	bucket   string // the name of its request bucket, where it has one of its own
}

// ec2Call is one call under way, with the world locked.
type ec2Call struct {
	*cloud
	region *region
	form   form
	key    *Key
	x      *exchange
	// filters are those of the form, once they are read: a listing holds each thing against them.
	filters []filter
}

var actions map[string]action

func init() {
	actions = map[string]action{
		"RunInstances":      {run: runInstances, params: runInstancesParams, mutating: true, bucket: "RunInstances"},
		"DescribeInstances": {run: describeInstances, params: describing("InstanceId")},
		"TerminateInstances": {run: terminateInstances, params: []string{"InstanceId", "Force", "SkipOsShutdown"},
			mutating: true, bucket: "TerminateInstances"},
		"CreateTags": {run: createTags, params: []string{"ResourceId", "Tag"}, mutating: true,
			bucket: "CreateTags"},
		"DescribeRegions": {run: describeRegions, params: []string{"RegionName", "AllRegions", "Filter"}},
		"DescribeImages": {run: describeImages, params: describing("ImageId", "Owner", "ExecutableBy",
			"IncludeDeprecated",
			"IncludeDisabled")},
		"GetConsoleOutput": {run: getConsoleOutput, params: []string{"InstanceId", "Latest"},
			bucket: "GetConsoleOutput"},

		"StartInstances": {run: startInstances, params: []string{"InstanceId"}, mutating: true,
			bucket: "StartInstances"},
		"StopInstances": {run: stopInstances, params: []string{"InstanceId", "Force", "Hibernate",
			"SkipOsShutdown"}, mutating: true},
		"ModifyInstanceAttribute": {run: modifyInstanceAttribute, params: []string{"InstanceId", "UserData",
			"InstanceInitiatedShutdownBehavior", "InstanceType", "DisableApiTermination"}, mutating: true},
		"DescribeInstanceStatus": {run: describeInstanceStatus, params: describing("InstanceId",
			"IncludeAllInstances")},
		"DeleteTags":                    {run: deleteTags, params: []string{"ResourceId", "Tag"}, mutating: true},
		"DescribeInstanceTypes":         {run: describeInstanceTypes, params: describing("InstanceType")},
		"DescribeInstanceTypeOfferings": {run: describeOfferings, params: describing("LocationType")},
		"GetSpotPlacementScores": {run: getSpotPlacementScores, params: []string{"InstanceType", "TargetCapacity",
			"TargetCapacityUnitType", "SingleAvailabilityZone", "RegionName", "MaxResults", "NextToken",
			"IncludeLocalZones"}},
		"DescribeAvailabilityZones": {run: describeZones, params: []string{"ZoneName", "Filter",
			"AllAvailabilityZones"}},
		"DescribeSubnets":              {run: describeSubnets, params: describing("SubnetId")},
		"DescribeSecurityGroups":       {run: describeSecurityGroups, params: describing("GroupId", "GroupName")},
		"DescribeRouteTables":          {run: describeRouteTables, params: describing("RouteTableId")},
		"DescribeVpcs":                 {run: describeVpcs, params: describing("VpcId")},
		"DescribeSpotInstanceRequests": {run: describeSpotRequests, params: describing("SpotInstanceRequestId")},
		"DescribeVolumes":              {run: describeVolumes, params: describing("VolumeId")},
		"DeleteVolume":                 {run: deleteVolume, params: []string{"VolumeId"}, mutating: true},
		"CreateImage": {run: createImage, params: []string{"InstanceId", "Name", "Description", "NoReboot",
			"TagSpecification", "BlockDeviceMapping"}, mutating: true},
		"CopyImage": {run: copyImage, mutating: true, params: []string{
			"SourceImageId", "SourceRegion", "Name", "Description", "ClientToken", "Encrypted", "KmsKeyId",
			"TagSpecification",
			"CopyImageTags",
		}},
		"DeregisterImage": {run: deregisterImage, params: []string{"ImageId", "DeleteAssociatedSnapshots"},
			mutating: true},
		"DescribeSnapshots": {run: describeSnapshots, params: describing("SnapshotId", "Owner", "RestorableBy")},
		"DescribeLaunchTemplates": {run: describeLaunchTemplates, params: describing("LaunchTemplateId",
			"LaunchTemplateName")},
		"DescribeLaunchTemplateVersions": {run: describeLaunchTemplateVersions, params: describing("LaunchTemplateId",
			"LaunchTemplateName")},
		"DeleteSnapshot": {run: deleteSnapshot, params: []string{"SnapshotId"}, mutating: true},
	}
}

// describing are the parameters of a Describe… action beside its own.
func describing(own ...string) []string {
	return append(own, "Filter", "MaxResults", "NextToken")
}

// scope of a SigV4 signature: access key, date, region, service.
var credential = regexp.MustCompile(`Credential=([^/\s]+)/\d{8}/([a-z0-9-]+)/([a-z0-9]+)/aws4_request`)

func serviceOfSignature(req *http.Request) string {
	if m := credential.FindStringSubmatch(req.Header.Get("Authorization")); m != nil && m[3] != serviceEC2 {
		return m[3]
	}
	return serviceEC2
}

// understand finds out what a request asks for.
func (w *World) understand(req *http.Request, body []byte, service string) *exchange {
	switch service {
	case serviceGitHub:
		return w.hub.understand(req, body)
	case serviceOIDC:
		return w.oidc.understand(req)
	case serviceActions:
		return w.hub.understandActions(req, body)
	}
	return w.cloud.understand(req, body, service)
}

func (c *cloud) understand(req *http.Request, body []byte, service string) *exchange {
	x := &exchange{service: service, params: map[string]string{}, latency: c.w.cfg.Timing.EC2}
	if m := credential.FindStringSubmatch(req.Header.Get("Authorization")); m != nil {
		x.caller, x.region = m[1], m[2]
		x.sessionToken = req.Header.Get("X-Amz-Security-Token")
		if at, err := time.Parse("20060102T150405Z", req.Header.Get("X-Amz-Date")); err == nil {
			x.signedAt = at
		}
	} else if m := awsHost.FindStringSubmatch(req.URL.Hostname()); m != nil {
		x.region = m[2]
	}
	if service == serviceQuotas {
		c.understandQuota(x, req, body)
		return x
	}
	f, err := parseForm(body)
	if err != nil || req.Method != http.MethodPost {
		c.w.wonder("%s request to %s is no query-protocol POST: %s", req.Method, service, req.URL.Path)
		x.act = func() answer {
			return c.errorAnswer(fail("MalformedQueryString", "The query string contains a syntax error"))
		}
		return x
	}
	x.operation = f["Action"]
	if x.operation == "RunInstances" {
		x.latency = c.w.cfg.Timing.RunInstances
	}
	for k, v := range f {
		switch k {
		case "Action", "Version":
		case "WebIdentityToken":
			x.params[k] = "of " + strconv.Itoa(len(v)) + " characters"
		case "UserData":
			x.params[k] = strconv.Itoa(len(v)) + " characters"
		default:
			x.params[k] = v
		}
	}
	switch service {
	case serviceSTS:
		x.act = func() answer { return c.stsAct(x, f) }
		return x
	case serviceIAM:
		x.act = func() answer { return c.iamAct(x, f) }
		return x
	}
	if x.operation == "RunInstances" {
		c.resolveParams(x, f)
	}
	x.act = func() answer { return c.act(x, f) }
	return x
}

// act answers one call: who is it, may it, is it too fast, and then the action itself.
func (c *cloud) act(x *exchange, f form) answer {
	id := c.requestID()
	kids, failure := c.dispatch(x, f)
	if failure != nil {
		return c.errorAnswer(failure)
	}
	return answer{status: http.StatusOK, header: xmlHeader(id), body: document(x.operation, id, kids)}
}

func (c *cloud) dispatch(x *exchange, f form) ([]node, *ec2Error) {
	a, known := actions[x.operation]
	if !known {
		c.w.wonder("unknown EC2 action %q", x.operation)
		return nil, fail("InvalidAction", "The action %s is not valid for this web service.", x.operation)
	}
	key, failure := c.authenticate(x)
	if failure != nil {
		return nil, failure
	}
	region := c.regions[x.region]
	if region == nil {
		return nil, fail("AuthFailure", "AWS was not able to validate the provided access credentials")
	}
	if failure := c.enabled(x.region); failure != nil {
		return nil, failure
	}
	if failure := c.throttle(x, a); failure != nil {
		return nil, failure
	}
	delete(f, "Action")
	delete(f, "Version")
	for _, name := range f.top() {
		if name != "DryRun" && !slices.Contains(a.params, name) {
			c.w.wonder("unknown parameter %s of %s", name, x.operation)
			return nil, fail("UnknownParameter", "The parameter %s is not recognized", name)
		}
	}
	call := &ec2Call{cloud: c, region: region, form: f, key: key, x: x}
	if failure := call.allowed(x.operation); failure != nil {
		return nil, failure
	}
	if f["DryRun"] == "true" && x.operation != "RunInstances" {
		return nil, call.dryRun(x.operation)
	}
	return a.run(call)
}

var errDryRun = &ec2Error{status: http.StatusPreconditionFailed, code: "DryRunOperation",
	message: "Request would have succeeded, but DryRun flag is set."}

func (c *cloud) requestID() string {
	h := c.w.hex(32)
	return strings.Join([]string{h[:8], h[8:12], h[12:16], h[16:20], h[20:32]}, "-")
}
