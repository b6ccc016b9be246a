package github_test

import (
	"context"
	"strconv"
	"testing"

	"github.com/marqo-ai/ec2-github-runner/github"
	"github.com/marqo-ai/ec2-github-runner/test/simulator"
)

// TestAttemptJobs: all jobs of an attempt are listed, over as many pages as there are, or there is an error: a job that
// is missing in the list would make another one look like the only one.
func TestAttemptJobs(t *testing.T) {
	t.Parallel()
	var jobs []simulator.RunJob
	for n := range 250 {
		jobs = append(jobs, simulator.RunJob{ID: int64(n + 1), Name: "job " + strconv.Itoa(n)})
	}
	for page := range 4 { // on which page GitHub answers nothing; 0 for none
		config := simulator.Config{Runs: []simulator.Run{{ID: 4711, Status: "completed", Jobs: jobs}}}
		if page > 0 {
			config.Faults = []simulator.Fault{{Match: simulator.Match{Operation: "actions/list-jobs-for-*"}, Nth: page,
				Effect: simulator.EffectEmpty}}
		}
		inBubble(t, config, func(ctx context.Context, t *testing.T, _ *simulator.World, client *github.Client) {
			list, err := client.AttemptJobs(ctx, "demo-org/demo", "4711", 1)
			if page == 0 && (err != nil || len(list) != len(jobs)) {
				t.Errorf("%d jobs of %d: %v", len(list), len(jobs), err)
			}
			if page > 0 && err == nil {
				t.Errorf("nothing on page %d: %d jobs of %d, and no error", page, len(list), len(jobs))
			}
		})
	}
}
