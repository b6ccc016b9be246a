package simulator

func describeRegions(call *ec2Call) ([]node, *ec2Error) {
	var items [][]node
	names := call.form.list("RegionName")
	for _, name := range names {
		if call.regions[name] == nil {
			return nil, fail("InvalidParameterValue", "Invalid region: %s", name)
		}
	}
	for _, name := range call.w.cfg.Regions {
		fits, failure := call.matches(func(filter string) ([]string, bool) {
			switch filter {
			case "region-name":
				return []string{name}, true
			case "opt-in-status":
				return []string{"opt-in-not-required"}, true
			}
			return nil, false
		})
		if failure != nil {
			return nil, failure
		}
		if fits && selects(names, name) {
			items = append(items, []node{leaf("regionName", name), leaf("regionEndpoint", "ec2."+name+".amazonaws.com"), leaf("optInStatus", "opt-in-not-required")})
		}
	}
	return []node{set("regionInfo", items...)}, nil
}
