package simulator

import (
	"maps"
	"regexp"
	"slices"
	"strconv"
	"time"
)

// volume is one EBS volume: of an instance from the instance's launch on, and by itself once it is detached.
type volume struct {
	id, zone, device, kind, snapshot string
	size                             int
	keep                             bool      // its attachment says DeleteOnTermination=false
	on                               *instance // nil: attached to nothing
	was                              string    // the instance that it was attached to last
	created, visible                 time.Time // from visible on DescribeVolumes shows it
	deleting                         bool
	tags                             *tagged
	original                         map[string]string // the tags of an initial one at the beginning
	initial                          bool
}

// The states of a volume that occur here.
// https://docs.aws.amazon.com/ebs/latest/userguide/ebs-describing-volumes.html
const (
	volumeAvailable = "available"
	volumeInUse     = "in-use"
	volumeDeleting  = "deleting"
)

func (v *volume) status() string {
	switch {
	case v.deleting:
		return volumeDeleting
	case v.on == nil:
		return volumeAvailable
	}
	return volumeInUse
}

// attach gives an instance the volumes of its launch.
func (call *ec2Call) attach(i *instance, p *plan) []*volume {
	volumes := make([]*volume, 0, len(p.volumes))
	for _, planned := range p.volumes {
		v := *planned
		v.id, v.zone, v.on, v.was = call.w.id("vol"), i.zone, i, i.id
		v.created, v.visible, v.tags = i.launched, i.visible, newTags(p.tags["volume"])
		volumes = append(volumes, &v)
	}
	return volumes
}

// releaseVolumes deletes the volumes that end with their instance, and detaches the others, which stay.
// https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/preserving-volumes-on-termination.html
func (c *cloud) releaseVolumes(i *instance) {
	r := c.regions[i.region]
	r.volumes = slices.DeleteFunc(r.volumes, func(v *volume) bool { return v.on == i && !v.keep })
	for _, v := range r.volumes {
		if v.on == i {
			v.on = nil
		}
	}
}

var volumeID = regexp.MustCompile(`^vol-(?:[0-9a-f]{8}|[0-9a-f]{17})$`)

// volumeNamed looks a volume up as EC2 does.
func (call *ec2Call) volumeNamed(id string) (*volume, *ec2Error) {
	if !volumeID.MatchString(id) {
		return nil, fail("InvalidParameterValue", "Value (%s) for parameter volumes is invalid. Expected: 'vol-...'.",
			id)
	}
	for _, v := range call.region.volumes {
		if v.id == id && !call.w.now.Before(v.visible) {
			return v, nil
		}
	}
	return nil, fail("InvalidVolume.NotFound", "The volume '%s' does not exist.", id)
}

// describeVolumes: https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeVolumes.html
func describeVolumes(call *ec2Call) ([]node, *ec2Error) {
	ids := call.form.list("VolumeId")
	if len(ids) > 0 && call.form["MaxResults"] != "" {
		return nil, fail("InvalidParameterCombination",
			"The parameter volumeSet cannot be used with the parameter maxResults")
	}
	for _, id := range ids {
		if _, failure := call.volumeNamed(id); failure != nil {
			return nil, failure
		}
	}
	return describe(call, "volumeSet", call.region.volumes,
		func(v *volume) bool { return selects(ids, v.id) && !call.w.now.Before(v.visible) },
		(*volume).attributes, (*volume).nodes)
}

func (v *volume) attributes() attributes {
	values := map[string]string{
		"volume-id": v.id, "status": v.status(), "availability-zone": v.zone, "volume-type": v.kind,
		"snapshot-id": v.snapshot,
		"size":        strconv.Itoa(v.size), "attachment.instance-id": "", "attachment.device": "",
		"attachment.delete-on-termination": "",
	}
	if v.on != nil {
		values["attachment.instance-id"], values["attachment.device"] = v.on.id, v.device
		values["attachment.delete-on-termination"] = strconv.FormatBool(!v.keep)
	}
	return fixed(v.tags.shown, values)
}

// nodes: nothing in the answer says which instance a detached volume had.
func (v *volume) nodes() []node {
	var attachments [][]node
	if v.on != nil {
		attachments = append(attachments, []node{
			leaf("volumeId", v.id), leaf("instanceId", v.on.id), leaf("device", v.device), leaf("status", "attached"),
			leaf("attachTime", isoTime(v.on.launched)), leaf("deleteOnTermination", strconv.FormatBool(!v.keep)),
		})
	}
	return []node{
		leaf("volumeId", v.id), leaf("size", strconv.Itoa(v.size)), leaf("snapshotId", v.snapshot),
		leaf("availabilityZone",
			v.zone),
		leaf("status", v.status()), leaf("createTime", isoTime(v.created)), leaf("volumeType", v.kind),
		leaf("encrypted", "false"),
		set("attachmentSet", attachments...), tagSet(v.tags.shown),
	}
}

// deleteVolume refuses a volume that is attached, to a stopped instance too. A deleted one is listed for a while.
// https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DeleteVolume.html
func deleteVolume(call *ec2Call) ([]node, *ec2Error) {
	if call.form["VolumeId"] == "" {
		return nil, fail("MissingParameter", "The request must contain the parameter volume")
	}
	v, failure := call.volumeNamed(call.form["VolumeId"])
	if failure != nil {
		return nil, failure
	}
	if failure := call.allowedTo("ec2:DeleteVolume", tagContext(v.tags.shown), "volume/"+v.id); failure != nil {
		return nil, failure
	}
	switch {
	case v.on != nil:
		return nil, fail("VolumeInUse", "Volume %s is currently attached to %s", v.id, v.on.id)
	case v.deleting:
		return nil, fail("InvalidVolume.NotFound", "The volume '%s' does not exist.", v.id)
	}
	v.deleting = true
	r := call.region
	call.w.after(call.w.cfg.Timing.VolumeDeleting, func() {
		r.volumes = slices.DeleteFunc(r.volumes, func(other *volume) bool { return other == v })
	})
	return []node{leaf("return", "true")}, nil
}

// VolumeSeed is a volume that lives in the world from its beginning and belongs to somebody else.
type VolumeSeed struct {
	ID       string            `yaml:"id"`
	Zone     string            `yaml:"zone"`     // default the first subnet's
	Instance string            `yaml:"instance"` // that it is attached to, of Config.Instances; default none
	Tags     map[string]string `yaml:"tags"`
	Age      time.Duration     `yaml:"age"` // default 24h
}

func (c *cloud) seedVolumes() {
	for _, s := range c.w.cfg.Volumes {
		zone, age := orText(s.Zone, c.w.cfg.Subnets[0].Zone), s.Age
		if age == 0 {
			age = 24 * time.Hour
		}
		r := c.regions[regionOfZone(zone)]
		if r == nil {
			panic("simulator: volume seed " + s.ID + " needs a zone in a region of the world")
		}
		v := &volume{
			id: orText(s.ID, c.w.id("vol")), zone: zone, size: 8, kind: "gp3", device: "/dev/sdf", keep: true,
			initial: true,
			created: c.w.now.Add(-age).Truncate(time.Second), tags: newTags(s.Tags), original: clone(s.Tags),
		}
		if s.Instance != "" {
			if v.on = r.byID[s.Instance]; v.on == nil {
				panic("simulator: volume seed " + v.id + " needs an instance of the world, not " + s.Instance)
			}
			v.was = v.on.id
		}
		r.volumes = append(r.volumes, v)
		c.seeded = append(c.seeded, v)
	}
}

// changedVolumes says in words what happened to the volumes of the beginning.
func (c *cloud) changedVolumes() []string {
	var changes []string
	for _, v := range c.seeded {
		switch {
		case v.deleting:
			changes = append(changes, "volume "+v.id+" is deleted")
		case !maps.Equal(v.tags.set, v.original):
			changes = append(changes, "volume "+v.id+" has other tags")
		}
	}
	return changes
}

// DetachVolume detaches a volume, as its owner does by hand.
func (w *World) DetachVolume(id string) {
	w.enter()
	defer w.mu.Unlock()
	for _, r := range w.cloud.regions {
		for _, v := range r.volumes {
			if v.id == id && v.on != nil {
				v.on.volumes = slices.DeleteFunc(v.on.volumes, func(other *volume) bool { return other == v })
				v.on = nil
			}
		}
	}
}

// Volumes are those that exist, beyond the initial population.
func (w *World) Volumes() []Volume {
	return w.volumesThat(func(v *volume) bool { return !v.initial })
}

// LeftVolumes are the volumes that outlived their instances, or will when these are terminated, beyond the initial
// population.
func (w *World) LeftVolumes() []Volume {
	return w.volumesThat(func(v *volume) bool {
		stays := v.on != nil && v.on.state == "shutting-down" && v.keep
		return !v.initial && (v.status() == volumeAvailable || stays)
	})
}

func (w *World) volumesThat(fits func(*volume) bool) []Volume {
	w.enter()
	defer w.mu.Unlock()
	var list []Volume
	for _, name := range w.cfg.Regions {
		for _, v := range w.cloud.regions[name].volumes {
			if fits(v) {
				list = append(list, v.value(name))
			}
		}
	}
	return list
}

func (v *volume) value(region string) Volume {
	return Volume{
		ID: v.id, Region: region, Device: v.device, Instance: v.was, State: v.status(), Kept: v.keep,
		Tags:    clone(v.tags.set),
		Initial: v.initial,
	}
}
