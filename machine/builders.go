package machine

import (
	"fmt"
	"slices"
)

// Builders reads the machines of a bake: one for each architecture of which an image is made. The bake chooses the
// images that they start from.
func (in Inputs) Builders() []Machine {
	m := Machine{
		RunnerVersion: in.runnerVersion(),
		SetupScript:   in.setupScript(), Tags: in.tags(), Overlay: in.overlay(),
		Markets: []string{OnDemand}, // a spot instance cannot be stopped
	}
	for _, name := range []string{"ImageId", "InstanceInitiatedShutdownBehavior", "InstanceMarketOptions"} {
		if m.Overlay.Has(name) {
			in.Refuse(fmt.Sprintf("launch-parameters sets %s, which mode bake sets itself.", name),
				"remove it; base-image-id sets the base image")
		}
	}
	if slices.Contains(in.List("market-type"), Spot) {
		in.Warn("The 'market-type' input names spot, which a bake does not use: EC2 cannot stop a spot instance, and " +
			"images are created of stopped instances only")
	}
	var subnet, group bool
	if m.Placements, subnet, group = in.single("", "", m.Overlay); !subnet || !group {
		in.Refuse("The 'subnet-id' and 'security-group-id' inputs are required for the 'bake' mode.",
			"for example subnet-id: subnet-0123456789abcdef0, security-group-id: sg-0123456789abcdef0; the builder "+
				"needs outbound access to its package repositories")
	}
	in.common(&m)
	if m.Root.GiB == 0 && m.Devices == "" {
		m.Root.GiB = UsualGiB
	}
	return in.eachArchitecture(m)
}

// eachArchitecture returns a copy of the machine for each architecture.
func (in Inputs) eachArchitecture(m Machine) []Machine {
	const example = "for example architecture: amd64,arm64"
	list, types := in.List("architecture"), in.List("ec2-instance-type")
	if len(list) == 0 {
		in.Refuse("The 'architecture' input is required for the 'bake' mode.", example)
	}
	if len(list) > 1 && len(types) > 0 {
		in.Refuse("The 'ec2-instance-type' input is for one architecture, and several architectures are given.",
			"leave it out, or bake each architecture in a step of its own")
	}
	var machines []Machine
	for _, architecture := range list {
		m.Architecture, m.InstanceTypes, m.TypesOfArchitecture = architecture, types, len(types) == 0
		switch {
		case typesOf[architecture] == nil:
			in.Refuse(fmt.Sprintf("The 'architecture' input holds %q, which is none of amd64, arm64 and cuda.",
				architecture), example)
			continue
		case slices.ContainsFunc(machines, func(other Machine) bool { return other.Architecture == architecture }):
			in.Refuse(fmt.Sprintf("The 'architecture' input holds %q twice.", architecture), example)
			continue
		case m.TypesOfArchitecture:
			m.InstanceTypes = typesOf[architecture]
		}
		machines = append(machines, m)
	}
	return machines
}
