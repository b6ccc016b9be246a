package simulator

import (
	"maps"
	"regexp"
	"strings"
	"unicode/utf8"
)

const maxTags = 50

// tagsOf reads and checks a list of tags:
// https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/Using_Tags.html#tag-restrictions
func (call *ec2Call) tagsOf(list []form) (map[string]string, *ec2Error) {
	tags := map[string]string{}
	for _, t := range list {
		key, value := t["Key"], t["Value"]
		switch {
		case key == "":
			return nil, fail("InvalidParameterValue", "Tag key cannot be empty")
		case utf8.RuneCountInString(key) > 127:
			return nil, fail("InvalidParameterValue", "Tag key exceeds the maximum length of 127 characters")
		case utf8.RuneCountInString(value) > 255:
			return nil, fail("InvalidParameterValue", "Tag value exceeds the maximum length of 255 characters")
		case strings.HasPrefix(strings.ToLower(key), "aws:"):
			return nil, fail("InvalidParameterValue", "Tag keys starting with 'aws:' are reserved for internal use")
		}
		if _, twice := tags[key]; twice {
			return nil, fail("InvalidParameterValue", "Duplicate tag key '%s' specified.", key)
		}
		tags[key] = value
	}
	if len(tags) > maxTags {
		return nil, fail("TagLimitExceeded", "The maximum number of Tags for a resource has been reached.")
	}
	for _, pattern := range call.w.cfg.Policy.ForbiddenTags {
		for _, key := range sortedKeys(tags) {
			if wildcard(pattern, key) {
				return nil, fail("TagPolicyViolation",
					"The tag policy does not allow the specified value for the following tag key: '%s'.", key)
			}
		}
	}
	return tags, nil
}

// metadataKey is what EC2 takes as the key of a tag that the instance metadata shows.
// https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/work-with-tags-in-IMDS.html
var metadataKey = regexp.MustCompile(`^[0-9a-zA-Z\-_+=,.@:]{1,255}$`)

// fitMetadata refuses tags that the metadata of an instance with these options cannot show.
func fitMetadata(options form, tags map[string]string) *ec2Error {
	if options["InstanceMetadataTags"] != "enabled" {
		return nil
	}
	for _, key := range sortedKeys(tags) {
		if !metadataKey.MatchString(key) {
			return fail("InvalidParameterValue", "'%s' is not a valid tag key. Tag keys must match pattern "+
				"([0-9a-zA-Z\\-_+=,.@:]{1,255}), and must not be a reserved name ('.', '..', '_index')", key)
		}
	}
	return nil
}

func createTags(call *ec2Call) ([]node, *ec2Error) {
	tags, failure := call.tagsOf(call.form.group("Tag"))
	if failure != nil {
		return nil, failure
	}
	var targets []*tagged
	for _, id := range call.form.list("ResourceId") {
		target, failure := call.taggable(id)
		if failure != nil {
			return nil, failure
		}
		targets = append(targets, target)
	}
	if len(targets) == 0 || len(tags) == 0 {
		return nil, fail("MissingParameter", "The request must contain the parameters resourceIdSet and tagSet")
	}
	for _, target := range targets {
		merged := clone(target.set)
		for k, v := range tags {
			merged[k] = v
		}
		if len(merged) > maxTags {
			return nil, fail("TagLimitExceeded", "The maximum number of Tags for a resource has been reached.")
		}
	}
	for _, target := range targets {
		call.w.retag(target, func(set map[string]string) { maps.Copy(set, tags) })
	}
	return []node{leaf("return", "true")}, nil
}

// taggable returns the tags of any resource by its id.
func (call *ec2Call) taggable(id string) (*tagged, *ec2Error) {
	kind, _, _ := strings.Cut(id, "-")
	switch kind {
	case "i":
		if i := call.region.byID[id]; i != nil && call.listed(i) {
			r := call.policyTags(i)
			call.addTagKeys(r)
			r["ec2:InstanceType"] = []string{i.kind.Name}
			added, _ := call.tagsOf(call.form.group("Tag")) // which createTags has checked
			if failure := fitMetadata(i.metadata, added); failure != nil {
				return nil, failure
			}
			return i.tags, call.allowedTo("ec2:"+call.x.operation, r, "instance/"+i.id)
		}
		return nil, fail("InvalidInstanceID.NotFound", "The instance ID '%s' does not exist", id)
	case "vol":
		v, failure := call.volumeNamed(id)
		if failure != nil {
			return nil, failure
		}
		r := tagContext(v.tags.shown)
		call.addTagKeys(r)
		return v.tags, call.allowedTo("ec2:"+call.x.operation, r, "volume/"+id)
	case "ami":
		i, failure := call.imageNamed(id)
		if failure != nil {
			return nil, failure
		}
		if i.Owner != call.w.cfg.Account {
			return nil, fail("UnauthorizedOperation", "You are not authorized to perform this operation.")
		}
		return i.tags, call.allowedTo("ec2:"+call.x.operation, tagContext(i.tags.shown), "image/"+id)
	case "sir":
		return call.taggableRequest(id)
	case "snap":
		for _, s := range call.region.snapshots {
			if s.id == id && call.shows(s) {
				return s.tags, call.allowedTo("ec2:"+call.x.operation, tagContext(s.tags.shown), "snapshot/"+id)
			}
		}
		return nil, fail("InvalidSnapshot.NotFound", "The snapshot '%s' does not exist.", id)
	}
	return nil, fail("InvalidID", "The ID '%s' is not valid", id)
}

// addTagKeys adds the condition keys for the tags that the call brings.
func (call *ec2Call) addTagKeys(r request) {
	for _, tag := range call.form.group("Tag") {
		r["aws:TagKeys"] = append(r["aws:TagKeys"], tag["Key"])
		r["aws:RequestTag/"+tag["Key"]] = []string{tag["Value"]}
	}
}

func deleteTags(call *ec2Call) ([]node, *ec2Error) {
	for _, id := range call.form.list("ResourceId") {
		tags, failure := call.taggable(id)
		if failure != nil {
			return nil, failure
		}
		call.w.retag(tags, func(set map[string]string) {
			for _, t := range call.form.group("Tag") {
				if value, given := t["Value"]; !given || set[t["Key"]] == value {
					delete(set, t["Key"])
				}
			}
		})
	}
	return []node{leaf("return", "true")}, nil
}
