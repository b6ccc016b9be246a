package simulator

import (
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

var imageName = regexp.MustCompile(`^[A-Za-z0-9()\[\] ./\-'@_]{3,128}$`)

// createImage: https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_CreateImage.html
func createImage(call *ec2Call) ([]node, *ec2Error) {
	instances, failure := call.named(false)
	if failure != nil {
		return nil, failure
	}
	if len(instances) != 1 {
		return nil, fail("MissingParameter", "The request must contain the parameter InstanceId")
	}
	i, name := instances[0], call.form["Name"]
	if failure := call.mayImage(instances); failure != nil {
		return nil, failure
	}
	if failure := call.nameFree(name); failure != nil {
		return nil, failure
	}
	if i.state != "running" && i.state != "stopped" && i.state != "stopping" {
		return nil, fail("IncorrectInstanceState", "Instance '%s' is not in the 'running' or 'stopped' state.", i.id)
	}
	tags := map[string]map[string]string{}
	for _, spec := range call.form.group("TagSpecification") {
		if tags[spec["ResourceType"]], failure = call.tagsOf(spec.group("Tag")); failure != nil {
			return nil, failure
		}
	}
	return []node{leaf("imageId", call.make(i, name, tags).ID)}, nil
}

// mayImage asks for the permissions of CreateImage: on the instance, on the image and the snapshots that it makes, and
// to tag these. https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonec2.html
func (call *ec2Call) mayImage(instances []*instance) *ec2Error {
	if failure := call.allowedOn("ec2:CreateImage", instances); failure != nil {
		return failure
	}
	tags := map[string]map[string]string{"image": nil, "snapshot": nil}
	for _, spec := range call.form.group("TagSpecification") {
		var failure *ec2Error
		if tags[spec["ResourceType"]], failure = call.tagsOf(spec.group("Tag")); failure != nil {
			return failure
		}
	}
	return call.mayMake("CreateImage", tags)
}

// make begins an image of an instance, with a snapshot for each of its disks. It is pending for a while.
func (call *ec2Call) make(i *instance, name string, tags map[string]map[string]string) *image {
	w := call.w
	runner := i.image.Runner
	if i.guest != nil && i.guest.built {
		runner = w.cfg.RunnerVersion
	}
	img := &image{made: w.now, visible: w.now.Add(w.scaled(w.cfg.Timing.ImageVisible)), Image: Image{
		ID: w.id("ami"), Region: call.region.name, Name: name, Description: call.form["Description"],
		Owner:        w.cfg.Account,
		Architecture: i.image.Architecture,
		Platform:     i.image.Platform, RootDevice: i.image.RootDevice, VolumeSize: i.volumes[0].size,
		NoENA:  i.image.NoENA,
		NewArm: i.image.newArm(), Runner: runner,
		State: "pending", Created: isoTime(w.now),
	}, tags: newTags(tags["image"])}
	for _, v := range i.volumes {
		// The mapping of the image says of each volume what the instance's says.
		// https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/block-device-mapping-concepts.html
		s := &snapshot{id: w.id("snap"), region: call.region.name, size: v.size, kept: v.keep, made: w.now, image: img,
			tags: newTags(tags["snapshot"]), device: v.device, volume: v.id,
			description: "Created by CreateImage(" + i.id + ") for " + img.ID}
		img.snapshots = append(img.snapshots, s)
		call.region.snapshots = append(call.region.snapshots, s)
	}
	call.region.images = append(call.region.images, img)
	end := "available"
	if w.cfg.FailingImages {
		end = "failed"
	}
	w.after(w.cfg.Timing.Snapshot, func() { img.State = end })
	return img
}

// deregisterImage: https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DeregisterImage.html
func deregisterImage(call *ec2Call) ([]node, *ec2Error) {
	i, failure := call.imageNamed(call.form["ImageId"])
	if failure != nil {
		return nil, failure
	}
	if i.Owner != call.w.cfg.Account {
		return nil, fail("AuthFailure", "Not authorized for image:%s", i.ID)
	}
	if failure := call.allowedTo("ec2:DeregisterImage", tagContext(i.tags.shown), "image/"+i.ID); failure != nil {
		return nil, failure
	}
	i.gone = true
	var results [][]node
	for _, s := range i.snapshots {
		if call.form["DeleteAssociatedSnapshots"] != "true" || s.gone || i.copying() {
			continue
		}
		code := "success"
		if call.allowedTo("ec2:DeleteSnapshot", tagContext(s.tags.shown), "snapshot/"+s.id) != nil {
			code = "missing-permissions"
		}
		s.gone = code == "success"
		results = append(results, []node{leaf("snapshotId", s.id), leaf("returnCode", code)})
	}
	return []node{leaf("return", "true"), set("deleteSnapshotResultSet", results...)}, nil
}

func describeSnapshots(call *ec2Call) ([]node, *ec2Error) {
	ids := call.form.list("SnapshotId")
	owners := call.form.list("Owner")
	for _, id := range ids {
		if call.snapshot(id) == nil {
			return nil, fail("InvalidSnapshot.NotFound", "The snapshot '%s' does not exist.", id)
		}
	}
	return describe(call, "snapshotSet", call.region.snapshots,
		func(s *snapshot) bool {
			return call.shows(s) && selects(ids, s.id) &&
				(len(owners) == 0 || slices.Contains(owners, call.ownerOf(s)) ||
					(slices.Contains(owners, "self") && call.ownerOf(s) == call.w.cfg.Account))
		},
		func(s *snapshot) attributes {
			return fixed(s.tags.shown, map[string]string{"snapshot-id": s.id, "description": s.description,
				"status":    s.status(),
				"volume-id": s.volume, "owner-id": call.ownerOf(s), "volume-size": strconv.Itoa(s.size)})
		},
		func(s *snapshot) []node {
			return []node{leaf("snapshotId", s.id), leaf("status", s.status()), leaf("startTime", isoTime(s.made)),
				leaf("ownerId", call.ownerOf(s)), leaf("volumeId", orText(s.volume, "vol-ffffffff")),
				leaf("volumeSize", strconv.Itoa(s.size)), leaf("description", s.description),
				leaf("progress", s.progress(call.w.now)),
				leaf("encrypted", strconv.FormatBool(s.encrypted)), tagSet(s.tags.shown)}
		})
}

func (call *ec2Call) snapshot(id string) *snapshot {
	for _, s := range call.region.snapshots {
		if s.id == id && call.shows(s) {
			return s
		}
	}
	return nil
}

// shows reports whether EC2 knows a snapshot: one of a copy shows some time after the call that made it.
func (call *ec2Call) shows(s *snapshot) bool { return !s.gone && !call.w.now.Before(s.visible) }

func (call *ec2Call) ownerOf(s *snapshot) string { return s.image.Owner }

func (s *snapshot) status() string {
	if s.task != nil {
		return s.task.state
	}
	switch s.image.State {
	case "pending":
		return "pending"
	case "failed":
		return "error"
	}
	return "completed"
}

func deleteSnapshot(call *ec2Call) ([]node, *ec2Error) {
	id := call.form["SnapshotId"]
	s := call.snapshot(id)
	switch {
	case s == nil:
		return nil, fail("InvalidSnapshot.NotFound", "The snapshot '%s' does not exist.", id)
	case call.ownerOf(s) != call.w.cfg.Account:
		return nil, fail("UnauthorizedOperation", "You are not authorized to perform this operation.")
	case !s.image.gone:
		return nil, fail("InvalidSnapshot.InUse", "The snapshot %s is currently in use by %s", id, s.image.ID)
	}
	if failure := call.allowedTo("ec2:DeleteSnapshot", tagContext(s.tags.shown), "snapshot/"+id); failure != nil {
		return nil, failure
	}
	// "If you delete a snapshot while it is in progress, it must complete before the deletion takes effect":
	// https://docs.aws.amazon.com/ebs/latest/userguide/ebs-deleting-snapshot.html
	s.doomed = s.status() == "pending"
	s.gone = !s.doomed
	return []node{leaf("return", "true")}, nil
}

// SetImageAge sets the age of an image: it was created so long before now.
func (w *World) SetImageAge(id string, age time.Duration) {
	w.enter()
	defer w.mu.Unlock()
	for _, r := range w.cloud.regions {
		if i := r.image(id); i != nil {
			i.made = w.now.Add(-age)
			i.Created = isoTime(i.made)
			return
		}
	}
	panic("simulator: no image " + strings.TrimSpace(id))
}

// Made is an image or a snapshot that was not there from the beginning.
type Made struct {
	ID, Name, State, Region string // a snapshot's name is its image's id
	Runner                  string
	GiB                     int
	Tags                    map[string]string
	Snapshot                bool
}

// Images are all that CreateImage has made and nobody has removed, each followed by its snapshots, and snapshots that
// have lost their image at the end.
func (w *World) Images() []Made {
	w.enter()
	defer w.mu.Unlock()
	var list, lost []Made
	for _, name := range w.cfg.Regions {
		for _, i := range w.cloud.regions[name].images {
			if i.initial {
				continue
			}
			if !i.gone {
				list = append(list, Made{ID: i.ID, Name: i.Name, State: i.State, Region: name, Runner: i.Runner,
					GiB:  i.VolumeSize,
					Tags: clone(i.tags.set)})
			}
			for _, s := range i.snapshots {
				switch made := (Made{ID: s.id, Name: i.ID, State: s.status(), Region: name, GiB: s.size,
					Tags:     clone(s.tags.set),
					Snapshot: true}); {
				case s.gone || s.doomed:
				case i.gone:
					lost = append(lost, made)
				default:
					list = append(list, made)
				}
			}
		}
	}
	return append(list, lost...)
}
