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

// maxImageAge is for how long GitHub takes a release of the runner, and so an image with one in it.
// https://docs.github.com/en/actions/reference/runners/self-hosted-runners#runner-software-updates-on-self-hosted-runners
const maxImageAge = 30 * 24 * time.Hour

// reportBaked says once for each image of this action's own, which its tags tell, that its root volume is larger than
// what is asked for, and that its runner is too old, so that its machines download another at each start.
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
		if words := sv.outgrown(image, version, time.Now()); words != "" && g.HomeDir == "" {
			sv.Warn(words)
		}
	}
}

// outgrown reports whether an image's runner is too old for github.com, or soon will be.
func (sv *Survey) outgrown(image ec2.Image, version string, now time.Time) string {
	if !strings.HasPrefix(sv.WebURL, "https://github.com/") {
		return "" // a server of one's own keeps to older runners
	}
	created, err := time.Parse(time.RFC3339, image.Created)
	switch {
	case tags.IsOlder(version, bootstrap.MinimumVersion):
		return fmt.Sprintf("image %s (%s) holds runner %s, which GitHub takes no more, so the machine downloads "+
			"another one: bake again (mode: bake)", image.ID, image.Name, version)
	case err == nil && now.Sub(created) > maxImageAge:
		return fmt.Sprintf("image %s (%s) with runner %s is %d days old, and GitHub takes a release for 30 days: "+
			"bake again (mode: bake), best on a schedule", image.ID, image.Name, version,
			int(now.Sub(created).Hours()/24))
	}
	return ""
}
