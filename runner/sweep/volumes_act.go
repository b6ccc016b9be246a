package sweep

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/marqo-ai/ec2-github-runner/ec2"
	"github.com/marqo-ai/ec2-github-runner/ec2/refusal"
	"github.com/marqo-ai/ec2-github-runner/runner/tags"
	"github.com/marqo-ai/ec2-github-runner/runner/tags/key"
)

// actOnVolume does what a verdict says about a volume, unless reading everything again changes the verdict.
func (sw *sweep) actOnVolume(ctx context.Context, look *survey, v verdict) (verdict, error) {
	v, err := sw.recheckVolume(ctx, look, v)
	if err != nil {
		return v, err
	}
	switch v.act {
	case Marked:
		return sw.markVolume(ctx, v, time.Now().UTC().Format(time.RFC3339))
	case Unmarked:
		return sw.markVolume(ctx, v, "")
	case Deleted:
		return sw.deleteVolume(ctx, v)
	}
	return v, nil
}

// recheckVolume reads the volume, then the machines of its start, once more and judges by the same rules.
func (sw *sweep) recheckVolume(ctx context.Context, look *survey, v verdict) (verdict, error) {
	volume, err := sw.cloud.Volume(ctx, v.volume.Region, v.volume.ID)
	if refusal.ClassOf(err) == refusal.NotFound {
		v.act, v.why = Spared, "it is deleted already"
		return v, nil
	}
	if err != nil {
		return v, err
	}
	now := *look
	now.now, now.instances = time.Now(), nil
	ofStart := sw.request.selection()
	ofStart[key.Nonce] = volume.Tags[key.Nonce]
	for _, selector := range []ec2.Selector{
		{Tags: ofStart},
		{ClientToken: tags.TokenOfScope(sw.request.Repository, sw.request.Scope) + "*-" + volume.Tags[key.Nonce] +
			"-*"},
	} {
		found, err := sw.cloud.Instances(ctx, volume.Region, selector)
		if err != nil {
			return v, err
		}
		now.instances = append(now.instances, found...)
	}
	fresh := now.judgeVolume(volume)
	if fresh.act == Ignored {
		fresh.act, fresh.why = Spared, "it has been attached or deleted in the meantime"
	}
	return fresh, nil
}

// markVolume records the first look in a tag of the volume, where every other sweep finds it.
func (sw *sweep) markVolume(ctx context.Context, v verdict, since string) (verdict, error) {
	err := sw.cloud.Tag(ctx, v.volume.Region, v.volume.ID, map[string]string{key.SuspectSince: since})
	return sw.volumeResult(v, err, "ec2:CreateTags")
}

// deleteVolume deletes a volume. EC2 refuses to delete an attached one, so one that was attached after the last look is
// safe.
func (sw *sweep) deleteVolume(ctx context.Context, v verdict) (verdict, error) {
	v, err := sw.volumeResult(v, sw.cloud.DeleteVolume(ctx, v.volume.Region, v.volume.ID), "ec2:DeleteVolume")
	if err == nil && v.act == Deleted {
		sw.log.Info(fmt.Sprintf("volume %s (%d GiB) is deleted: %s", v.volume.ID, v.volume.GiB, v.why))
	}
	return v, err
}

// volumeResult interprets the result of a change. A missing permission is reported once and stops nothing else.
func (sw *sweep) volumeResult(v verdict, err error, right string) (verdict, error) {
	switch refusal.ClassOf(err) {
	case refusal.Denied:
		if !slices.Contains(sw.refused, right) {
			sw.refused = append(sw.refused, right)
			sw.warn(fmt.Sprintf("volumes that outlived their machines stay: allow %s on volumes "+
				"(docs/permissions.md, feature volumes) (%s)", right, refusal.Reason(err)))
		}
		v.act, v.why = Spared, v.why+", and EC2 does not allow "+right+" on it"
		return v, nil
	case refusal.WrongState:
		v.act, v.why = Spared, "it is attached again"
		return v, nil
	case refusal.NotFound:
		v.act, v.why = Spared, "it is deleted already"
		return v, nil
	}
	return v, err
}
