package survey

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/marqo-ai/ec2-github-runner/bootstrap"
	"github.com/marqo-ai/ec2-github-runner/ec2"
	"github.com/marqo-ai/ec2-github-runner/runner/tags"
	"github.com/marqo-ai/ec2-github-runner/runner/tags/key"
)

// maxImageAge is how long GitHub accepts a release of the runner, and so an image that contains it.
// https://docs.github.com/en/actions/reference/runners/self-hosted-runners#runner-software-updates-on-self-hosted-runners
const maxImageAge = 30 * 24 * time.Hour

// reportBaked logs, once for each image that this action has baked, that its root volume is larger than the requested
// one and that its runner is too old, so that machines download another one at each start.
func (sv *Survey) reportBaked(g group) {
	var told []string
	for _, p := range g.found.Placements {
		image := g.found.Image(p)
		version := image.Tags[key.RunnerVersion]
		if version == "" || slices.Contains(told, image.ID) {
			continue
		}
		told = append(told, image.ID)
		if g.Root.GiB > 0 && g.Root.GiB < image.RootGiB {
			sv.Log.Info(fmt.Sprintf("image %s was made with %d GiB, so the root volume has as many instead of %d",
				image.ID, image.RootGiB, g.Root.GiB))
		}
		if words := sv.outdatedImage(image, version, time.Now()); words != "" && g.HomeDir == "" {
			sv.Warn(words)
		}
	}
}

// outdatedImage returns a warning if an image's runner is too old for github.com, or soon will be, or "".
func (sv *Survey) outdatedImage(image ec2.Image, version string, now time.Time) string {
	if !strings.HasPrefix(sv.WebURL, "https://github.com/") {
		return "" // an Enterprise Server accepts older runners
	}
	created, err := time.Parse(time.RFC3339, image.Created)
	switch {
	case tags.IsOlder(version, bootstrap.MinimumVersion):
		return fmt.Sprintf("image %s (%s) has runner %s, which GitHub no longer accepts, so the machine downloads "+
			"another one: bake again (mode: bake)", image.ID, image.Name, version)
	case err == nil && now.Sub(created) > maxImageAge:
		return fmt.Sprintf("image %s (%s) with runner %s is %d days old, and GitHub accepts a release for 30 days: "+
			"bake again (mode: bake), best on a schedule", image.ID, image.Name, version,
			int(now.Sub(created).Hours()/24))
	}
	return ""
}
