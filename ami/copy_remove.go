package ami

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/cenkalti/backoff/v4"

	"github.com/marqo-ai/ec2-github-runner/ec2"
)

// copySnapshotsTimeout is how long to look for the snapshots of a copy that is being removed. EC2 shows them late, and
// creates them even if their image was deregistered meanwhile.
const copySnapshotsTimeout = time.Minute

// copyRemoval is the removal of a copy that may have been started and was not handed over.
type copyRemoval struct {
	*remover
	region  string
	id      string            // empty: EC2's response was lost
	tags    map[string]string // of the copy and its snapshots
	want    int               // how many snapshots it makes
	begun   time.Time
	images  []string // removed
	deleted map[string]bool
}

// removeCopy removes a copy with its snapshots, each as soon as EC2 shows it. It is not an error if nothing shows up,
// but it is one if only some of the snapshots do.
func (r *remover) removeCopy(
	ctx context.Context,
	begun Begun,
	id string,
	tags map[string]string,
) (removed []string, err error) {
	c := &copyRemoval{
		remover: r, region: begun.Region, id: id, tags: tags, want: begun.Snapshots, begun: time.Now(),
		deleted: map[string]bool{},
	}
	err = ec2.RetryUntilRefused(ctx, ec2.EndRetryDelay, func() error { return c.look(ctx) })
	return c.images, err
}

// look removes what EC2 shows now, and returns nil when nothing more is expected.
func (c *copyRemoval) look(ctx context.Context) error {
	images, err := c.cloud.Images().List(ctx, c.region, ec2.ImageQuery{Owner: ec2.Self, Tags: c.tags})
	if err != nil && c.id == "" {
		return err
	}
	if c.id != "" && !slices.ContainsFunc(images, func(image ec2.Image) bool { return image.ID == c.id }) {
		images = append(images, ec2.Image{ID: c.id}) // too new to be shown
	}
	for _, image := range images {
		if slices.Contains(c.images, image.ID) {
			continue
		}
		if err := c.cloud.Images().Remove(ctx, c.region, image.ID, image.Snapshots); err != nil {
			return err
		}
		c.images = append(c.images, image.ID)
		for _, id := range image.Snapshots {
			c.deleted[id] = true
		}
		c.log.Info(c.line(fmt.Sprintf("copy %s is removed: it was not finished", image.ID)))
	}
	if err := c.deleteSnapshots(ctx); err != nil {
		return err
	}
	waited := time.Since(c.begun)
	switch {
	case len(c.deleted) >= c.want:
		return nil
	case len(c.images)+len(c.deleted) == 0 && waited > lookFor:
		return nil // nothing was begun
	}
	err = fmt.Errorf("%d of %d snapshots are not visible yet", c.want-len(c.deleted), c.want)
	if waited > copySnapshotsTimeout {
		return backoff.Permanent(err)
	}
	return err
}

// deleteSnapshots deletes the visible snapshots. One that is deleted while it is copied stays visible until it is
// complete.
func (c *copyRemoval) deleteSnapshots(ctx context.Context) error {
	snapshots, err := c.cloud.Images().Snapshots(ctx, c.region, c.tags)
	if err != nil {
		return err
	}
	for _, s := range snapshots {
		if c.deleted[s.ID] {
			continue
		}
		if err := c.cloud.Images().DeleteSnapshot(ctx, c.region, s.ID); err != nil {
			return err
		}
		c.deleted[s.ID] = true
	}
	return nil
}
