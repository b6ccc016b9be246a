package simulator

import "time"

// startInstances: https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_StartInstances.html
func startInstances(call *ec2Call) ([]node, *ec2Error) {
	instances, failure := call.named(false)
	if failure != nil {
		return nil, failure
	}
	if failure := call.allowedOn("ec2:StartInstances", instances); failure != nil {
		return nil, failure
	}
	for _, i := range instances {
		switch i.state {
		case "stopped":
			p := &plan{least: 1, most: 1, market: i.market, kind: i.kind}
			p.subnet, _ = call.subnet(i.subnet)
			if _, failure := call.capacity(p); failure != nil {
				return nil, failure
			}
		case "pending", "running":
		default:
			return nil, fail("IncorrectInstanceState",
				"The instance '%s' is not in a state from which it can be started.", i.id)
		}
	}
	return []node{call.changing(instances, func(i *instance) {
		if i.state == "stopped" {
			call.restart(i)
		}
	})}, nil
}

// restart boots a stopped machine; EC2 calls that a launch.
func (c *cloud) restart(i *instance) {
	i.launched = c.w.now.Truncate(time.Second)
	i.reasonCode, i.reasonText = "", ""
	c.boot(i)
}

// stopInstances: https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_StopInstances.html
func stopInstances(call *ec2Call) ([]node, *ec2Error) {
	instances, failure := call.named(false)
	if failure != nil {
		return nil, failure
	}
	if failure := call.allowedOn("ec2:StopInstances", instances); failure != nil {
		return nil, failure
	}
	for _, i := range instances {
		switch {
		case i.market == marketSpot:
			return nil, fail("UnsupportedOperation",
				"You can't stop the Spot Instance '%s' because it is associated with a one-time Spot Instance "+
					"request. You can only stop Spot Instances associated with persistent Spot Instance requests.",
				i.id)
		case i.state == "terminated" || i.state == "shutting-down" || i.state == "pending":
			return nil, fail("IncorrectInstanceState",
				"This instance '%s' is not in a state from which it can be stopped.",
				i.id)
		}
	}
	return []node{call.changing(instances, func(i *instance) {
		call.end(i, "stopped", "Client.UserInitiatedShutdown", "Client.UserInitiatedShutdown: User initiated shutdown")
	})}, nil
}

// modifyInstanceAttribute changes one attribute a call:
// https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_ModifyInstanceAttribute.html
func modifyInstanceAttribute(call *ec2Call) ([]node, *ec2Error) {
	instances, failure := call.named(false)
	if failure != nil {
		return nil, failure
	}
	if len(instances) != 1 {
		return nil, fail("MissingParameter", "The request must contain the parameter InstanceId")
	}
	i := instances[0]
	if failure := call.allowedOn("ec2:ModifyInstanceAttribute", instances); failure != nil {
		return nil, failure
	}
	changes := map[string]string{}
	for _, name := range []string{"UserData", "InstanceInitiatedShutdownBehavior", "InstanceType",
		"DisableApiTermination"} {
		if v, ok := call.form[name+".Value"]; ok {
			changes[name] = v
		}
	}
	if len(changes) != 1 {
		return nil, fail("InvalidParameterCombination",
			"Fields for exactly one attribute type must be specified, got %d",
			len(changes))
	}
	for name, value := range changes {
		if failure := call.modify(i, name, value); failure != nil {
			return nil, failure
		}
	}
	return []node{leaf("return", "true")}, nil
}

func (call *ec2Call) modify(i *instance, name, value string) *ec2Error {
	if (name == "UserData" || name == "InstanceType") && i.state != "stopped" {
		return fail("IncorrectInstanceState", "The instance '%s' is not in the 'stopped' state.", i.id)
	}
	switch name {
	case "UserData":
		data, failure := decodeUserData(value)
		if failure != nil {
			return failure
		}
		i.userData = data
	case "InstanceInitiatedShutdownBehavior":
		if value != "stop" && value != "terminate" {
			return fail("InvalidParameterValue",
				"Value (%s) for parameter instanceInitiatedShutdownBehavior is invalid.", value)
		}
		i.shutdown = value
	case "InstanceType":
		kind, known := call.cloud.kind(value)
		if !known || kind.Architecture != i.kind.Architecture {
			return fail("InvalidInstanceAttributeValue", "Invalid value '%s' for InstanceType.", value)
		}
		i.kind = kind
	case "DisableApiTermination":
		i.params["DisableApiTermination"] = value
	}
	return nil
}

// describeInstanceStatus shows running instances only, unless all are asked for.
func describeInstanceStatus(call *ec2Call) ([]node, *ec2Error) {
	all := call.region.instances
	if len(call.form.list("InstanceId")) > 0 {
		var failure *ec2Error
		if all, failure = call.named(false); failure != nil {
			return nil, failure
		}
	}
	return describe(call, "instanceStatusSet", all,
		func(i *instance) bool {
			return call.listed(i) && (i.state == "running" || call.form["IncludeAllInstances"] == "true")
		},
		func(i *instance) attributes { return i.attribute },
		func(i *instance) []node {
			health := "not-applicable"
			if i.state == "running" {
				health = "initializing"
				if call.w.now.Sub(i.launched) > call.w.scaled(statusChecks) {
					health = "ok"
				}
			}
			return []node{leaf("instanceId", i.id), leaf("availabilityZone", i.zone), stateNode("instanceState",
				i.state),
				branch("instanceStatus", leaf("status", health)), branch("systemStatus", leaf("status", health))}
		})
}

// statusChecks is how long an instance's status checks take to pass.
const statusChecks = 2 * time.Minute
