package sweep

import (
	"fmt"
	"slices"

	"github.com/marqo-ai/ec2-github-runner/ec2"
	"github.com/marqo-ai/ec2-github-runner/runner/diagnosis"
	"github.com/marqo-ai/ec2-github-runner/runner/tags"
	"github.com/marqo-ai/ec2-github-runner/runner/tags/key"
)

// This file judges volumes that outlived their machines, and makes no call: docs/adr/0016-volumes.md has the reasons. A
// volume is deleted only if all of it is known: that it is ours, that no mapping of a user's asked to keep it, that
// nothing has it, and that the start which made it has no machine any more.

// volumeRules are asked in this order; the first answer holds.
var volumeRules = []func(*survey, ec2.Volume) (Act, string){
	(*survey).isVolumeUsed,
	(*survey).isVolumeKept,
	(*survey).isVolumeYoung,
	(*survey).hasVolumeMachine,
	(*survey).isVolumeSuspect,
}

func (s *survey) judgeVolume(v ec2.Volume) verdict {
	for _, rule := range volumeRules {
		if act, why := rule(s, v); act != "" {
			return verdict{act: act, why: why, volume: v}
		}
	}
	return verdict{act: Spared, why: "no rule says otherwise", volume: v}
}

// isVolumeUsed ignores what is not ours, and what is attached: a machine has it, which is judged by itself.
func (s *survey) isVolumeUsed(v ec2.Volume) (Act, string) {
	if !s.owns(v.Tags) || v.State != ec2.VolumeAvailable || v.Attached {
		return Ignored, ""
	}
	return "", ""
}

// isVolumeKept goes by the tags of the launch. A volume without them was made by an older version, or tagged by
// somebody else.
func (s *survey) isVolumeKept(v ec2.Volume) (Act, string) {
	mode, keep := v.Tags[key.Mode], v.Tags[key.KeepVolumes]
	switch {
	case keep == "true":
		return Spared, "a mapping of its launch asked to keep volumes"
	case keep == ec2.KeepsUnknown:
		return Listed, "it is a volume without a machine, and its launch template may have asked to keep it"
	case keep != "false", v.Tags[key.Nonce] == "", !slices.Contains([]string{tags.ModeStart, tags.ModeBake,
		tags.ModePool, tags.ModeServe}, mode):
		return Listed, "it is a volume without a machine, and its tags do not say which launch made it or " +
			"whether to keep it"
	}
	return "", ""
}

func (s *survey) isVolumeYoung(v ec2.Volume) (Act, string) {
	switch {
	case v.Created.IsZero():
		return Spared, "its age is not known"
	case s.now.Sub(v.Created) < s.grace:
		return Spared, fmt.Sprintf("it is younger than %s", diagnosis.Minutes(s.grace))
	}
	return "", ""
}

// hasVolumeMachine spares a volume while the start that made it has a machine, which may have detached it: EC2 does not
// say any more which machine had it. A claim gives an entry of a pool another nonce; its client token still has the
// first one.
func (s *survey) hasVolumeMachine(v ec2.Volume) (Act, string) {
	if !s.whole {
		return Spared, "whether its machine is there cannot be seen"
	}
	for _, i := range s.instances {
		token, _ := tags.ParseToken(i.ClientToken)
		if nonce := v.Tags[key.Nonce]; i.State == ec2.Terminated || (i.Tags[key.Nonce] != nonce &&
			token.Nonce != nonce) {
			continue
		}
		if v.Tags[key.SuspectSince] != "" {
			return Unmarked, "a machine of its start is there: " + i.ID
		}
		return Spared, "a machine of its start is there: " + i.ID
	}
	return "", ""
}

// isVolumeSuspect takes two looks, a grace apart, as with everything that may be under way.
func (s *survey) isVolumeSuspect(v ec2.Volume) (Act, string) {
	since := tags.Time(v.Tags, key.SuspectSince)
	switch {
	case since.IsZero():
		return Marked, "it is a volume whose machine is gone"
	case s.now.Sub(since) < s.grace:
		return Spared, "it is a volume whose machine is gone since " + tags.Stamp(since) + "; a later sweep looks again"
	}
	return Deleted, "it is a volume whose machine is gone since " + tags.Stamp(since)
}
