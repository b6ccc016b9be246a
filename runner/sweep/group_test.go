package sweep

import (
	"fmt"
	"testing"
	"time"

	"github.com/marqo-ai/ec2-github-runner/ec2"
	"github.com/marqo-ai/ec2-github-runner/github"
	"github.com/marqo-ai/ec2-github-runner/runner/tags"
	"github.com/marqo-ai/ec2-github-runner/runner/tags/key"
)

// TestSweepKnowsAGroupsRegistrations: the registration of a terminated machine is removed if its own tags have both its
// name and its id; those of the other machines of the launch stay.
func TestSweepKnowsAGroupsRegistrations(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 1, 12, 0, 0, 0, time.UTC)
	s := &survey{now: now, grace: time.Minute, scope: "o/r", repository: "o/r", whole: true, listed: true,
		runs: map[string]runState{"1": runGoesOn}}
	for index, state := range []string{ec2.Terminated, ec2.Running} {
		s.instances = append(s.instances, ec2.Instance{
			ID: fmt.Sprintf("i-%d", index), State: state, LaunchIndex: index, LaunchTime: now.Add(-time.Hour),
			Tags: map[string]string{
				key.Scope: "o/r", key.Repository: "o/r", key.Mode: tags.ModeStart, key.RunID: "1",
				key.RunnerName: "ec2-build",
				key.Slots:      "2", key.RunnerIDs: "11-12",
			},
		})
	}
	s.runners = []github.Runner{{ID: 11, Name: "ec2-build-0"}, {ID: 12, Name: "ec2-build-1"},
		{ID: 13, Name: "ec2-build-2"}}
	got := map[int64]Act{}
	for _, v := range s.verdicts() {
		if v.instance.ID != "i-1" {
			got[v.runner.ID] = v.act
		}
	}
	if got[11] != Deregistered || got[12] == Deregistered || got[13] == Deregistered {
		t.Errorf("acts %v, want only the runner of the ended machine removed", got)
	}
}
