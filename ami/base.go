package ami

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/marqo-ai/ec2-github-runner/ec2"
	"github.com/marqo-ai/ec2-github-runner/ec2/refusal"
	"github.com/marqo-ai/ec2-github-runner/runner/tags/key"
)

// canonical returns the account of Canonical, the publisher of Ubuntu, in the region's partition.
// https://documentation.ubuntu.com/aws/aws-how-to/instances/find-ubuntu-images/
func canonical(region string) string {
	switch {
	case strings.HasPrefix(region, "us-gov-"):
		return "513442679011"
	case strings.HasPrefix(region, "cn-"):
		return "837727238323"
	}
	return "099720109477"
}

// processors are EC2's names of the processors that an architecture may have; the first is the default.
var processors = map[string][]string{
	"amd64": {"x86_64"},
	"arm64": {"arm64"},
	"cuda":  {"x86_64", "arm64"},
}

// softwareFor is GitHub's name of a processor in its downloads.
var softwareFor = map[string]string{"x86_64": "x64", "arm64": "arm64"}

// findBase finds the image that the builder boots, and completes the recipe.
func (b *bake) findBase(ctx context.Context) error {
	var err error
	if len(b.request.BaseImages) > 0 {
		b.base, err = baseSearch{b}.given(ctx)
	} else {
		b.base, err = baseSearch{b}.ubuntu(ctx)
	}
	if err != nil {
		return err
	}
	b.out.BaseImage, b.out.BaseName = b.base.ID, b.base.Name
	b.info("the base is %s (%s)", b.base.ID, b.base.Name)
	b.warnOfProcessors()
	b.recipe = Recipe{
		Machine: b.wanted, DownloadToken: b.request.DownloadToken, Nonce: b.request.Nonce,
	}
	for _, software := range b.request.Software {
		if software.Architecture == softwareFor[b.base.Architecture] {
			b.recipe.Software, b.out.RunnerVersion = software, software.Version
			return nil
		}
	}
	return &FailedError{Message: "GitHub offers no runner for " + b.base.Architecture,
		Hint: "use a base image of x86_64 or arm64", Refused: true}
}

// baseSearch finds the image that the builder boots.
type baseSearch struct{ b *bake }

func (s baseSearch) ubuntu(ctx context.Context) (ec2.Image, error) {
	processor := processors[s.b.wanted.Architecture][0]
	images, err := s.b.baker.Cloud.Images().List(ctx, s.b.request.Region, ec2.ImageQuery{
		Owner: canonical(s.b.request.Region), Name: ubuntuPattern, Architecture: processor,
		States: []string{ec2.ImageAvailable},
	})
	if err != nil {
		return ec2.Image{}, err
	}
	newest, found := s.chooseLTS(ctx, longTermReleases(images))
	if !found {
		return ec2.Image{}, &FailedError{
			Message: fmt.Sprintf("there is no Ubuntu LTS image of Canonical's for %s in %s", processor,
				s.b.request.Region),
			Hint: "give an image that exists in this region by base-image-id", Refused: true,
		}
	}
	return newest.image, nil
}

// given returns the first of the given images that fits the architecture.
func (s baseSearch) given(ctx context.Context) (ec2.Image, error) {
	var unfit []string
	for _, id := range s.b.request.BaseImages {
		image, err := s.b.baker.Cloud.Images().Get(ctx, s.b.request.Region, id)
		why := image.Refusal()
		switch {
		case refusal.ClassOf(err) == refusal.NotFound:
			return image, &FailedError{
				Message: fmt.Sprintf("the base image %s does not exist in %s", id, s.b.request.Region), Err: err,
				Refused: true,
				Hint: "an image exists in one region only: use one of this region, or leave base-image-id out for " +
					"the newest Ubuntu LTS",
			}
		case err != nil:
			return image, err
		case why != "":
			return image, &FailedError{Message: fmt.Sprintf("image %s cannot be a base: %s", id, why),
				Hint: "use an image of Ubuntu, Debian or Amazon Linux 2023", Refused: true}
		case image.State != ec2.ImageAvailable:
			return image, &FailedError{Message: fmt.Sprintf("the base image %s is %s", id, image.State),
				Hint: "wait until it is available, or use another one", Refused: true}
		case slices.Contains(processors[s.b.wanted.Architecture], image.Architecture):
			return image, nil
		}
		unfit = append(unfit, id+" is "+image.Architecture)
	}
	return ec2.Image{}, &FailedError{
		Message: fmt.Sprintf("no base image fits %s: %s", s.b.wanted.Architecture, strings.Join(unfit, ", ")),
		Hint:    "give one of each architecture by base-image-id, or leave it out for the newest Ubuntu LTS",
		Refused: true,
	}
}

// recognise checks whether the newest image of the family has the same content; if so, it is handed over again.
func (b *bake) recognise(ctx context.Context) error {
	b.name = b.request.imageName(b.wanted.Architecture, b.begun)
	images, err := b.baker.Cloud.Images().List(ctx, b.request.Region, b.ofFamily())
	if err != nil {
		return err
	}
	i := slices.IndexFunc(images, func(image ec2.Image) bool { return image.State == ec2.ImageAvailable })
	switch {
	case i < 0:
		b.info("there is no earlier image of this family")
		return nil
	case b.request.Force:
		b.info("baking although %s may hold the same (force)", images[i].ID)
		return nil
	}
	if change := b.change(images[i]); change != "" {
		b.info("baking, because %s since %s (%s) was baked", change, images[i].ID, images[i].Name)
		return nil
	}
	b.unchanged = true
	b.info("nothing has changed since %s (%s) was baked: the same recipe, base and runner; force: true bakes anyway",
		images[i].ID, images[i].Name)
	return b.handOver(images[i])
}

// change returns what has changed since an image was baked, or "".
func (b *bake) change(image ec2.Image) string {
	size := max(b.wanted.Root.GiB, b.base.RootGiB)
	switch {
	case image.Tags[tagRecipe] != b.recipe.Hash():
		return "the recipe has changed"
	case image.Tags[tagBaseImage] != b.base.ID:
		return "there is another base image"
	case image.Tags[key.RunnerVersion] != b.recipe.Software.Version:
		return fmt.Sprintf("the runner is %s and was %s", b.recipe.Software.Version, image.Tags[key.RunnerVersion])
	case b.wanted.Devices == "" && image.RootGiB != 0 && image.RootGiB != size:
		return fmt.Sprintf("the volume has %d GiB and had %d", size, image.RootGiB)
	}
	return ""
}

// ofFamily returns a query for the earlier images of this one's family.
func (b *bake) ofFamily() ec2.ImageQuery {
	tags := map[string]string{key.Architecture: b.wanted.Architecture, tagFamily: familyOf(b.name)}
	maps.Copy(tags, b.request.Ours)
	return ec2.ImageQuery{Owner: ec2.Self, Tags: tags}
}
