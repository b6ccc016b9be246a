package simulator

func describeRegions(call *ec2Call) ([]node, *ec2Error) {
	names := call.form.list("RegionName")
	for _, name := range names {
		if call.regions[name] == nil {
			return nil, fail("InvalidParameterValue", "Invalid region: %s", name)
		}
	}
	return describe(call, "regionInfo", call.w.cfg.Regions,
		func(name string) bool { return selects(names, name) && call.enabled(name) == nil },
		func(name string) attributes {
			return fixed(nil, map[string]string{"region-name": name, "opt-in-status": "opt-in-not-required",
				"endpoint": endpointOf(name)})
		},
		func(name string) []node {
			return []node{leaf("regionName", name), leaf("regionEndpoint", endpointOf(name)),
				leaf("optInStatus", "opt-in-not-required")}
		})
}

func endpointOf(region string) string { return "ec2." + region + ".amazonaws.com" }

func describeZones(call *ec2Call) ([]node, *ec2Error) {
	names := call.form.list("ZoneName")
	return describe(call, "availabilityZoneInfo", call.zones(),
		func(zone string) bool { return selects(names, zone) },
		func(zone string) attributes {
			return fixed(nil, map[string]string{"zone-name": zone, "region-name": call.region.name,
				"state":     "available",
				"zone-type": "availability-zone"})
		},
		func(zone string) []node {
			return []node{leaf("zoneName", zone), leaf("zoneId", zoneID(zone)), leaf("zoneState", "available"),
				leaf("regionName", call.region.name),
				leaf("zoneType", "availability-zone"), leaf("optInStatus", "opt-in-not-required")}
		})
}

// zones are the zones of the region that have a subnet.
func (call *ec2Call) zones() []string {
	seen := map[string]bool{}
	for _, s := range call.w.cfg.Subnets {
		if regionOfZone(s.Zone) == call.region.name {
			seen[s.Zone] = true
		}
	}
	return sortedKeys(seen)
}
