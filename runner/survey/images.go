package survey

import (
	"context"
	"fmt"
	"strings"
	"sync"

	"github.com/marqo-ai/ec2-github-runner/ec2"
	"github.com/marqo-ai/ec2-github-runner/runner/diagnosis"
	"github.com/marqo-ai/ec2-github-runner/runner/tags/key"
)

// readImages reads the images, for their root devices and to refuse Windows and macOS before anything is launched. The
// permission is optional: after any error the images count as unknown.
func (sv *Survey) readImages(ctx context.Context, groups []group) error {
	images := sv.imagesByKey(ctx, groups)
	for _, g := range groups {
		for _, p := range g.found.Placements {
			image := images[imageKey{p.Region, p.ImageID}]
			if refusal := image.Refusal(); refusal != "" {
				return &diagnosis.RefusedError{
					Message: fmt.Sprintf("image %s cannot become a runner: %s", p.ImageID, refusal),
					Hint: "use an image of Amazon Linux, Ubuntu or Debian; Windows and macOS instances are not " +
						"supported",
				}
			}
		}
		g.found.images = images
		sv.reportSystems(g)
		sv.logRootDevice(g)
		sv.reportBaked(g)
	}
	return nil
}

// withImages adds to offerings what a launch needs to know about their images. A root volume is never smaller than that
// of an image of this action, which EC2 would refuse.
func (sv *Survey) withImages(g group, offerings []ec2.Offering) []ec2.Offering {
	for i := range offerings {
		o := &offerings[i]
		image := g.found.Image(o.Placement)
		o.RootDevice, o.Kept = image.RootDevice, image.Kept
		if image.Tags[key.RunnerVersion] != "" {
			o.MinRootGiB = image.RootGiB
		}
	}
	return offerings
}

type imageKey struct{ region, id string }

// imagesByKey reads every image once, concurrently. One that cannot be read is the zero Image.
func (sv *Survey) imagesByKey(ctx context.Context, groups []group) map[imageKey]ec2.Image {
	images := map[imageKey]ec2.Image{}
	var mu sync.Mutex
	var group sync.WaitGroup
	for _, g := range groups {
		for _, p := range g.found.Placements {
			k := imageKey{p.Region, p.ImageID}
			mu.Lock()
			_, asked := images[k]
			if !asked {
				images[k] = ec2.Image{}
			}
			mu.Unlock()
			if asked || p.ImageID == "" || strings.HasPrefix(p.ImageID, "resolve:") { // EC2 itself resolves such a name
				continue
			}
			group.Go(func() {
				image, err := sv.Cloud.Images().Get(ctx, k.region, k.id)
				if err != nil {
					sv.Log.Debug("cannot read the image", "image", k.id, "error", err)
				}
				mu.Lock()
				defer mu.Unlock()
				images[k] = image
			})
		}
	}
	group.Wait()
	return images
}

// logRootDevice logs once that the volume inputs now set the root volume, where machulav's action adds a second disk.
func (sv *Survey) logRootDevice(g group) {
	if g.Devices != "" || g.Root.Device != "" || (g.Root.GiB == 0 && g.Root.Type == "") {
		return
	}
	for _, p := range g.found.Placements {
		device := g.found.Image(p).RootDevice
		if device != "" && device != "/dev/sda1" {
			sv.Log.Info(fmt.Sprintf("the root device of %s is %s, so ec2-volume-size and ec2-volume-type set "+
				"the root volume", p.ImageID, device))
			return
		}
	}
}
