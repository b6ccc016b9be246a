package ami

import (
	"context"
	"fmt"
	"maps"
	"time"

	"github.com/marqo-ai/ec2-github-runner/ec2"
	"github.com/marqo-ai/ec2-github-runner/ec2/refusal"
	"github.com/marqo-ai/ec2-github-runner/runner/tags/key"
)

// imageTags returns the tags of the image and its snapshots, from which a start, a later bake and people see what it
// contains.
func (b *bake) imageTags() map[string]string {
	tags := map[string]string{
		key.Architecture: b.wanted.Architecture, key.RunnerVersion: b.recipe.Software.Version,
		tagRunnerSHA256: b.recipe.Software.SHA256, tagBaseImage: b.base.ID,
		tagRecipe: b.recipe.Hash(), tagBakedAt: time.Now().UTC().Format(time.RFC3339), tagSource: b.request.Source,
		tagFamily: familyOf(b.request.imageName(b.wanted.Architecture, b.begun)), "Name": b.name,
	}
	if system := b.base.System(key.System); system != (ec2.System{}) {
		tags[key.System] = system.String()
	}
	for _, tag := range b.wanted.Tags {
		tags[tag.Key] = tag.Value
	}
	maps.Copy(tags, b.request.Ours)
	maps.Copy(tags, b.request.Mine)
	return tags
}

// begunImage returns the image for the journal, before it is created.
func (b *bake) begunImage() Begun {
	begun := Begun{Architecture: b.wanted.Architecture, Region: b.request.Region}
	if b.source != nil {
		begun.Snapshots = b.disks
	}
	return begun
}

// create starts to create the image. If the name is taken, it adds a suffix, so that the builder's work is not lost.
func (b *bake) create(ctx context.Context) error {
	if err := b.baker.Journal.Imaging(b.begunImage()); err != nil {
		return err
	}
	b.asked = true
	id, err := b.beginImage(ctx)
	if refusal.ClassOf(err) == refusal.Taken {
		taken := b.name
		b.name += "-" + b.request.Nonce[:min(len(b.request.Nonce), 4)]
		b.warn(fmt.Sprintf("the name %s is taken, so the image is called %s; give each bake a name of its own, for "+
			"example with ${{ github.run_id }} in image-name", taken, b.name))
		id, err = b.beginImage(ctx)
	}
	if err != nil {
		return err
	}
	b.imageID = id
	b.info("image %s (%s) has been started", id, b.name)
	return nil
}

func (b *bake) beginImage(ctx context.Context) (string, error) {
	b.tags = b.imageTags()
	return b.baker.Cloud.Images().Create(ctx, b.request.Region, ec2.ImageSpec{
		InstanceID: b.builder.ID, Name: b.name, Tags: b.tags,
		Description: fmt.Sprintf("GitHub Actions runner %s for %s on %s, by %s", b.recipe.Software.Version,
			b.wanted.Architecture, b.base.ID, b.request.Source),
	})
}

// await waits until the image can be used: EC2 copies its snapshots meanwhile, which takes minutes for a large volume.
func (b *bake) await(ctx context.Context) error {
	news, since := newProgress(), time.Now()
	return b.look(ctx, func() (bool, error) {
		image, err := b.baker.Cloud.Images().Get(ctx, b.request.Region, b.imageID)
		switch {
		case err != nil: // EC2 shows a new image late
			return false, err
		case image.State == ec2.ImageAvailable:
			if err := b.handOver(image); err != nil {
				b.handed = false
				return false, final(err)
			}
			b.info("image %s is available after %s", b.imageID, rounded(time.Since(since)))
			return true, nil
		case image.State != ec2.ImagePending:
			message := fmt.Sprintf("image %s is %s", b.imageID, image.State)
			if image.StateReason != "" {
				message += ": EC2 says " + image.StateReason
			}
			return false, final(&FailedError{Message: message, Hint: hintImage})
		}
		if text := news.tell(image.State); text != "" {
			b.info("image %s is %s", b.imageID, text)
		}
		return false, nil
	})
}
