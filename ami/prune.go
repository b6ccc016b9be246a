package ami

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/marqo-ai/ec2-github-runner/ec2"
	"github.com/marqo-ai/ec2-github-runner/ec2/refusal"
)

// This file removes old images. Pure functions decide: an image is removed only if it is ours, of the same family,
// older than those to keep, and known to be unused.

// snapshotGrace is the age from which a snapshot without an image counts as left behind: a concurrent bake may just be
// creating its image.
const snapshotGrace = 24 * time.Hour

// isOurs reports whether the tags of an image or a snapshot are those of the family. EC2's filters select the same, but
// nothing is removed because of a filter alone.
func isOurs(tags, family map[string]string) bool {
	for key, value := range family {
		if got, tagged := tags[key]; !tagged || got != value {
			return false
		}
	}
	return len(family) > 0
}

// surplus returns the images that may be removed: of the available ones all but current and the newest, keep in total;
// and failed ones. Pending images belong to other bakes.
func surplus(images []ec2.Image, family map[string]string, keep int, current string) []ec2.Image {
	var usable, failed []ec2.Image
	for _, image := range images {
		switch {
		case !isOurs(image.Tags, family) || image.ID == current || image.ID == "":
		case image.State == ec2.ImageAvailable:
			usable = append(usable, image)
		case image.State == ec2.ImageFailed:
			failed = append(failed, image)
		}
	}
	if keep <= 0 {
		return failed
	}
	slices.SortStableFunc(usable, func(a, b ec2.Image) int {
		return cmp.Or(cmp.Compare(b.Created, a.Created), cmp.Compare(b.ID, a.ID))
	})
	return append(failed, usable[min(keep-1, len(usable)):]...)
}

// unused divides the images into those that nothing uses and the others.
func unused(images []ec2.Image, uses map[string]string) (free, used []ec2.Image) {
	for _, image := range images {
		if uses[image.ID] == "" {
			free = append(free, image)
		} else {
			used = append(used, image)
		}
	}
	return free, used
}

// strays returns the family's snapshots that no image has, long after they were made.
func strays(snapshots []ec2.Snapshot, images []ec2.Image, family map[string]string, now time.Time) []string {
	held := map[string]bool{}
	for _, image := range images {
		for _, id := range image.Snapshots {
			held[id] = true
		}
	}
	var list []string
	for _, s := range snapshots {
		bakedAt, err := time.Parse(time.RFC3339, s.Tags[tagBakedAt])
		if err == nil && isOurs(s.Tags, family) && !held[s.ID] && now.Sub(bakedAt) > snapshotGrace {
			list = append(list, s.ID)
		}
	}
	return list
}

// prune removes surplus images. Failures here do not fail the bake, since the image exists.
func (b *bake) prune(ctx context.Context) error {
	if err := b.removeSurplus(ctx); err != nil {
		if _, over := errors.AsType[*timeoutError](context.Cause(ctx)); ctx.Err() != nil && !over {
			return context.Cause(ctx)
		}
		b.warn(fmt.Sprintf("old images stay, because it cannot be seen whether they are used: %v", err))
	}
	return nil
}

func (b *bake) removeSurplus(ctx context.Context) error {
	query := b.ofFamily()
	images, err := b.baker.Cloud.Images().List(ctx, b.request.Region, query)
	if err != nil {
		return err
	}
	old := surplus(images, query.Tags, b.request.Keep, b.out.ImageID)
	if len(old) > 0 {
		ids := make([]string, len(old))
		for i, image := range old {
			ids[i] = image.ID
		}
		uses, err := b.baker.Cloud.Images().Uses(ctx, b.request.Region, ids)
		if err != nil {
			return err
		}
		free, used := unused(old, uses)
		for _, image := range used {
			b.info("image %s (%s) stays: %s uses it", image.ID, image.Name, uses[image.ID])
		}
		for _, image := range free {
			b.removeOld(ctx, image)
		}
	}
	snapshots, err := b.baker.Cloud.Images().Snapshots(ctx, b.request.Region, query.Tags)
	if err != nil {
		return err
	}
	for _, id := range strays(snapshots, images, query.Tags, time.Now()) {
		if err := b.baker.Cloud.Images().DeleteSnapshot(ctx, b.request.Region, id); err != nil {
			b.warn(fmt.Sprintf("snapshot %s, which belongs to no image, stays: %s", id, refusal.Reason(err)))
			continue
		}
		b.info("snapshot %s is deleted: it belongs to no image", id)
	}
	return ctx.Err()
}

func (b *bake) removeOld(ctx context.Context, image ec2.Image) {
	if err := b.baker.Cloud.Images().Remove(ctx, b.request.Region, image.ID, image.Snapshots); err != nil {
		b.warn(fmt.Sprintf("image %s (%s) cannot be removed: %v", image.ID, image.Name, err))
		return
	}
	b.out.Pruned = append(b.out.Pruned, image.ID)
	b.info("image %s (%s) is removed with its snapshots (keep-images: %d)", image.ID, image.Name, b.request.Keep)
}
