package stop_test

import (
	"context"
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/marqo-ai/ec2-github-runner/machine"
	"github.com/marqo-ai/ec2-github-runner/runner/stop"
	"github.com/marqo-ai/ec2-github-runner/runner/tags"
	"github.com/marqo-ai/ec2-github-runner/test/bubble"
	"github.com/marqo-ai/ec2-github-runner/test/simulator"
)

// TestStopLooksCheaply: hand-offs without a region are searched for in every region, with one call per region for any
// number of machines.
func TestStopLooksCheaply(t *testing.T) {
	t.Parallel()
	const regions = 6 // that the simulator's account has
	for _, count := range []int{1, 3, 50} {
		t.Run(fmt.Sprint(count), func(t *testing.T) {
			t.Parallel()
			inBubble(t, simulator.Config{}, func(ctx context.Context, t *testing.T, s *stage) {
				r := bubble.Request()
				r.Groups[0].Count = count
				r.Groups[0].Placements = []machine.Placement{
					machine.NewPlacement("eu-west-1", "ami-0ccccccccccccccc1", "subnet-0ccccccccccccccc1",
						"sg-0ccccccccccccccc1"),
				}
				result, err := s.Starter.Start(ctx, r)
				if err != nil {
					t.Fatal(err)
				}
				before := len(s.World.Calls())
				wanted := stop.Request{Run: r.Run, Scope: r.Scope}
				for _, one := range result.Runners {
					wanted.Handoffs = append(wanted.Handoffs, tags.Handoff{InstanceID: one.InstanceID,
						RunnerName: one.RunnerName,
						RunnerID:   one.RunnerID})
				}
				stopper := &stop.Stopper{Cloud: s.Starter.Cloud, Registry: s.Starter.Registry, Log: s.Starter.Log}
				if _, err := stopper.Stop(ctx, wanted); err != nil {
					t.Error(err)
				}
				s.NothingLeft(t)
				got := map[string]int{}
				for _, call := range s.World.Calls()[before:] {
					if call.Service == "ec2" {
						got[call.Operation]++
					}
				}
				want := map[string]int{"DescribeInstances": regions, "DescribeRegions": 1, "TerminateInstances": 1}
				if count <= 3 {
					want["TerminateInstances"] = count
				}
				if diff := cmp.Diff(want, got); diff != "" {
					t.Errorf("stop of %d runners (-want +got):\n%s", count, diff)
				}
			})
		})
	}
}
