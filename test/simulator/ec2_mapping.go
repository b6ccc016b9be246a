package simulator

import (
	"slices"
	"strconv"
)

// planVolumes merges the request's block device mapping with the image's. A device of the image needs no size and no
// snapshot, since its name is enough; any other does.
// https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/instance-block-device-mapping.html
func (call *ec2Call) planVolumes(p *plan) *ec2Error {
	for _, s := range p.image.snapshots {
		p.volumes = append(p.volumes, &volume{device: s.device, size: s.size, kind: "gp3", snapshot: s.id,
			keep: s.kept})
	}
	seen := map[string]bool{}
	for _, m := range call.form.group("BlockDeviceMapping") {
		device := m["DeviceName"]
		switch {
		case device == "":
			return fail("MissingParameter", "The request must contain the parameter deviceName")
		case seen[device]:
			return fail("InvalidBlockDeviceMapping", "Duplicate device name '%s'", device)
		}
		seen[device] = true
		if _, ok := m["NoDevice"]; ok {
			p.volumes = slices.DeleteFunc(p.volumes, func(v *volume) bool { return v.device == device })
			continue
		}
		if m["VirtualName"] != "" {
			continue // an instance store volume
		}
		if failure := call.mapVolume(p, device, m.under("Ebs")); failure != nil {
			return failure
		}
	}
	return nil
}

// mapVolume changes a volume of the image, or adds one.
func (call *ec2Call) mapVolume(p *plan, device string, ebs form) *ec2Error {
	size, err := strconv.Atoi(ebs["VolumeSize"])
	if err != nil && ebs["VolumeSize"] != "" {
		return fail("InvalidParameterValue", "Value (%s) for parameter volumeSize is invalid.", ebs["VolumeSize"])
	}
	at := slices.IndexFunc(p.volumes, func(v *volume) bool { return v.device == device })
	if at < 0 {
		if ebs["VolumeSize"] == "" && ebs["SnapshotId"] == "" {
			return fail("MissingParameter", "The request must contain the parameter size or snapshotId")
		}
		at = len(p.volumes)
		// A further volume stays by default; the root volume goes with the instance.
		// https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/preserving-volumes-on-termination.html
		p.volumes = append(p.volumes, &volume{device: device, kind: "gp3", keep: true})
	}
	v := p.volumes[at]
	if id := ebs["SnapshotId"]; id != "" {
		s := call.snapshot(id)
		if s == nil {
			return fail("InvalidSnapshot.NotFound", "The snapshot '%s' does not exist.", id)
		}
		v.snapshot, v.size = id, s.size
	}
	if size > 0 {
		if size < v.size && v.snapshot != "" {
			return fail("InvalidBlockDeviceMapping",
				"Volume of size %dGB is smaller than snapshot '%s', expect size>= %dGB",
				size, v.snapshot, v.size)
		}
		v.size = size
	}
	v.kind = orText(ebs["VolumeType"], v.kind)
	if text, ok := ebs["DeleteOnTermination"]; ok {
		v.keep = text != "true"
	}
	return nil
}
