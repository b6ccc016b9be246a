package sweep

import (
	"fmt"
	"slices"

	"github.com/marqo-ai/ec2-github-runner/ec2"
	"github.com/marqo-ai/ec2-github-runner/runner/diagnosis"
	"github.com/marqo-ai/ec2-github-runner/runner/tags"
	"github.com/marqo-ai/ec2-github-runner/runner/tags/key"
)

// This file judges volumes that outlived their machines; it makes no API calls. See docs/adr/0016-volumes.md for the
// reasons. A volume is deleted only if all of this is certain: it is ours, no block device mapping of the user keeps
// it, it is detached, and the start that made it has no machine left.

// volumeRules are applied in this order; the first one that applies decides.
var volumeRules = []func(*survey, ec2.Volume) (Act, string){
	(*survey).ignoreUsedVolume,
	(*survey).spareKeptVolume,
	(*survey).spareYoungVolume,
	(*survey).spareOwnedVolume,
	(*survey).judgeSuspectVolume,
}

func (s *survey) judgeVolume(v ec2.Volume) verdict {
	for _, rule := range volumeRules {
		if act, why := rule(s, v); act != "" {
			return verdict{act: act, why: why, volume: v}
		}
	}
	return verdict{act: Spared, why: "no rule applies", volume: v}
}

// ignoreUsedVolume ignores volumes that are not ours or are attached: they are judged with their machine.
func (s *survey) ignoreUsedVolume(v ec2.Volume) (Act, string) {
	if !s.owns(v.Tags) || v.State != ec2.VolumeAvailable || v.Attached {
		return Ignored, ""
	}
	return "", ""
}

// spareKeptVolume decides by the tags of the launch. A volume without them comes from an older version or was tagged by
// somebody else.
func (s *survey) spareKeptVolume(v ec2.Volume) (Act, string) {
	mode, keep := v.Tags[key.Mode], v.Tags[key.KeepVolumes]
	switch {
	case keep == "true":
		return Spared, "the block device mappings of its launch keep volumes"
	case keep == ec2.KeepsUnknown:
		return Listed, "it is a volume without a machine, but its launch template may keep it"
	case keep != "false", v.Tags[key.Nonce] == "", !slices.Contains([]string{tags.ModeStart, tags.ModeBake,
		tags.ModePool, tags.ModeServe}, mode):
		return Listed, "it is a volume without a machine, but its tags do not say which launch made it or " +
			"whether to keep it"
	}
	return "", ""
}

func (s *survey) spareYoungVolume(v ec2.Volume) (Act, string) {
	switch {
	case v.Created.IsZero():
		return Spared, "its age is unknown"
	case s.now.Sub(v.Created) < s.grace:
		return Spared, fmt.Sprintf("it is younger than %s", diagnosis.Minutes(s.grace))
	}
	return "", ""
}

// spareOwnedVolume spares a volume while the start that made it has a machine, which may have detached it: EC2 does not
// say which machine a volume was attached to. A claim gives a pool entry a new nonce; its client token still has the
// first one.
func (s *survey) spareOwnedVolume(v ec2.Volume) (Act, string) {
	if !s.whole {
		return Spared, "whether its machine still exists is unknown"
	}
	for _, i := range s.instances {
		token, _ := tags.ParseToken(i.ClientToken)
		if nonce := v.Tags[key.Nonce]; i.State == ec2.Terminated || (i.Tags[key.Nonce] != nonce &&
			token.Nonce != nonce) {
			continue
		}
		if v.Tags[key.SuspectSince] != "" {
			return Unmarked, "a machine of its start still exists: " + i.ID
		}
		return Spared, "a machine of its start still exists: " + i.ID
	}
	return "", ""
}

// judgeSuspectVolume takes two looks, a grace period apart, like everything that may be in progress.
func (s *survey) judgeSuspectVolume(v ec2.Volume) (Act, string) {
	since := tags.Time(v.Tags, key.SuspectSince)
	switch {
	case since.IsZero():
		return Marked, "it is a volume whose machine is gone"
	case s.now.Sub(since) < s.grace:
		return Spared, "it is a volume whose machine is gone since " + tags.Stamp(since) + "; a later sweep looks again"
	}
	return Deleted, "it is a volume whose machine is gone since " + tags.Stamp(since)
}
