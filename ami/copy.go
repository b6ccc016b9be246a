package ami

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/marqo-ai/ec2-github-runner/ec2"
	"github.com/marqo-ai/ec2-github-runner/ec2/refusal"
	"github.com/marqo-ai/ec2-github-runner/runner/tags/key"
)

// tagCopyOf is the tag on copies in other regions with the id of their source.
const tagCopyOf = key.Prefix + "copy-of"

// tagKMSKey is the tag on copies that a key of the request encrypts, with the key as it was given.
const tagKMSKey = key.Prefix + "kms-key"

// Copies describes into which regions the images are copied.
type Copies struct {
	Regions []string          // other than the region of the bake
	KMSKeys map[string]string // by region: id, ARN or alias of the key for the copies there
	Timeout time.Duration     // for each copy
}

// others returns the regions to copy to, without the request's own and without duplicates.
func others(request Request) (list []string) {
	for _, region := range request.Copies.Regions {
		if region != request.Region && !slices.Contains(list, region) {
			list = append(list, region)
		}
	}
	return list
}

// each runs f for all things in parallel.
func each[T any](things []T, f func(T)) {
	var group sync.WaitGroup
	for _, thing := range things {
		group.Go(func() { f(thing) })
	}
	group.Wait()
}

// Longest returns how long a bake with its copies may take.
func (r Request) Longest() time.Duration {
	if len(r.Copies.Regions) == 0 {
		return r.Timeout
	}
	return r.Timeout + r.Copies.Timeout
}

// copying is the copy of an image in another region: a bake with a source instead of a builder.
type copying struct{ b *bake }

// steps returns the steps of one copy. Tidying up and pruning are those of an image.
func (c copying) steps() []step {
	return []step{
		{"compare with the newest image", always, c.recognise}, // skip if it is copied already
		{"copy the image", toMake, c.begin},                    // with its snapshots; tags on both
		{"wait for the copy", toMake, c.await},                 // until it is available, complete and tagged
		{"prune old images", always, c.b.prune},                // of this region
	}
}

// copyOf returns the copy of an image in another region, before it begins.
func (b *bake) copyOf(region string) *bake {
	request := b.request
	request.Region = region
	c := &bake{baker: b.baker, request: request, wanted: b.wanted, begun: b.begun, log: b.baker.Log, source: b}
	c.out = Baked{
		Architecture:  b.wanted.Architecture,
		Region:        region,
		BaseImage:     b.out.ImageID,
		BaseName:      b.out.Name,
		RunnerVersion: b.out.RunnerVersion,
		CopyOf:        b.out.ImageID,
	}
	return c
}

// copyAll copies an image into the other regions in parallel. A copy that fails does not affect the others.
func (b *bake) copyAll(ctx context.Context, cancelled func() time.Time) (copies []*bake) {
	if !b.handed || ctx.Err() != nil {
		return nil
	}
	for _, region := range b.request.Copies.Regions {
		copies = append(copies, b.copyOf(region))
	}
	each(copies, func(c *bake) { c.run(ctx, cancelled) })
	return copies
}

// examineRegions refuses regions into which no image can be copied, before anything is made. A region that cannot be
// checked now is accepted.
func (b *bake) examineRegions(ctx context.Context) error {
	for _, region := range b.request.Copies.Regions {
		if partition(region) != partition(b.request.Region) {
			return &FailedError{
				Message: fmt.Sprintf(
					"an image cannot be copied from %s to %s, which are of different partitions of AWS",
					b.request.Region,
					region,
				),
				Hint: "bake in each partition by itself, with credentials of its own", Refused: true,
			}
		}
	}
	var mu sync.Mutex
	var refused []string
	var errs []error
	each(b.request.Copies.Regions, func(region string) {
		_, err := b.baker.Cloud.Images().List(ctx, region, ec2.ImageQuery{Owner: ec2.Self, Tags: b.request.Ours})
		switch refusal.ClassOf(err) {
		case refusal.Account, refusal.Credentials, refusal.Denied:
			mu.Lock()
			defer mu.Unlock()
			refused, errs = append(refused, region+": "+refusal.Reason(err)), append(errs, err)
		}
	})
	if len(refused) == 0 {
		return nil
	}
	slices.Sort(refused)
	return &FailedError{
		Message: "images cannot be copied to all regions: " + strings.Join(
			refused,
			"; ",
		), Hint: hintRegion, Refused: true, Err: errors.Join(errs...),
	}
}

// partition returns the AWS partition of a region: images can only be copied within one.
// https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/CopyingAMIs.html
func partition(region string) string {
	for _, prefix := range []string{"us-gov-", "cn-", "us-iso-", "us-isob-", "us-isof-", "eu-isoe-", "eusc-"} {
		if strings.HasPrefix(region, prefix) {
			return prefix
		}
	}
	return ""
}

// recognise checks whether the region already has a copy of the image; if so, it is handed over again.
func (c copying) recognise(ctx context.Context) error {
	c.b.name = c.b.source.out.Name
	var images []ec2.Image
	// With retries: a lost response must not cost a finished image its copy.
	err := c.b.look(ctx, func() (done bool, err error) {
		images, err = c.b.baker.Cloud.Images().List(ctx, c.b.request.Region, c.b.ofFamily())
		return err == nil, err
	})
	if err != nil {
		return err
	}
	i := slices.IndexFunc(images, func(image ec2.Image) bool {
		return image.State == ec2.ImageAvailable && image.Tags[tagCopyOf] == c.b.source.out.ImageID &&
			image.Tags[tagKMSKey] == c.kmsKey()
	})
	if i < 0 {
		return nil
	}
	c.b.unchanged = true
	c.b.info("image %s is a copy of %s already", images[i].ID, c.b.source.out.ImageID)
	return c.b.handOver(images[i])
}

func (c copying) kmsKey() string { return c.b.request.Copies.KMSKeys[c.b.request.Region] }

// tags returns the source's tags, with those of the copy. The time is the copy's own: prune takes young snapshots as
// those of a running bake.
func (c copying) tags() map[string]string {
	tags := maps.Clone(c.b.source.tags)
	maps.DeleteFunc(tags, func(key, _ string) bool { return strings.HasPrefix(key, "aws:") })
	tags[tagCopyOf], tags[tagBakedAt], tags["Name"] = c.b.source.out.ImageID, time.Now().UTC().Format(time.RFC3339),
		c.b.name
	if key := c.kmsKey(); key != "" {
		tags[tagKMSKey] = key
	}
	maps.Copy(tags, c.b.request.Mine)
	return tags
}

// begin starts the copy. If the region's limit of concurrent copies is reached, it waits until a copy is accepted.
func (c copying) begin(ctx context.Context) error {
	c.b.tags, c.b.disks = c.tags(), c.b.source.disks
	if err := c.b.baker.Journal.Imaging(c.b.begunImage()); err != nil {
		return err
	}
	news, try := newProgress(), 0
	return until(ctx, firstLookDelay, maxLookDelay, func() (bool, error) {
		id, err := c.b.baker.Cloud.Images().Copy(ctx, c.b.request.Region, c.spec(try))
		c.b.asked = c.b.asked || err == nil || refusal.ClassOf(err) == refusal.Unknown || ctx.Err() != nil
		switch {
		case err == nil:
			c.b.imageID = id
			c.b.info("the copy %s of %s has been started", id, c.b.source.out.ImageID)
			return true, nil
		case refusal.IsCopyLimit(err):
			if text := news.tell("the region's limit of concurrent snapshot copies is reached (" +
				refusal.Reason(err) + ")"); text != "" {
				c.b.info("%s; waiting", text)
			}
			return false, nil
		case refusal.ClassOf(err) == refusal.Taken && try == 0:
			try++
			taken := c.b.name
			c.b.name += "-" + c.b.request.Nonce[:min(len(c.b.request.Nonce), 4)]
			c.b.tags["Name"] = c.b.name
			c.b.warn(fmt.Sprintf("the name %s is taken in %s, so the copy is called %s", taken, c.b.request.Region,
				c.b.name))
			return false, nil
		}
		return false, err
	})
}

func (c copying) spec(try int) ec2.CopySpec {
	return ec2.CopySpec{
		SourceRegion: c.b.source.request.Region, SourceID: c.b.source.out.ImageID, Name: c.b.name, Tags: c.b.tags,
		KMSKey: c.kmsKey(),
		Token:  c.b.request.CopyToken(c.b.wanted.Architecture, c.b.request.Region, try),
		Description: fmt.Sprintf("Copy of %s in %s, by %s", c.b.source.out.ImageID, c.b.source.request.Region,
			c.b.request.Source),
	}
}

// copyTagsTimeout is how long an available copy may lack tags or snapshots: EC2 shows them late.
// https://docs.aws.amazon.com/ec2/latest/devguide/eventual-consistency.html
const copyTagsTimeout = 2 * time.Minute

// await waits until the copy is available and has its snapshots and tags.
func (c copying) await(ctx context.Context) error {
	news, since := newProgress(), time.Now()
	var available time.Time
	return c.b.look(ctx, func() (bool, error) {
		image, err := c.b.baker.Cloud.Images().Get(ctx, c.b.request.Region, c.b.imageID)
		switch {
		case err != nil: // EC2 shows a new image late
			return false, err
		case image.State == ec2.ImageAvailable:
			if available.IsZero() {
				available = time.Now()
			}
			lacking, err := c.lacking(ctx, image)
			if err != nil {
				return false, err
			}
			if lacking != "" && time.Since(available) < copyTagsTimeout {
				return false, nil
			}
			return c.finish(image, lacking, time.Since(since))
		case image.State != ec2.ImagePending:
			message := fmt.Sprintf("copy %s is %s", c.b.imageID, image.State)
			if image.StateReason != "" {
				message += ": EC2 says " + image.StateReason
			}
			return false, final(&FailedError{Message: message, Hint: hintCopy})
		}
		if text := news.tell(image.State); text != "" {
			c.b.info("the copy %s is %s%s", c.b.imageID, text, c.copied(ctx))
		}
		return false, nil
	})
}

func (c copying) finish(image ec2.Image, lacking string, took time.Duration) (bool, error) {
	if lacking != "" {
		return false, final(
			&FailedError{Message: fmt.Sprintf("copy %s is available, but %s", c.b.imageID, lacking), Hint: hintCopy},
		)
	}
	if err := c.b.handOver(image); err != nil {
		c.b.handed = false
		return false, final(err)
	}
	c.b.info("the copy %s is available after %s, with its snapshots and tags", c.b.imageID, rounded(took))
	return true, nil
}

// lacking returns what an available copy does not have yet, or "".
func (c copying) lacking(ctx context.Context, image ec2.Image) (string, error) {
	for key, value := range c.b.tags {
		if image.Tags[key] != value {
			return "it lacks the tag " + key, nil
		}
	}
	if len(image.Snapshots) < c.b.disks {
		return fmt.Sprintf("it has %d of its %d snapshots", len(image.Snapshots), c.b.disks), nil
	}
	if c.kmsKey() != "" && !image.Encrypted {
		return "it is not encrypted", nil
	}
	tagged, err := c.b.baker.Cloud.Images().Snapshots(ctx, c.b.request.Region, c.b.mine())
	if err != nil {
		return "", err
	}
	for _, id := range image.Snapshots {
		if !slices.ContainsFunc(tagged, func(s ec2.Snapshot) bool { return s.ID == id }) {
			return "its snapshot " + id + " lacks its tags", nil
		}
	}
	return "", nil
}

// copied returns the progress of the snapshots for the log, or "".
func (c copying) copied(ctx context.Context) string {
	snapshots, err := c.b.baker.Cloud.Images().Snapshots(ctx, c.b.request.Region, c.b.mine())
	if err != nil {
		return ""
	}
	var parts []string
	for _, s := range snapshots {
		if s.Progress != "" {
			parts = append(parts, s.Progress)
		}
	}
	if len(parts) == 0 {
		return ""
	}
	return " (snapshots: " + strings.Join(parts, ", ") + ")"
}

// mine returns the tags that only this bake's image of the architecture and its snapshots have.
func (b *bake) mine() map[string]string {
	tags := maps.Clone(b.request.Mine)
	tags[key.Architecture] = b.wanted.Architecture
	return tags
}
