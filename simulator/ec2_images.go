package simulator

import (
	"regexp"
	"slices"
	"strconv"
)

var imageID = regexp.MustCompile(`^ami-(?:[0-9a-f]{8}|[0-9a-f]{17})$`)

// imageNamed looks an image up as EC2 does.
func (call *ec2Call) imageNamed(id string) (*image, *ec2Error) {
	if !imageID.MatchString(id) {
		return nil, fail("InvalidAMIID.Malformed", `Invalid id: "%s"`, id)
	}
	i := call.region.image(id)
	if i == nil {
		return nil, fail("InvalidAMIID.NotFound", "The image id '[%s]' does not exist", id)
	}
	return i, nil
}

func describeImages(call *ec2Call) ([]node, *ec2Error) {
	ids, owners := call.form.list("ImageId"), call.form.list("Owner")
	for _, id := range ids {
		if _, failure := call.imageNamed(id); failure != nil {
			return nil, failure
		}
	}
	var shown []*image
	for _, i := range call.region.images {
		if i.gone || !selects(ids, i.ID) || !call.ownedBy(i, owners) {
			continue
		}
		fits, failure := call.matches(call.imageAttribute(i))
		if failure != nil {
			return nil, failure
		}
		if fits {
			shown = append(shown, i)
		}
	}
	part, next, failure := page(call, shown)
	if failure != nil {
		return nil, failure
	}
	var items [][]node
	for _, i := range part {
		items = append(items, call.imageNodes(i))
	}
	return paged(set("imagesSet", items...), next), nil
}

func (call *ec2Call) ownedBy(i *image, owners []string) bool {
	return len(owners) == 0 || slices.ContainsFunc(owners, func(owner string) bool {
		return owner == i.Owner || owner == i.OwnerAlias || (owner == "self" && i.Owner == call.w.cfg.Account)
	})
}

func (call *ec2Call) imageAttribute(i *image) attributes {
	return func(filter string) ([]string, bool) {
		if v, ok := tagAttribute(i.Tags, filter); ok {
			return v, true
		}
		switch filter {
		case "name":
			return []string{i.Name}, true
		case "image-id":
			return []string{i.ID}, true
		case "architecture":
			return []string{i.Architecture}, true
		case "state":
			return []string{i.State}, true
		case "platform":
			return []string{i.Platform}, true
		case "owner-id":
			return []string{i.Owner}, true
		case "owner-alias":
			return []string{i.OwnerAlias}, true
		case "root-device-type":
			return []string{"ebs"}, true
		case "root-device-name":
			return []string{i.RootDevice}, true
		case "virtualization-type":
			return []string{"hvm"}, true
		case "image-type":
			return []string{"machine"}, true
		case "ena-support":
			return []string{strconv.FormatBool(!i.NoENA)}, true
		case "is-public":
			return []string{strconv.FormatBool(i.Owner != call.w.cfg.Account)}, true
		}
		return nil, false
	}
}

func (call *ec2Call) imageNodes(i *image) []node {
	details := "Linux/UNIX"
	if i.Platform == "windows" {
		details = "Windows"
	}
	var disks [][]node
	for _, s := range i.snapshots {
		disks = append(disks, []node{leaf("deviceName", i.RootDevice), branch("ebs", leaf("snapshotId", s.id),
			leaf("volumeSize", strconv.Itoa(s.size)), leaf("deleteOnTermination", "true"), leaf("volumeType", "gp3"), leaf("encrypted", "false"))})
	}
	return append(some(
		leaf("imageId", i.ID), leaf("imageLocation", i.Owner+"/"+i.Name), leaf("imageState", i.State), leaf("imageOwnerId", i.Owner), leaf("imageOwnerAlias", i.OwnerAlias),
		leaf("creationDate", i.Created), leaf("isPublic", strconv.FormatBool(i.Owner != call.w.cfg.Account)), leaf("architecture", i.Architecture),
		leaf("imageType", "machine"), leaf("platform", i.Platform), leaf("platformDetails", details), leaf("name", i.Name), leaf("description", i.Description),
		leaf("rootDeviceType", "ebs"), leaf("rootDeviceName", i.RootDevice), leaf("virtualizationType", "hvm"), leaf("hypervisor", "xen"),
		leaf("enaSupport", strconv.FormatBool(!i.NoENA)), tagSet(i.Tags),
	), set("blockDeviceMapping", disks...))
}
