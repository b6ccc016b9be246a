package machine

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"slices"
)

// zone is an element of availability-zones-config.
type zone struct {
	ImageID         loose `json:"imageId"`
	SubnetID        loose `json:"subnetId"`
	SecurityGroupID loose `json:"securityGroupId"`
	Region          loose `json:"region"`
}

// regionForm is the form of a region's name. Names are not compared with a list: AWS adds regions, and other providers
// implement EC2's API.
var regionForm = regexp.MustCompile(`^[a-z]{2,}(-[a-z]+)+-[0-9]+$`)

// IsRegion reports whether a text has the form of a region's name.
func IsRegion(name string) bool { return regionForm.MatchString(name) }

// placements reads where to launch: availability-zones-config takes precedence over the three single inputs, unless it
// is empty.
func (in Inputs) placements(home string, m Machine) []Placement {
	region := in.Text("region")
	if region != "" && !IsRegion(region) {
		in.Refuse(fmt.Sprintf("The 'region' input is %q, which is not a valid region name.", region),
			"for example eu-west-1")
	}
	region = cmp.Or(region, home)
	zones, ok := in.zones(m.Architecture != "")
	if !ok {
		return nil
	}
	var list []Placement
	for i, z := range zones {
		list = append(list, NewPlacement(cmp.Or(string(z.Region), region), string(z.ImageID), string(z.SubnetID),
			string(z.SecurityGroupID)))
		list[i].Element = i + 1
	}
	if len(list) > 0 {
		return list
	}
	image := in.Text("ec2-image-id")
	list, subnet, group := in.single(region, image, m.Overlay)
	if image == "" && m.Architecture == "" && !m.Overlay.Has("LaunchTemplate", "ImageId") || !subnet || !group {
		in.Refuse("Either provide 'availability-zones-config' or all of the following: 'ec2-image-id', 'subnet-id', "+
			"'security-group-id'",
			"for example ec2-image-id: ami-0123456789abcdef0, subnet-id: subnet-0123456789abcdef0, security-group-id: "+
				"sg-0123456789abcdef0")
		return nil
	}
	return list
}

// single reads the single inputs: each subnet is a placement, and all security groups apply to each instance. subnet
// and group report whether these are set, by the inputs, launch-parameters or its launch template.
func (in Inputs) single(region, image string, overlay JSON) (list []Placement, subnet, group bool) {
	subnets, groups := in.List("subnet-id"), in.List("security-group-id")
	subnet = len(subnets) > 0 || overlay.Has("LaunchTemplate", "NetworkInterfaces", "SubnetId")
	group = len(groups) > 0 || overlay.Has("LaunchTemplate", "NetworkInterfaces", "SecurityGroupIds", "SecurityGroups")
	if len(subnets) == 0 {
		subnets = []string{""}
	}
	for _, id := range subnets {
		list = append(list, NewPlacement(region, image, id, groups...))
	}
	return list, subnet, group
}

const zonesExample = `for example [{"imageId":"ami-1","subnetId":"subnet-1","securityGroupId":"sg-1",` +
	`"region":"us-east-1"}]`

// zones reads availability-zones-config. If imageChosen, an element may leave out its image: the architecture
// determines it.
func (in Inputs) zones(imageChosen bool) (zones []zone, ok bool) {
	const name = "availability-zones-config"
	text := in.Text(name)
	// An element's own image or subnet takes precedence over the step's zones.
	if text == "" || (!in.Own(name) && (in.Own("ec2-image-id") || in.Own("subnet-id"))) {
		return nil, true
	}
	refuse := func(message string) {
		ok = false
		in.Refuse("Failed to parse availability-zones-config: "+message, zonesExample)
	}
	ok = true
	var raw json.RawMessage
	if err := json.Unmarshal([]byte(text), &raw); err != nil {
		refuse(err.Error() + JSONPlace(text, err))
		return nil, false
	}
	zones, ignored, err := readList[zone](text)
	switch {
	case errors.Is(err, errNotAList), ignored != "":
		refuse("availability-zones-config must be a JSON array")
	case err != nil:
		refuse(err.Error())
	}
	kept := zones[:0:0]
	someGood := slices.ContainsFunc(zones,
		func(z zone) bool { return z.missing(imageChosen) == nil && z.hasRegionForm() })
	for i, z := range zones {
		for _, name := range z.missing(imageChosen) {
			refuse(fmt.Sprintf("Missing %s in availability-zones-config at index %d", name, i))
		}
		about := fmt.Sprintf("region %q at index %d is not a valid region name", z.Region, i)
		switch {
		case z.hasRegionForm():
			kept = append(kept, z)
		case someGood: // machulav's action fails there and tries the next element
			in.Warn("In the 'availability-zones-config' input %s, so this element is skipped; write a region "+
				"such as us-east-1", about)
		default:
			refuse(about)
		}
	}
	return kept, ok
}

// missing returns the names of the required fields that an element lacks.
func (z zone) missing(imageChosen bool) (names []string) {
	for _, field := range []struct {
		name  string
		value loose
	}{{"imageId", z.ImageID}, {"subnetId", z.SubnetID}, {"securityGroupId", z.SecurityGroupID}} {
		if field.value == "" && (field.name != "imageId" || !imageChosen) {
			names = append(names, field.name)
		}
	}
	return names
}

func (z zone) hasRegionForm() bool { return z.Region == "" || IsRegion(string(z.Region)) }
