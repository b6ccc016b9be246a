package simulator

import (
	"slices"
	"strconv"
)

func describeInstanceTypes(call *ec2Call) ([]node, *ec2Error) {
	names := call.form.list("InstanceType")
	for _, name := range names {
		if _, known := call.cloud.kind(name); !known {
			return nil, fail("InvalidInstanceType", "The following supplied instance types do not exist: [%s]", name)
		}
	}
	return describe(call, "instanceTypeSet", call.w.cfg.InstanceTypes,
		func(k InstanceType) bool { return selects(names, k.Name) && len(call.offeredIn(k)) > 0 },
		func(k InstanceType) attributes {
			return fixed(nil, map[string]string{
				"instance-type": k.Name, "processor-info.supported-architecture": k.Architecture,
				"hypervisor":               k.hypervisor(),
				"current-generation":       "true",
				"network-info.ena-support": k.ena(), "vcpu-info.default-vcpus": strconv.Itoa(k.VCPUs),
				"memory-info.size-in-mib": strconv.Itoa(k.MemoryMiB), "bare-metal": "false",
				"free-tier-eligible": strconv.FormatBool(slices.Contains(freeTypes, k.Name)),
			})
		}, typeNodes)
}

// typeNodes: https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_InstanceTypeInfo.html
func typeNodes(k InstanceType) []node {
	nodes := []node{
		leaf("instanceType", k.Name), leaf("currentGeneration", "true"), leaf("freeTierEligible",
			strconv.FormatBool(slices.Contains(freeTypes, k.Name))), leaf("hypervisor", k.hypervisor()),
		{name: "supportedUsageClasses", kids: []node{leaf("item", marketOnDemand), leaf("item", marketSpot)}},
		branch("vCpuInfo", leaf("defaultVCpus", strconv.Itoa(k.VCPUs))),
		branch("memoryInfo", leaf("sizeInMiB", strconv.Itoa(k.MemoryMiB))),
		branch("processorInfo", node{name: "supportedArchitectures", kids: []node{leaf("item", k.Architecture)}}),
		branch("networkInfo", leaf("enaSupport", k.ena())),
	}
	if k.GPU != "" {
		nodes = append(nodes, branch("gpuInfo", set("gpus", []node{leaf("name", k.GPU), leaf("manufacturer", "NVIDIA"),
			leaf("count", "1")})))
	}
	return nodes
}

func (k InstanceType) hypervisor() string {
	if k.NotNitro {
		return "xen"
	}
	return "nitro"
}

func (k InstanceType) ena() string {
	if k.NotNitro {
		return "unsupported"
	}
	return "required"
}

// offeredIn are the zones of the region that offer a type.
func (call *ec2Call) offeredIn(k InstanceType) []string {
	zones := call.zones()
	if len(k.Zones) == 0 {
		return zones
	}
	return slices.DeleteFunc(zones, func(zone string) bool { return !slices.Contains(k.Zones, zone) })
}

type offering struct{ kind, place string }

func describeOfferings(call *ec2Call) ([]node, *ec2Error) {
	by := orText(call.form["LocationType"], "region")
	var all []offering
	for _, k := range call.w.cfg.InstanceTypes {
		zones := call.offeredIn(k)
		switch {
		case by == "availability-zone":
			for _, zone := range zones {
				all = append(all, offering{k.Name, zone})
			}
		case by == "region" && len(zones) > 0:
			all = append(all, offering{k.Name, call.region.name})
		case by != "region":
			return nil, fail("InvalidParameterValue", "Value (%s) for parameter locationType is invalid.", by)
		}
	}
	return describe(call, "instanceTypeOfferingSet", all, func(offering) bool { return true },
		func(o offering) attributes {
			return fixed(nil, map[string]string{"instance-type": o.kind, "location": o.place})
		},
		func(o offering) []node {
			return []node{leaf("instanceType", o.kind), leaf("locationType", by), leaf("location", o.place)}
		})
}
