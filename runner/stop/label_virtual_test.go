package stop_test

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/marqo-ai/ec2-github-runner/ec2"
	"github.com/marqo-ai/ec2-github-runner/runner/stop"
	"github.com/marqo-ai/ec2-github-runner/runner/tags/key"
	"github.com/marqo-ai/ec2-github-runner/test/bubble"
	"github.com/marqo-ai/ec2-github-runner/test/simulator"
)

// registered returns the names of the runners that GitHub lists.
func (s *stage) registered() []string {
	var names []string
	for _, r := range s.World.Snapshot().Runners {
		names = append(names, r.Name)
	}
	slices.Sort(names)
	return names
}

// TestStopFailsWhereLateTagsCannotBeSeen: a stop right after a start reads the tags from before the start wrote the
// runner id. If it cannot read them again, it fails instead of reporting the registration as gone, and the next stop
// removes it.
func TestStopFailsWhereLateTagsCannotBeSeen(t *testing.T) {
	t.Parallel()
	for _, fault := range []simulator.Fault{
		{Effect: simulator.EffectError, Code: "UnauthorizedOperation"},
		{Effect: simulator.EffectHang},
	} {
		t.Run(string(fault.Effect), func(t *testing.T) {
			t.Parallel()
			inBubble(t, simulator.Config{Timing: simulator.Timing{TagsVisible: 10 * time.Second}},
				func(ctx context.Context,
					t *testing.T, s *stage) {
					if _, err := s.Starter.Start(ctx, bubble.Request()); err != nil {
						t.Fatal(err)
					}
					label := s.Journal.Identity.Label
					fault.Match = simulator.Match{Operation: "DescribeInstances"}
					fault.Nth = 3 // the first two calls, which find the machine, succeed
					s.World.AddFault(fault)
					if result, _, err := s.stop(ctx, stop.Request{Label: label}); err == nil {
						t.Errorf("stop succeeded: %+v", result.Stopped)
					}
					s.World.ClearFaults()
					<-time.After(time.Minute)
					if _, _, err := s.stop(ctx, stop.Request{Label: label}); err != nil {
						t.Error(err)
					}
					s.NothingLeft(t)
				})
		})
	}
}

// TestSecondStopByLabelRemovesTheDeadAlone: a second stop by label removes what the first has left under any name, but
// neither the runner of another run nor that of a foreign machine that is offline.
func TestSecondStopByLabelRemovesTheDeadAlone(t *testing.T) {
	t.Parallel()
	config := simulator.Config{Runners: []simulator.RunnerSeed{{ID: 77, Name: "gpu-box", Labels: []string{"build"},
		Offline: true}}}
	inBubble(t, config, func(ctx context.Context, t *testing.T, s *stage) {
		r := bubble.Request()
		r.Groups[0].Label = "build"
		other := r
		other.Run.ID = "4712"
		if _, err := s.Another(t).Start(ctx, other); err != nil {
			t.Fatal(err)
		}
		h := s.startedIn(ctx, t, r)
		if !strings.HasPrefix(h.RunnerName, "ec2-build-") {
			t.Fatalf("the second runner is named %s", h.RunnerName)
		}
		if err := s.Starter.Cloud.Terminate(ctx, "us-east-1", h.InstanceID); err != nil {
			t.Fatal(err)
		}
		<-time.After(time.Minute)
		if _, _, err := s.stop(ctx, stop.Request{Label: "build"}); err != nil {
			t.Error(err)
		}
		if got, want := s.registered(), []string{"ec2-build", "gpu-box"}; !slices.Equal(got, want) {
			t.Errorf("registered runners are %v, want %v", got, want)
		}
		instances, err := s.Starter.Cloud.Instances(ctx, "us-east-1",
			ec2.Selector{Tags: map[string]string{key.RunID: "4712"}})
		if err != nil || len(instances) != 1 || !instances[0].Alive() {
			t.Errorf("the other run has the instances %v: %v", instances, err)
		}
	})
}
