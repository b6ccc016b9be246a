package simulator

import (
	"slices"
	"strconv"
)

func describeVolumes(call *ec2Call) ([]node, *ec2Error) {
	ids := call.form.list("VolumeId")
	all := call.region.disks
	for _, id := range ids {
		if !slices.ContainsFunc(all, func(d disk) bool { return d.id == id }) {
			return nil, fail("InvalidVolume.NotFound", "The volume '%s' does not exist.", id)
		}
	}
	return describe(call, "volumeSet", all,
		func(d disk) bool { return selects(ids, d.id) },
		func(d disk) attributes {
			values := map[string]string{"volume-id": d.id, "status": d.status(d.on), "availability-zone": d.on.zone, "volume-type": d.kind, "attachment.instance-id": ""}
			if d.status(d.on) == "in-use" {
				values["attachment.instance-id"] = d.on.id
			}
			return fixed(d.tags.shown, values)
		},
		func(d disk) []node {
			nodes := []node{leaf("volumeId", d.id), leaf("size", strconv.Itoa(d.size)), leaf("snapshotId", d.snapshot), leaf("availabilityZone", d.on.zone), leaf("status", d.status(d.on)),
				leaf("createTime", isoTime(d.on.launched)), leaf("volumeType", d.kind), tagSet(d.tags.shown)}
			if d.status(d.on) == "in-use" {
				nodes = append(nodes, set("attachmentSet", []node{leaf("volumeId", d.id), leaf("instanceId", d.on.id), leaf("device", d.device), leaf("status", "attached"),
					leaf("deleteOnTermination", strconv.FormatBool(!d.keep))}))
			}
			return nodes
		})
}

func (v *volume) status(on *instance) string {
	if on.state == "terminated" {
		return "available"
	}
	return "in-use"
}
