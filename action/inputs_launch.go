package action

import (
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/marqo-ai/ec2-github-runner/runner"
)

// zone is one element of availability-zones-config.
type zone struct {
	ImageID         loose `json:"imageId"`
	SubnetID        loose `json:"subnetId"`
	SecurityGroupID loose `json:"securityGroupId"`
	Region          loose `json:"region"`
}

// placements reads where to launch: availability-zones-config wins over the three single inputs; an empty array falls
// back to them. Several subnets make several placements; several groups go on one instance.
func (r *reader) placements(home string, group runner.Group) []runner.Placement {
	region := first(r.region("region", r.text("region")), home)
	zones, ok := r.zones()
	if !ok {
		return nil
	}
	var list []runner.Placement
	for i, z := range zones {
		placement := runner.NewPlacement(first(string(z.Region), region), string(z.ImageID), string(z.SubnetID),
			string(z.SecurityGroupID))
		placement.Element = i + 1
		list = append(list, placement)
	}
	if len(list) > 0 {
		return list
	}
	image, subnets, groups := r.text("ec2-image-id"), r.list("subnet-id"), r.list("security-group-id")
	if !r.complete(image != "" || group.Architecture != "", len(subnets) > 0, len(groups) > 0, group.Overlay) {
		return nil
	}
	if len(subnets) == 0 {
		subnets = []string{""}
	}
	for _, subnet := range subnets {
		list = append(list, runner.NewPlacement(region, image, subnet, groups...))
	}
	return list
}

// complete refuses placements that lack something. What launch-parameters bring need not be given again.
func (r *reader) complete(image, subnet, group bool, given runner.Parameters) bool {
	has := func(names ...string) bool { return slices.ContainsFunc(names, given.Has) }
	image = image || has("LaunchTemplate", "ImageId")
	subnet = subnet || has("LaunchTemplate", "NetworkInterfaces", "SubnetId")
	group = group || has("LaunchTemplate", "NetworkInterfaces", "SecurityGroupIds", "SecurityGroups")
	if image && subnet && group {
		return true
	}
	r.refuse("Either provide 'availability-zones-config' or all of the following: 'ec2-image-id', 'subnet-id', "+
		"'security-group-id'",
		"for example ec2-image-id: ami-0123456789abcdef0, subnet-id: subnet-0123456789abcdef0, security-group-id: "+
			"sg-0123456789abcdef0")
	return false
}

func first(values ...string) string {
	for _, value := range values {
		if value != "" {
			return value
		}
	}
	return ""
}

const zonesExample = `for example [{"imageId":"ami-1","subnetId":"subnet-1","securityGroupId":"sg-1","region":"us-east-1"}]`

func (r *reader) zones() (zones []zone, ok bool) {
	text := r.text("availability-zones-config")
	_, own := r.own["availability-zones-config"]
	_, ownImage := r.own["ec2-image-id"]
	_, ownSubnet := r.own["subnet-id"]
	if text == "" || (!own && (ownImage || ownSubnet)) { // what an element says itself wins over the step's zones
		return nil, true
	}
	refuse := func(message string) {
		ok = false
		r.refuse("Failed to parse availability-zones-config: "+message, zonesExample)
	}
	ok = true
	var raw json.RawMessage
	if err := json.Unmarshal([]byte(text), &raw); err != nil {
		refuse(hintIfJSON(text, err).Error())
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
	someGood := slices.ContainsFunc(zones, func(z zone) bool { return z.missing() == nil && z.hasRegionForm() })
	for i, z := range zones {
		for _, name := range z.missing() {
			refuse(fmt.Sprintf("Missing %s in availability-zones-config at index %d", name, i))
		}
		about := fmt.Sprintf("region %q at index %d is not of a region's form", z.Region, i)
		switch {
		case z.hasRegionForm():
			kept = append(kept, z)
		case someGood: // machulav's action found nothing there, and went on with the next element
			r.warn("In the 'availability-zones-config' input %s, so this element is skipped; write a region such as us-east-1",
				about)
		default:
			refuse(about)
		}
	}
	return kept, ok
}

// missing names the fields that an element must have and lacks.
func (z zone) missing() (names []string) {
	for _, field := range []struct {
		name  string
		value loose
	}{{"imageId", z.ImageID}, {"subnetId", z.SubnetID}, {"securityGroupId", z.SecurityGroupID}} {
		if field.value == "" {
			names = append(names, field.name)
		}
	}
	return names
}

func (z zone) hasRegionForm() bool { return z.Region == "" || regionForm.MatchString(string(z.Region)) }

// tags reads the user's tags.
func (r *reader) tags() []runner.Tag {
	const example = `for example [{"Key": "Name", "Value": "ec2-github-runner"}]`
	var tags []runner.Tag
	for i, tag := range jsonList[struct{ Key, Value loose }](r, "aws-resource-tags", example) {
		if tag.Key == "" {
			r.refuse(fmt.Sprintf("Failed to parse aws-resource-tags: Missing Key at index %d", i), example)
		}
		tags = append(tags, runner.Tag{Key: string(tag.Key), Value: string(tag.Value)})
	}
	return tags
}

// markets reads the market: spot for exactly "spot". A list is a form of ours, and read strictly.
func (r *reader) markets() []string {
	value, list := r.text("market-type"), r.list("market-type")
	if len(list) < 2 {
		switch value {
		case runner.Spot:
			return []string{runner.Spot}
		case "", runner.OnDemand:
		default:
			r.warn("The 'market-type' input is %q, which is read as on-demand; write spot or on-demand", value)
		}
		return []string{runner.OnDemand}
	}
	for _, market := range list {
		if market != runner.Spot && market != runner.OnDemand {
			r.refuse(fmt.Sprintf("The 'market-type' input holds %q.", market), "for example market-type: spot,on-demand")
		}
	}
	return list
}

var priceForm = regexp.MustCompile(`^[0-9]*\.?[0-9]+$`)

func (r *reader) spotMaxPrice() string {
	value := r.text("spot-max-price")
	if value != "" && !priceForm.MatchString(value) {
		r.refuse(fmt.Sprintf("The 'spot-max-price' input is %q, which is not a price in USD an hour.", value),
			"for example spot-max-price: 0.08")
	}
	return value
}

// rootVolume reads the ec2-volume inputs.
func (r *reader) rootVolume() runner.RootVolume {
	volume := runner.RootVolume{Device: r.text("ec2-device-name"), Type: r.text("ec2-volume-type")}
	if value := r.text("ec2-volume-size"); value != "" {
		n, ok, exact := leadingNumber(value)
		if !ok || !exact || n < 1 || n > 65536 {
			r.refuse(fmt.Sprintf("The 'ec2-volume-size' input is %q, which is not a size in GiB from 1 to 65536.", value),
				"for example ec2-volume-size: 50")
			return volume
		}
		volume.GiB = int32(n)
	}
	return volume
}

// webURL is the address of the scope for the machine.
func webURL(server, scope string) string {
	return strings.TrimSuffix(first(server, "https://github.com"), "/") + "/" + scope
}
