package simulator

import (
	"fmt"
	"slices"
	"strconv"
	"time"
)

// CopyRule says how the copies of images into a region go. The first rule that fits holds; a copy that none fits is
// available after
// Timing.Copy.
type CopyRule struct {
	Region string        `yaml:"region"` // the destination; empty: every one
	Fails  bool          `yaml:"fails"`  // the copy ends as failed, and its snapshots stay
	Takes  time.Duration `yaml:"takes"`  // default Timing.Copy
}

// copyTask is a copy under way or done. It goes on when its image is deregistered meanwhile.
type copyTask struct {
	source *image
	begun  time.Time
	takes  time.Duration
	state  string // of its snapshots: pending, completed, error
}

// copyLimitDefault is how many snapshots may be copied into a region at once.
// https://docs.aws.amazon.com/general/latest/gr/ebs-service.html (Concurrent snapshot copies per destination Region)
const copyLimitDefault = 20

// copyImage: https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_CopyImage.html
func copyImage(call *ec2Call) ([]node, *ec2Error) {
	source, failure := call.copySource()
	if failure != nil {
		return nil, failure
	}
	tags := map[string]map[string]string{}
	for _, spec := range call.form.group("TagSpecification") {
		kind := spec["ResourceType"]
		if kind != "image" && kind != "snapshot" {
			return nil, fail("InvalidParameterValue", "'%s' is not a valid taggable resource type for this operation.",
				kind)
		}
		if tags[kind], failure = call.tagsOf(spec.group("Tag")); failure != nil {
			return nil, failure
		}
	}
	if call.form["CopyImageTags"] == "true" { // what the call gives wins, and only the image gets them
		tags["image"] = merge(source.tags.shown, tags["image"])
	}
	if failure := call.mayCopy(source, tags); failure != nil {
		return nil, failure
	}
	token, params := call.form["ClientToken"], fingerprint(call.form)
	if earlier := call.region.copied[token]; earlier != nil && token != "" {
		if earlier.params != params {
			return nil, fail(
				"IdempotentParameterMismatch",
				"Arguments on this idempotent request are inconsistent with arguments used in previous request(s).",
			)
		}
		return []node{leaf("imageId", earlier.image.ID)}, nil
	}
	if failure := call.nameFree(call.form["Name"]); failure != nil {
		return nil, failure
	}
	// The words are EC2's: https://github.com/aws-samples/copy-encrypted-ami/issues/3
	limit := orInt(call.w.cfg.SnapshotCopies, copyLimitDefault)
	if call.region.copying()+len(source.snapshots) > limit {
		return nil, fail(
			"ResourceLimitExceeded",
			"Too many snapshot copies in progress. The limit is %d for this destination region.",
			limit,
		)
	}
	img := call.beginCopy(source, tags)
	if token != "" {
		call.region.copied[token] = &copied{params, img}
	}
	return []node{leaf("imageId", img.ID)}, nil
}

// copied is what a client token of CopyImage stands for.
type copied struct {
	params string
	image  *image
}

// copySource finds the image to be copied, and checks the parameters that stand by themselves.
func (call *ec2Call) copySource() (*image, *ec2Error) {
	for _, name := range []string{"SourceRegion", "SourceImageId", "Name"} {
		if call.form[name] == "" {
			return nil, fail("MissingParameter", "The request must contain the parameter %s", name)
		}
	}
	if call.form["KmsKeyId"] != "" && call.form["Encrypted"] != "true" {
		return nil, fail("InvalidParameterCombination",
			"The parameter KmsKeyId requires the parameter Encrypted to be set.")
	}
	from := call.regions[call.form["SourceRegion"]]
	if from == nil {
		return nil, fail("InvalidParameterValue", "Invalid source region: %s", call.form["SourceRegion"])
	}
	id := call.form["SourceImageId"]
	if !imageID.MatchString(id) {
		return nil, fail("InvalidAMIID.Malformed", `Invalid id: "%s"`, id)
	}
	source := from.image(id)
	switch {
	case source == nil:
		return nil, fail("InvalidAMIID.NotFound", "The image id '[%s]' does not exist", id)
	case source.State != "available":
		return nil, fail("InvalidAMIID.Unavailable", "The image ID '%s' is not available for use", id)
	}
	return source, nil
}

// mayCopy asks for the permissions of CopyImage: on the source, whose tags no policy sees, on the image and the
// snapshots that it makes,
// and to tag these. https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/copy-ami-permissions.html
// https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonec2.html
func (call *ec2Call) mayCopy(source *image, tags map[string]map[string]string) *ec2Error {
	arn := "arn:aws:ec2:" + source.Region + "::image/" + source.ID
	keys := request{"ec2:ImageID": {source.ID}, "ec2:Owner": {source.Owner}}
	if failure := call.permitted("ec2:CopyImage", arn, keys); failure != nil {
		return failure
	}
	return call.mayMake("CopyImage", tags)
}

// mayMake asks for the permission to make images and snapshots by an action, and to tag them.
func (call *ec2Call) mayMake(action string, tags map[string]map[string]string) *ec2Error {
	for _, kind := range []string{"image", "snapshot"} {
		r := requestTags(tags[kind])
		if failure := call.allowedTo("ec2:"+action, r, kind+"/*"); failure != nil {
			return failure
		}
		if len(tags[kind]) == 0 {
			continue
		}
		r["ec2:CreateAction"] = []string{action}
		if failure := call.allowedTo("ec2:CreateTags", r, kind+"/*"); failure != nil {
			return failure
		}
	}
	return nil
}

// nameFree refuses a name that is malformed or taken.
func (call *ec2Call) nameFree(name string) *ec2Error {
	if !imageName.MatchString(name) {
		return fail(
			"InvalidAMIName.Malformed",
			"AMI names must be between 3 and 128 characters long, and may contain letters, "+
				"numbers, '(', ')', '.', '-', '/' and '_'",
		)
	}
	for _, other := range call.region.images {
		if !other.gone && other.Name == name && other.Owner == call.w.cfg.Account {
			return fail("InvalidAMIName.Duplicate", "AMI name %s is already in use by AMI %s", name, other.ID)
		}
	}
	return nil
}

// copying reports whether an image is a copy that is not whole yet.
func (i *image) copying() bool { return i.task != nil && i.State == "pending" }

// copying is how many snapshots are being copied into the region.
func (r *region) copying() int {
	n := 0
	for _, s := range r.snapshots {
		if s.task != nil && s.task.state == "pending" {
			n++
		}
	}
	return n
}

// beginCopy begins a copy. Its image names no snapshots as long as it is pending, and they show some time after the
// call: whoever
// deregisters it meanwhile does not delete them, and they are made all the same.
func (call *ec2Call) beginCopy(source *image, tags map[string]map[string]string) *image {
	w := call.w
	rule := w.cfg.copyRule(call.region.name)
	task := &copyTask{source: source, begun: w.now, takes: w.scaled(rule.Takes), state: "pending"}
	img := &image{
		made: w.now, visible: w.now.Add(w.scaled(w.cfg.Timing.ImageVisible)), Image: source.Image,
		tags: newTags(tags["image"]), task: task,
	}
	img.ID, img.Region, img.Name, img.State = w.id("ami"), call.region.name, call.form["Name"], "pending"
	img.Description, img.Owner, img.OwnerAlias, img.Created = call.form["Description"], w.cfg.Account, "",
		isoTime(w.now)
	encrypted := call.form["Encrypted"] == "true" || slices.Contains(w.cfg.EncryptedRegions, call.region.name)
	for _, s := range source.snapshots {
		c := &snapshot{
			id: w.id(
				"snap",
			), region: call.region.name, size: s.size, kept: s.kept, made: w.now, image: img,
			tags:   newTags(tags["snapshot"]),
			device: s.device, task: task, visible: w.now.Add(w.scaled(w.cfg.Timing.CopyVisible)),
			encrypted: encrypted || s.encrypted,
			description: fmt.Sprintf("Copied for DestinationAmi %s from SourceAmi %s for SourceSnapshot %s. Task "+
				"created on %s.",
				img.ID, source.ID, s.id, strconv.FormatInt(w.now.UnixMilli(), 10)),
		}
		img.snapshots = append(img.snapshots, c)
		call.region.snapshots = append(call.region.snapshots, c)
	}
	call.region.images = append(call.region.images, img)
	fails := rule.Fails || !w.cfg.knowsKey(call.region.name, call.form["KmsKeyId"])
	w.after(rule.Takes, func() { img.endCopy(fails) })
	return img
}

// endCopy ends a copy, well where the snapshots that it was made of are still there. A key that does not exist is found
// out only here.
func (i *image) endCopy(fails bool) {
	fails = fails || slices.ContainsFunc(i.task.source.snapshots, func(s *snapshot) bool { return s.gone })
	i.State, i.task.state = "available", "completed"
	if fails {
		i.State, i.task.state = "failed", "error"
	}
	for _, s := range i.snapshots {
		s.gone = s.gone || s.doomed
	}
}

func (c *Config) copyRule(region string) CopyRule {
	i := slices.IndexFunc(c.Copies, func(r CopyRule) bool { return r.Region == "" || r.Region == region })
	rule := CopyRule{}
	if i >= 0 {
		rule = c.Copies[i]
	}
	if rule.Takes == 0 {
		rule.Takes = c.Timing.Copy
	}
	return rule
}

// knowsKey reports whether a region has a KMS key. Each has Amazon's own for EBS.
func (c *Config) knowsKey(region, key string) bool {
	return key == "" || key == "alias/aws/ebs" || slices.Contains(c.KMSKeys[region], key)
}

// progress is how much of a snapshot is there, in EC2's words.
func (s *snapshot) progress(now time.Time) string {
	if s.task == nil || s.task.state != "pending" {
		return "100%"
	}
	return strconv.Itoa(min(99, int(100*now.Sub(s.task.begun)/max(s.task.takes, 1)))) + "%"
}

func merge(maps ...map[string]string) map[string]string {
	all := map[string]string{}
	for _, m := range maps {
		for k, v := range m {
			all[k] = v
		}
	}
	return all
}
