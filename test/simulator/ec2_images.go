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
		i, failure := call.imageNamed(id)
		if failure != nil {
			return nil, failure
		}
		if call.w.now.Before(i.visible) {
			return nil, fail("InvalidAMIID.NotFound", "The image id '[%s]' does not exist", id)
		}
	}
	return describe(call, "imagesSet", call.region.images,
		func(i *image) bool {
			return !i.gone && !call.w.now.Before(i.visible) && selects(ids, i.ID) && call.ownedBy(i, owners)
		},
		call.imageAttribute, call.imageNodes)
}

func (call *ec2Call) ownedBy(i *image, owners []string) bool {
	return len(owners) == 0 || slices.ContainsFunc(owners, func(owner string) bool {
		return owner == i.Owner || owner == i.OwnerAlias || (owner == "self" && i.Owner == call.w.cfg.Account)
	})
}

func (call *ec2Call) imageAttribute(i *image) attributes {
	return fixed(i.tags.shown, map[string]string{
		"name": i.Name, "image-id": i.ID, "architecture": i.Architecture, "state": i.State, "platform": i.Platform,
		"owner-id": i.Owner, "owner-alias": i.OwnerAlias,
		"root-device-type": "ebs", "root-device-name": i.RootDevice, "virtualization-type": "hvm",
		"image-type":  "machine",
		"description": i.Description,
		"ena-support": strconv.FormatBool(!i.NoENA), "is-public": strconv.FormatBool(i.Owner != call.w.cfg.Account),
	})
}

func (call *ec2Call) imageNodes(i *image) []node {
	details := "Linux/UNIX"
	if i.Platform == "windows" {
		details = "Windows"
	}
	var disks [][]node
	for _, s := range i.snapshots {
		ebs := []node{leaf("volumeSize", strconv.Itoa(s.size)), leaf("deleteOnTermination",
			strconv.FormatBool(!s.kept)),
			leaf("volumeType", "gp3"), leaf("encrypted", strconv.FormatBool(s.encrypted))}
		if !i.copying() { // a copy names its snapshots when it is whole
			ebs = append(ebs, leaf("snapshotId", s.id))
		}
		disks = append(disks, []node{leaf("deviceName", orText(s.device, i.RootDevice)), branch("ebs", ebs...)})
	}
	return append(some(
		leaf("imageId", i.ID), leaf("imageLocation", i.Owner+"/"+i.Name), leaf("imageState", i.State),
		leaf("imageOwnerId", i.Owner), leaf("imageOwnerAlias", i.OwnerAlias),
		leaf("creationDate", i.Created), leaf("isPublic", strconv.FormatBool(i.Owner != call.w.cfg.Account)),
		leaf("architecture", i.Architecture),
		leaf("imageType", "machine"), leaf("platform", i.Platform), leaf("platformDetails", details),
		leaf("name", i.Name),
		leaf("description", i.Description),
		leaf("rootDeviceType", "ebs"), leaf("rootDeviceName", i.RootDevice), leaf("virtualizationType", "hvm"),
		leaf("hypervisor", "xen"),
		leaf("enaSupport", strconv.FormatBool(!i.NoENA)), tagSet(i.tags.shown),
		branch("stateReason", failedBecause(i)...),
	), set("blockDeviceMapping", disks...))
}

// failedBecause is EC2's reason for an image that failed.
func failedBecause(i *image) []node {
	if i.State != "failed" {
		return nil
	}
	return []node{leaf("code", "Server.InternalError"), leaf("message", "Server.InternalError: Internal error")}
}
