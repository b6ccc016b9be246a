package runner

import (
	"fmt"
	"testing"
	"time"
	"unicode/utf8"

	"pgregory.net/rapid"

	"github.com/marqo-ai/ec2-github-runner/ec2"
	"github.com/marqo-ai/ec2-github-runner/github"
)

// TestRunnerIDTags: what the tags of a group hold is read back, and nothing else, within what EC2 takes.
func TestRunnerIDTags(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		ids := rapid.SliceOfNDistinct(rapid.Int64Range(1, 400), 1, 120, rapid.ID[int64]).Draw(t, "ids")
		tags := runnerIDTags(ids)
		if len(tags) > 9 {
			t.Fatalf("%d tags", len(tags))
		}
		for key, value := range tags {
			if utf8.RuneCountInString(value) > mostTagValue || len(key) > 128 {
				t.Fatalf("%s=%s is longer than EC2 takes", key, value)
			}
		}
		instance, given := ec2.Instance{Tags: tags}, map[int64]bool{}
		for _, id := range ids {
			given[id] = true
		}
		for id := range int64(402) {
			if namesRunner(instance, id) != given[id] {
				t.Fatalf("id %d: named %t, given %t, tags %v", id, namesRunner(instance, id), given[id], tags)
			}
		}
	})
	if got := runnerIDTags([]int64{75, 21, 22, 23}); len(got) != 1 || got[TagRunnerIDs] != "21-23,75" {
		t.Errorf("tags %v, want 21-23,75", got)
	}
}

// TestSweepKnowsAGroupsRegistrations: the registration of a machine that ended is removed if its own tags name both its
// name and its id, and those of its living neighbours stay.
func TestSweepKnowsAGroupsRegistrations(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 1, 12, 0, 0, 0, time.UTC)
	s := &survey{now: now, grace: time.Minute, scope: "o/r", repository: "o/r", whole: true, listed: true,
		runs: map[string]runState{"1": runGoesOn}}
	for index, state := range []string{ec2.Terminated, ec2.Running} {
		s.instances = append(s.instances, ec2.Instance{
			ID: fmt.Sprintf("i-%d", index), State: state, LaunchIndex: index, LaunchTime: now.Add(-time.Hour),
			Tags: map[string]string{
				TagScope: "o/r", TagRepository: "o/r", TagMode: instanceOfStart, TagRunID: "1", TagRunnerName: "ec2-build",
				TagSlots: "2", TagRunnerIDs: "11-12",
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
