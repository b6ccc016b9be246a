package simulator

import (
	"slices"
	"time"
)

// Key is an access key.
type Key struct {
	ID string `yaml:"id"`
	// State is "" for a good key; "expired" is answered by ExpiredToken, "unrecognized" by UnrecognizedClientException,
	// and anything else, as a key that is not known, by AuthFailure.
	State string `yaml:"state"`
	// ExpiresIn is how long the key is good from the world's beginning, as the session of a role is; 0 means for ever.
	// Not divided by Config.Speed, as a client may read it as a date.
	ExpiresIn time.Duration `yaml:"expires-in"`
	Policy    Policy        `yaml:"policy"`

	session *stsSession // that the key is of
}

// authenticate finds the caller's key.
func (c *cloud) authenticate(x *exchange) (*Key, *ec2Error) {
	if x.caller == "" {
		return nil, fail("AuthFailure", "AWS was not able to validate the provided access credentials")
	}
	if failure := c.timely(x); failure != nil {
		return nil, failure
	}
	if key, failure, known := c.ofSession(x); known {
		return key, failure
	}
	if len(c.w.cfg.Keys) == 0 {
		return &Key{ID: x.caller}, nil
	}
	for n := range c.w.cfg.Keys {
		k := &c.w.cfg.Keys[n]
		if k.ID != x.caller {
			continue
		}
		switch {
		case k.State == "" && k.ExpiresIn > 0 && !c.w.now.Before(c.w.born.Add(k.ExpiresIn)):
			return nil, expired(x.service)
		case k.State == "":
			return k, nil
		}
		switch k.State {
		case "expired":
			return nil, fail("ExpiredToken", "The security token included in the request is expired")
		case "unrecognized":
			return nil, fail("UnrecognizedClientException", "The security token included in the request is invalid")
		}
	}
	return nil, fail("AuthFailure", "AWS was not able to validate the provided access credentials")
}

// expired is what becomes of a session that has ended: EC2 has a code of its own for it.
// https://docs.aws.amazon.com/AWSEC2/latest/APIReference/errors-overview.html
func expired(service string) *ec2Error {
	if service == serviceEC2 {
		return fail("RequestExpired", "Request has expired.")
	}
	return fail("ExpiredToken", "The security token included in the request is expired")
}

// onResources are the actions that are allowed or denied for each resource that they touch, by the action itself.
var onResources = []string{
	"RunInstances", "TerminateInstances", "StartInstances", "StopInstances", "CreateTags", "DeleteTags",
	"ModifyInstanceAttribute", "CreateImage", "CopyImage",
	"DeregisterImage", "DeleteSnapshot", "DeleteVolume", "GetConsoleOutput",
}

// allowed refuses an action without resources that a policy does not allow.
func (call *ec2Call) allowed(operation string) *ec2Error {
	if slices.Contains(onResources, operation) {
		return nil
	}
	return call.allowedTo("ec2:"+operation, nil, "*")
}

// allowedTo refuses an action that the key's or the account's policy does not allow on every one of these resources,
// which are written as in "instance/i-1". The context holds condition keys beside those that every call has.
func (call *ec2Call) allowedTo(action string, r request, resources ...string) *ec2Error {
	for _, resource := range resources {
		if resource != "*" {
			resource = "arn:aws:ec2:" + call.region.name + ":" + call.w.cfg.Account + ":" + resource
		}
		if failure := call.permitted(action, resource, r); failure != nil {
			return failure
		}
	}
	return nil
}

// permitted holds an action on one resource against all policies. An explicit deny anywhere comes first.
func (call *ec2Call) permitted(action, resource string, r request) *ec2Error {
	context := request{"aws:RequestedRegion": {call.region.name}, "ec2:Region": {call.region.name}}
	for k, v := range r {
		context[k] = v
	}
	why := call.w.cfg.denial(call.key, action, resource, context)
	if why == "" {
		return nil
	}
	text := "You are not authorized to perform this operation."
	if !call.w.cfg.EncodedDenials {
		text += " User: " + call.user() + " is not authorized to perform: " + action + " on resource: " + resource +
			" " +
			why + "."
	}
	return fail("UnauthorizedOperation", "%s Encoded authorization failure message: c2ltdWxhdGVk", text)
}

func (call *ec2Call) user() string { return call.arnOf(call.key) }

// denial is why no call of a key may go through, in IAM's words, or empty.
// https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot_access-denied.html
func (c *Config) denial(key *Key, action, resource string, context request) string {
	identity := max(key.Policy.decide(action, resource, context), c.Policy.decide(action, resource, context))
	organization := c.SCP.decide(action, resource, context)
	// FullAWSAccess is attached beside one that only denies
	if organization == deniesImplicitly && !c.SCP.allowsSome() {
		organization = allows
	}
	switch {
	case organization == deniesExplicitly:
		return "with an explicit deny in a service control policy"
	case identity == deniesExplicitly:
		return "with an explicit deny in an identity-based policy"
	case organization == deniesImplicitly:
		return "because no service control policy allows the " + action + " action"
	case identity == deniesImplicitly:
		return "because no identity-based policy allows the " + action + " action"
	}
	return ""
}

// mayLaunch asks for the permissions of a launch: on all that it uses and makes, to tag that, and to pass the role.
// https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/ExamplePolicies_EC2.html#iam-example-runinstances
// https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonec2.html
func (call *ec2Call) mayLaunch(p *plan) *ec2Error {
	uses := []string{"image/" + p.image.ID, "subnet/" + p.subnet.ID, "network-interface/*"}
	for _, g := range p.groups {
		uses = append(uses, "security-group/"+g)
	}
	if failure := call.allowedTo("ec2:RunInstances", request{"ec2:Subnet": {p.subnet.ID},
		"ec2:SubnetID": {p.subnet.ID}},
		uses...); failure != nil {
		return failure
	}
	for _, kind := range []string{"instance", "volume"} {
		r := requestTags(p.tags[kind])
		if kind == "instance" { // the keys of the type and the market belong to this resource alone
			r["ec2:InstanceType"], r["ec2:InstanceMarketType"] = []string{p.kind.Name}, []string{p.market}
		}
		if failure := call.allowedTo("ec2:RunInstances", r, kind+"/*"); failure != nil {
			return failure
		}
	}
	for _, kind := range sortedKeys(p.tags) {
		r := requestTags(p.tags[kind])
		r["ec2:CreateAction"] = []string{"RunInstances"}
		if failure := call.allowedTo("ec2:CreateTags", r, kind+"/*"); failure != nil {
			return failure
		}
	}
	if p.profile == "" {
		return nil
	}
	role := "arn:aws:iam::" + call.w.cfg.Account + ":role/" + p.profile
	return call.permitted("iam:PassRole", role, request{"iam:PassedToService": {"ec2.amazonaws.com"}})
}

// allowedOn is allowedTo for instances, whose tags are part of the context.
func (call *ec2Call) allowedOn(action string, instances []*instance) *ec2Error {
	for _, i := range instances {
		r := call.policyTags(i)
		r["ec2:InstanceType"] = []string{i.kind.Name}
		if failure := call.allowedTo(action, r, "instance/"+i.id); failure != nil {
			return failure
		}
	}
	return nil
}

// policyTags are the tags of an instance as a policy sees them.
func (call *ec2Call) policyTags(i *instance) request {
	if len(i.turns) > 0 && call.w.now.Before(i.turns[0].Add(call.w.scaled(call.w.cfg.Timing.TagsInPolicies))) {
		return request{}
	}
	return tagContext(i.tags.shown)
}

// requestTags and tagContext are the condition keys for the tags that a call brings, and for those that a resource has.
func requestTags(tags map[string]string) request {
	r := request{}
	for k, v := range tags {
		r["aws:RequestTag/"+k] = []string{v}
		r["aws:TagKeys"] = append(r["aws:TagKeys"], k)
	}
	return r
}

func tagContext(tags map[string]string) request {
	r := request{}
	for k, v := range tags {
		r["ec2:ResourceTag/"+k] = []string{v}
		r["aws:ResourceTag/"+k] = []string{v}
	}
	return r
}
