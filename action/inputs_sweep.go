package action

import (
	"cmp"

	"github.com/marqo-ai/ec2-github-runner/runner/rerun"
	"github.com/marqo-ai/ec2-github-runner/runner/sweep"
)

// sweep reads the request of a sweep. Its input region may be a list, whose first element is the home region.
func (r *reader) sweep(request *Request) {
	regions := r.regions()
	request.Region = cmp.Or(regions...)
	grace, _ := r.minutes("grace-minutes")
	request.Sweep = &sweep.Request{
		Repository: request.Run.Repository, Scope: request.Scope, Regions: regions, Grace: grace,
		DryRun: r.ownFlag("dry-run"),
	}
	if most := r.count("rerun-interrupted", maxReruns); most > 0 {
		request.Rerun = &rerun.Request{
			Repository: request.Run.Repository, Scope: request.Scope, Regions: regions, Max: most,
			DryRun: request.Sweep.DryRun,
		}
	}
}

// maxReruns is how often GitHub allows a workflow run to be run again.
// https://docs.github.com/en/actions/how-tos/manage-workflow-runs/re-run-workflows-and-jobs
const maxReruns = 50

// regions reads a comma-, space- or newline-separated list of regions, without duplicates.
func (r *reader) regions() []string {
	var list []string
	seen := map[string]bool{}
	for _, region := range r.list("region") {
		if !seen[region] {
			seen[region] = true
			list = append(list, r.region("region", region))
		}
	}
	return list
}
