package doctor

import (
	"context"
	"strings"

	"github.com/marqo-ai/ec2-github-runner/ec2"
)

// lookAtVolumes warns of volumes that remain when a machine ends: they cost as much as those in use.
func (x *examination) lookAtVolumes(ctx context.Context) []Finding {
	const check = "volumes"
	key := func(w wanted) string { return w.launch.Name + " " + w.region + " " + w.asked.Placement.ImageID }
	return orNothing(each(x.wanted(ctx), key, func(w wanted) []Finding {
		l := look{check: check, about: strings.TrimSpace(w.launch.Name + " " + in(w.asked.Placement.ImageID, w.region))}
		if w.problem != nil {
			return []Finding{l.unchecked("the launch's request is not known, see launch")}
		}
		return x.keptVolumes(ctx, l, w)
	}), check, "nothing is to be launched")
}

// keptVolumes checks the launch's own mappings, which take precedence, and then the image's, which a start overrides.
func (x *examination) keptVolumes(ctx context.Context, l look, w wanted) []Finding {
	devices, template, err := w.launch.Spec.Kept(w.index, w.offering)
	switch {
	case err != nil:
		return []Finding{l.unread(ctx, err)}
	case len(devices) > 0:
		return []Finding{l.warning("omit DeleteOnTermination, or delete the volumes yourself when they are "+
			"no longer needed",
			"the mapping keeps %s when a machine ends: neither stop nor sweep deletes such a volume",
			strings.Join(devices, ", "))}
	case template:
		return []Finding{l.unchecked("the launch template may keep volumes when a machine ends: sweep lists them " +
			"and deletes none")}
	}
	id := w.asked.Placement.ImageID
	if id == "" || strings.HasPrefix(id, "resolve:") {
		return []Finding{l.unchecked("the image is not known before the launch; a sweep deletes what " +
			"its mapping keeps")}
	}
	image, err := x.image(ctx, w.region, id)
	switch {
	case err != nil:
		return []Finding{l.unchecked("the image cannot be read, see image; a sweep deletes what its mapping keeps")}
	case len(image.Kept) > 0:
		return []Finding{l.warning("create the image again with DeleteOnTermination=true in its mapping (Packer: "+
			"delete_on_termination)",
			"the image keeps %s when a machine ends; a start overrides that, but other launches from the image "+
				"leave disks behind",
			strings.Join(devicesOf(image.Kept), ", "))}
	}
	return []Finding{l.ok("they are deleted with their machine")}
}

func devicesOf(volumes []ec2.KeptVolume) (devices []string) {
	for _, v := range volumes {
		devices = append(devices, v.Device)
	}
	return devices
}
