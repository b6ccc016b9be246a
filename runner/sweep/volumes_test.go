package sweep

import (
	"strconv"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/marqo-ai/ec2-github-runner/ec2"
	"github.com/marqo-ai/ec2-github-runner/runner/tags"
	"github.com/marqo-ai/ec2-github-runner/runner/tags/key"
)

// anyVolume draws a volume with arbitrary properties; many lack a single condition for being deleted.
func anyVolume(t *rapid.T, n int) ec2.Volume {
	v := ec2.Volume{
		ID: "vol-" + strconv.Itoa(n), State: ec2.VolumeAvailable, Created: surveyed.Add(-59 * time.Minute),
		Tags: map[string]string{
			key.Scope: ourScope, key.Repository: ourRepository, key.Mode: tags.ModeStart, key.KeepVolumes: "false",
			// one of anyInstance's client tokens has it
			key.Nonce:        rapid.SampledFrom([]string{"nonce-a", "noncenon"}).Draw(t, "nonce"),
			key.SuspectSince: surveyed.Add(-40 * time.Minute).Format(time.RFC3339),
		},
	}
	for range rapid.IntRange(0, 3).Draw(t, "changes") {
		switch rapid.IntRange(0, 8).Draw(t, "change") {
		case 0:
			v.State = rapid.SampledFrom([]string{"in-use", "creating", "deleting", "error", ""}).Draw(t, "state")
		case 1:
			v.Attached = true
		case 2:
			v.Created = surveyed.Add(-time.Duration(rapid.IntRange(0, 60).Draw(t, "age")) * time.Minute)
		case 3:
			v.Created = time.Time{}
		case 4:
			at := surveyed.Add(-time.Duration(rapid.IntRange(0, 60).Draw(t,
				"since")) * time.Minute).Format(time.RFC3339)
			v.Tags[key.SuspectSince] = rapid.SampledFrom([]string{at, "", "nonsense"}).Draw(t, "mark")
		case 5:
			v.Tags[key.Nonce] = rapid.SampledFrom([]string{"nonce-b", ""}).Draw(t, "other nonce")
		case 6:
			v.Tags[key.Mode] = rapid.SampledFrom([]string{tags.ModeStart, tags.ModeBake, tags.ModePool,
				tags.ModeExisting,
				"other", ""}).Draw(t, "mode")
		case 7:
			v.Tags[key.KeepVolumes] = rapid.SampledFrom([]string{"true", "false", ec2.KeepsUnknown, "no", ""}).Draw(t,
				"keep")
		case 8:
			key := rapid.SampledFrom([]string{key.Scope, key.Repository, key.Mode, key.Nonce, key.KeepVolumes,
				key.SuspectSince}).Draw(t, "key")
			delete(v.Tags, key)
		}
	}
	return v
}

// TestNoVolumeIsWronglyDeleted: no sweep deletes a volume that is attached, kept by the user, young, of a start with a
// living machine, or of unknown origin, and none at the first look; and it does not touch foreign volumes.
func TestNoVolumeIsWronglyDeleted(t *testing.T) {
	t.Parallel()
	deleted := 0
	rapid.Check(t, func(t *rapid.T) {
		s := anySurvey(t)
		for i := range s.instances {
			if nonce := rapid.SampledFrom([]string{"", "nonce-a", "nonce-b"}).Draw(t, "machine's nonce"); nonce != "" {
				s.instances[i].Tags[key.Nonce] = nonce
			}
		}
		v := anyVolume(t, 0)
		s.volumes = []ec2.Volume{v}
		for _, verdict := range s.verdicts() {
			if verdict.volume.ID != "" && changesVolume(verdict.act) {
				checkVolumeVerdict(t, s, v, verdict)
				if verdict.act == Deleted {
					deleted++
				}
			}
		}
	})
	if deleted == 0 {
		t.Error("no volume was deleted, so nothing is proved")
	}
}

func changesVolume(a Act) bool { return a == Deleted || a == Marked || a == Unmarked }

// checkVolumeVerdict checks a verdict by conditions of its own, not by the functions under test.
func checkVolumeVerdict(t *rapid.T, s *survey, v ec2.Volume, verdict verdict) {
	switch {
	case v.Tags[key.Scope] != ourScope || v.Tags[key.Repository] != ourRepository:
		t.Fatalf("%+v is not ours, but it is %s", v, verdict.act)
	case v.State != "available" || v.Attached:
		t.Fatalf("%+v is attached, but it is %s", v, verdict.act)
	case v.Tags[key.KeepVolumes] != "false":
		t.Fatalf("%+v may be kept by the user, but it is %s", v, verdict.act)
	case v.Tags[key.Nonce] == "" || v.Tags[key.Mode] == "" || v.Tags[key.Mode] == "other" ||
		v.Tags[key.Mode] == tags.ModeExisting:
		t.Fatalf("%+v is of unknown origin, but it is %s", v, verdict.act)
	case v.Created.IsZero() || s.now.Sub(v.Created) < s.grace:
		t.Fatalf("%+v is young, but it is %s", v, verdict.act)
	}
	if verdict.act == Unmarked {
		return
	}
	if !s.whole {
		t.Fatalf("not every region was listed, but %+v is %s", v, verdict.act)
	}
	for _, i := range s.instances {
		if i.Tags[key.Nonce] == v.Tags[key.Nonce] && i.State != ec2.Terminated {
			t.Fatalf("machine %s of the start is %s, but %+v is %s", i.ID, i.State, v, verdict.act)
		}
		if token, ok := tags.ParseToken(i.ClientToken); ok && token.Nonce == v.Tags[key.Nonce] &&
			i.State != ec2.Terminated {
			t.Fatalf("machine %s was launched by the start and is %s, but %+v is %s", i.ID, i.State, v, verdict.act)
		}
	}
	since := tags.Time(v.Tags, key.SuspectSince)
	if verdict.act == Deleted && (since.IsZero() || s.now.Sub(since) < s.grace) {
		t.Fatalf("%+v is deleted at the first look", v)
	}
}

// TestLostVolumesAreFound is the converse: a volume of ours whose machine is gone is marked, and deleted at a later
// look.
func TestLostVolumesAreFound(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		s := anySurvey(t)
		s.whole = true
		mark := rapid.SampledFrom([]string{"", surveyed.Add(-s.grace).Format(time.RFC3339)}).Draw(t, "mark")
		s.volumes = []ec2.Volume{{
			ID: "vol-lost", State: ec2.VolumeAvailable, Created: s.now.Add(-s.grace), Tags: map[string]string{
				key.Scope: ourScope, key.Repository: ourRepository, key.Nonce: "lostlost", key.KeepVolumes: "false",
				key.SuspectSince: mark,
				key.Mode: rapid.SampledFrom([]string{tags.ModeStart, tags.ModeBake, tags.ModePool}).Draw(t,
					"mode"),
			},
		}}
		want := Marked
		if mark != "" {
			want = Deleted
		}
		for _, v := range s.verdicts() {
			if v.volume.ID == "vol-lost" && v.act == want {
				return
			}
		}
		t.Fatalf("the volume is not %s: %+v", want, s.verdicts())
	})
}
