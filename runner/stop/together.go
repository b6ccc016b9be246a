package stop

import (
	"context"
	"slices"
	"time"

	"github.com/marqo-ai/ec2-github-runner/runner/tags"
)

// fewStops is up to how many instances are terminated one by one, which reports each result exactly.
const fewStops = 3

// maxTerminated is how many instances one call terminates. AWS recommends batches smaller than the allowed thousand.
// https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_TerminateInstances.html
const maxTerminated = 500

// terminateTogether terminates many instances with one call per region. One unknown id fails a whole call; the
// instances of a failed call are terminated one by one.
func (sp *stop) terminateTogether(ctx context.Context, targets []target) {
	if len(targets) <= fewStops {
		return
	}
	byRegion := map[string][]int{}
	for i, t := range targets {
		if t.instance.ID != "" && t.instance.State != "" && t.instance.Alive() && !sp.mustKeep(t) &&
			!tags.Of(t.instance).IsKeptFailed(time.Now()) && !t.isExisting() && !sp.onlyStops(t) {
			byRegion[t.instance.Region] = append(byRegion[t.instance.Region], i)
		}
	}
	for region, all := range byRegion {
		for batch := range slices.Chunk(all, maxTerminated) {
			ids := make([]string, len(batch))
			for n, i := range batch {
				ids[n] = targets[i].id
			}
			if err := sp.cloud.Terminate(ctx, region, ids...); err != nil {
				sp.log.Debug("the instances cannot be terminated by one call", "error", err)
				continue
			}
			for _, i := range batch {
				targets[i].ended = true
			}
		}
	}
}
