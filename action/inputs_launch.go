package action

import (
	"encoding/json"
	"errors"
	"fmt"
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
// back to them.
func (r *reader) placements(region string) []runner.Placement {
	zones, ok := r.zones()
	if !ok {
		return nil
	}
	var list []runner.Placement
	for _, z := range zones {
		list = append(list, runner.NewPlacement(first(string(z.Region), region), string(z.ImageID), string(z.SubnetID), string(z.SecurityGroupID)))
	}
	if len(list) > 0 {
		return list
	}
	image, subnet, group := r.text("ec2-image-id"), r.text("subnet-id"), r.text("security-group-id")
	if image == "" || subnet == "" || group == "" {
		r.refuse("Either provide 'availability-zones-config' or all of the following: 'ec2-image-id', 'subnet-id', 'security-group-id'",
			"for example ec2-image-id: ami-0123456789abcdef0, subnet-id: subnet-0123456789abcdef0, security-group-id: sg-0123456789abcdef0")
		return nil
	}
	return []runner.Placement{runner.NewPlacement(region, image, subnet, group)}
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
	if text == "" {
		return nil, true
	}
	refuse := func(message string) {
		ok = false
		r.refuse("Failed to parse availability-zones-config: "+message, zonesExample)
	}
	ok = true
	var raw json.RawMessage
	if err := json.Unmarshal([]byte(text), &raw); err != nil {
		refuse(tellIfJSON(text, err).Error())
		return nil, false
	}
	zones, err := readList[zone](text)
	switch {
	case errors.Is(err, errNotAList):
		refuse("availability-zones-config must be a JSON array")
	case err != nil:
		refuse(err.Error())
	}
	for i, z := range zones {
		for _, field := range []struct {
			name  string
			value loose
		}{{"imageId", z.ImageID}, {"subnetId", z.SubnetID}, {"securityGroupId", z.SecurityGroupID}} {
			if field.value == "" {
				refuse(fmt.Sprintf("Missing %s in availability-zones-config at index %d", field.name, i))
			}
		}
		if z.Region != "" && !regionForm.MatchString(string(z.Region)) {
			refuse(fmt.Sprintf("region %q at index %d is not of a region's form", z.Region, i))
		}
	}
	return zones, ok
}

// tags reads the user's tags.
func (r *reader) tags() []runner.Tag {
	const example = `for example [{"Key": "Name", "Value": "ec2-github-runner"}]`
	list, err := readList[struct{ Key, Value loose }](r.text("aws-resource-tags"))
	if err != nil {
		r.refuse("Failed to parse aws-resource-tags: "+err.Error(), example)
	}
	var tags []runner.Tag
	for i, tag := range list {
		if tag.Key == "" {
			r.refuse(fmt.Sprintf("Failed to parse aws-resource-tags: Missing Key at index %d", i), example)
		}
		tags = append(tags, runner.Tag{Key: string(tag.Key), Value: string(tag.Value)})
	}
	return tags
}

// markets reads the market: spot for exactly "spot".
func (r *reader) markets() []string {
	switch value := r.text("market-type"); value {
	case runner.Spot:
		return []string{runner.Spot}
	case "", runner.OnDemand:
	default:
		r.warn("The 'market-type' input is %q, which is read as on-demand; write spot or on-demand", value)
	}
	return []string{runner.OnDemand}
}

// rootVolume reads the ec2-volume inputs.
func (r *reader) rootVolume() runner.RootVolume {
	volume := runner.RootVolume{Device: r.text("ec2-device-name"), Type: r.text("ec2-volume-type")}
	if value := r.text("ec2-volume-size"); value != "" {
		n, ok, exact := leadingNumber(value)
		if !ok || !exact || n < 1 || n > 65536 {
			r.refuse(fmt.Sprintf("The 'ec2-volume-size' input is %q, which is not a size in GiB from 1 to 65536.", value), "for example ec2-volume-size: 50")
			return volume
		}
		volume.GiB = int32(n) //nolint:gosec // checked above
	}
	return volume
}

// webURL is the address of the scope for the machine.
func webURL(server, scope string) string {
	return strings.TrimSuffix(first(server, "https://github.com"), "/") + "/" + scope
}
