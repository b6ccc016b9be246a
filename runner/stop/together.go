package stop

import (
	"context"
	"slices"
	"time"

	"github.com/marqo-ai/ec2-github-runner/runner/tags"
)

// fewStops are stopped one by one, which tells best what became of each.
const fewStops = 3

// maxTerminated is how many instances one call ends. EC2 advises smaller batches than the thousand that it takes.
// https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_TerminateInstances.html
const maxTerminated = 500

// terminateTogether ends many instances by one call for each region. What a call does not end, since one unknown id
// spoils it, is ended one by one.
func (sp *stop) terminateTogether(ctx context.Context, targets []target) {
	if len(targets) <= fewStops {
		return
	}
	byRegion := map[string][]int{}
	for i, t := range targets {
		if t.instance.ID != "" && t.instance.State != "" && t.instance.Alive() && !sp.keeps(t) &&
			!tags.Of(t.instance).IsKeptFailed(time.Now()) && !t.isExisting() && !sp.halts(t) {
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
				sp.log.Debug("the instances cannot be ended together", "error", err)
				continue
			}
			for _, i := range batch {
				targets[i].ended = true
			}
		}
	}
}
