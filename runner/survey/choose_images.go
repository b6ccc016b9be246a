package survey

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/marqo-ai/ec2-github-runner/ec2"
	"github.com/marqo-ai/ec2-github-runner/machine"
	"github.com/marqo-ai/ec2-github-runner/runner/diagnosis"
	"github.com/marqo-ai/ec2-github-runner/runner/tags/key"
)

// newestImage is a region's answer about this action's newest image for an architecture.
type newestImage struct {
	image ec2.Image
	found bool
	err   error
}

// newestKey identifies the newest image of a region and architecture.
type newestKey struct{ region, architecture string }

// chooseImages fills in each region's newest baked image for the architecture where no image is given. A region that
// has none, or that cannot be read, is left out if others remain.
func (sv *Survey) chooseImages(ctx context.Context, groups []group) error {
	known := sv.newestImages(ctx, groups)
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	var told []string
	for _, g := range groups {
		var kept []machine.Placement
		var lacking, unread []newestKey
		for _, p := range g.found.Placements {
			each := newestKey{p.Region, g.Architecture}
			newest, asked := known[each]
			switch {
			case !choosesImage(g, p) || !asked:
				kept = append(kept, p)
			case newest.err != nil:
				unread = append(unread, each)
			case !newest.found:
				lacking = append(lacking, each)
			default:
				p.ImageID = newest.image.ID
				kept = append(kept, p)
			}
		}
		if len(kept) == 0 && len(g.found.Placements) > 0 || sv.EveryRegion && len(unread) > 0 {
			return noImageAnywhere(known, lacking, unread)
		}
		g.found.Placements = kept
		for _, words := range leftOut(known, lacking, unread) {
			if !slices.Contains(told, words) {
				told = append(told, words)
				sv.Warn(words)
			}
		}
	}
	return nil
}

// choosesImage reports whether a placement names no image, so that the architecture selects it.
func choosesImage(g group, p machine.Placement) bool {
	return p.ImageID == "" && g.Architecture != "" && !g.Overlay.Has("ImageId") && !g.Overlay.Has("LaunchTemplate")
}

// newestImages asks each region once for each architecture, concurrently.
func (sv *Survey) newestImages(ctx context.Context, groups []group) map[newestKey]newestImage {
	var keys []newestKey
	for _, g := range groups {
		for _, p := range g.found.Placements {
			if each := (newestKey{p.Region, g.Architecture}); choosesImage(g, p) && !slices.Contains(keys, each) {
				keys = append(keys, each)
			}
		}
	}
	answers := make([]newestImage, len(keys))
	var group sync.WaitGroup
	for i, each := range keys {
		group.Go(func() {
			image, found, err := sv.Cloud.Images().Newest(ctx, each.region,
				map[string]string{key.Architecture: each.architecture})
			answers[i] = newestImage{image, found, err}
		})
	}
	group.Wait()
	known := map[newestKey]newestImage{}
	for i, each := range keys {
		known[each] = answers[i]
		if image := answers[i].image; answers[i].found {
			sv.Log.Info(fmt.Sprintf("the newest %s image in %s is %s (%s)", each.architecture, each.region, image.ID,
				image.Name))
		}
	}
	return known
}

// noImageAnywhere returns why a group has no image at all. A region that could not be read may have one.
func noImageAnywhere(known map[newestKey]newestImage, lacking, unread []newestKey) error {
	if len(unread) > 0 {
		each := unread[0]
		return fmt.Errorf("find the newest %s image in %s: %w", each.architecture, each.region, known[each].err)
	}
	return &diagnosis.RefusedError{
		Message: fmt.Sprintf("no image baked by this action exists for architecture %s in %s", lacking[0].architecture,
			regionsOf(lacking)),
		Hint: fmt.Sprintf("bake one (mode: bake, architecture: %s), or set 'ec2-image-id'", lacking[0].architecture),
	}
}

// leftOut says which regions are left out, and why.
func leftOut(known map[newestKey]newestImage, lacking, unread []newestKey) (words []string) {
	if len(lacking) > 0 {
		regions := regionsOf(lacking)
		words = append(words,
			fmt.Sprintf("no %s image baked by this action exists in %s, so nothing is launched there; bake with "+
				"regions: %s", lacking[0].architecture, regions, regions))
	}
	for i, each := range unread {
		if slices.Index(unread, each) == i {
			words = append(words, fmt.Sprintf("the images in %s cannot be read, so nothing is launched there: %v",
				each.region, known[each].err))
		}
	}
	return words
}

// regionsOf lists the regions, each once.
func regionsOf(keys []newestKey) string {
	var list []string
	for _, each := range keys {
		if !slices.Contains(list, each.region) {
			list = append(list, each.region)
		}
	}
	return strings.Join(list, ", ")
}
