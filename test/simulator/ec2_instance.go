package simulator

import (
	"slices"
	"time"
)

// boot begins a run of the machine: at its launch, and after StartInstances.
func (c *cloud) boot(i *instance) {
	i.boots++
	i.turns = append(i.turns, c.w.now)
	i.state, i.transition = "pending", ""
	boot := i.boots
	c.w.after(c.w.cfg.Timing.Running, func() {
		if i.boots == boot && i.state == "pending" {
			i.state, i.reasonCode, i.reasonText = "running", "", ""
		}
	})
	c.w.startGuest(i)
}

// end takes the machine down towards "stopped" or "terminated". by tells who did it, as StateReason does.
func (c *cloud) end(i *instance, to, code, text string) {
	if i.state == "terminated" || i.state == "shutting-down" ||
		(to == "stopped" && (i.state == "stopping" || i.state == "stopped")) {
		return
	}
	wasStopped := i.state == "stopped"
	i.boots++
	i.turns = append(i.turns, c.w.now)
	boot := i.boots
	i.reasonCode, i.reasonText = code, text
	i.transition = "User initiated (" + c.w.now.UTC().Format("2006-01-02 15:04:05 GMT") + ")"
	if !isUsers(code) {
		i.transition = code
	}
	if !wasStopped {
		c.w.stopGuest(i)
	}
	if to == "stopped" {
		i.state = "stopping"
		c.w.after(c.w.cfg.Timing.Stopped, func() {
			if i.boots == boot {
				i.state = "stopped"
			}
		})
		return
	}
	i.state = "shutting-down"
	delay := c.w.cfg.Timing.Terminated
	if wasStopped {
		delay = time.Second
	}
	c.w.after(delay, func() {
		i.state, i.terminated = "terminated", c.w.now
		i.publicIP, i.privateIP = "", ""
		c.regions[i.region].free[i.subnet]++
		c.releaseVolumes(i)
		c.w.hideTags(i.tags)
		c.w.at(c.w.now.Add(c.w.cfg.Timing.Listed), func() { c.forget(i) })
	})
}

func isUsers(code string) bool {
	return code == "Client.UserInitiatedShutdown" || code == "Client.InstanceInitiatedShutdown"
}

// add puts an instance and its volumes into the region.
func (r *region) add(i *instance) {
	r.instances = append(r.instances, i)
	r.byID[i.id] = i
	r.volumes = append(r.volumes, i.volumes...)
}

// forget removes an instance that is no longer listed, and what its client token stood for.
func (c *cloud) forget(i *instance) {
	r := c.regions[i.region]
	delete(r.byID, i.id)
	delete(r.launches, i.zone+" "+i.token)
	r.instances = slices.DeleteFunc(r.instances, func(other *instance) bool { return other == i })
}

func terminateInstances(call *ec2Call) ([]node, *ec2Error) {
	instances, failure := call.named(true)
	if failure != nil {
		return nil, failure
	}
	if len(instances) == 0 {
		return nil, fail("MissingParameter", "The request must contain the parameter InstanceId")
	}
	if failure := call.allowedOn("ec2:TerminateInstances", instances); failure != nil {
		return nil, failure
	}
	for _, i := range instances {
		if i.params["DisableApiTermination"] == "true" {
			return nil, fail("OperationNotPermitted",
				"The instance '%s' may not be terminated. Modify its 'disableApiTermination' instance attribute and "+
					"try again.",
				i.id)
		}
	}
	return []node{call.changing(instances, func(i *instance) {
		call.end(i, "terminated", "Client.UserInitiatedShutdown",
			"Client.UserInitiatedShutdown: User initiated shutdown")
	})}, nil
}

// changing carries out a change of state and reports it with the state before.
func (call *ec2Call) changing(instances []*instance, change func(*instance)) node {
	items := make([][]node, 0, len(instances))
	for _, i := range instances {
		before := i.state
		change(i)
		items = append(items, []node{leaf("instanceId", i.id), stateNode("currentState", i.state),
			stateNode("previousState",
				before)})
	}
	return set("instancesSet", items...)
}
