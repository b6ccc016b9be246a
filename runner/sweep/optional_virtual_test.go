package sweep_test

import (
	"context"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/marqo-ai/ec2-github-runner/runner/sweep"
	"github.com/marqo-ai/ec2-github-runner/test/simulator"
)

// TestSweepWithoutVolumes: a sweep that may not list volumes says so and skips them; if the call fails for any other
// reason, the sweep fails.
func TestSweepWithoutVolumes(t *testing.T) {
	t.Parallel()
	for code, want := range map[string]string{
		"UnauthorizedOperation": "",
		"InternalError":         "list volumes in region us-east-1: describe volumes: InternalError",
		"OptInRequired":         "list volumes in region us-east-1: describe volumes: OptInRequired",
	} {
		t.Run(code, func(t *testing.T) {
			t.Parallel()
			inBubble(t, simulator.Config{}, func(ctx context.Context, t *testing.T, s *stage) {
				s.World.AddFault(simulator.Fault{Match: simulator.Match{Operation: "DescribeVolumes"},
					Effect: simulator.EffectError, Code: code})
				sweeper := &sweep.Sweeper{Cloud: s.Starter.Cloud, Registry: s.Starter.Registry,
					Log: slog.New(slog.NewTextHandler(s.Log, nil))}
				_, err := sweeper.Sweep(ctx, sweep.Request{Repository: "demo-org/demo", Scope: "demo-org/demo",
					Regions: []string{"us-east-1"}, Grace: 10 * time.Minute})
				if (err != nil) != (want != "") || (err != nil && !strings.Contains(err.Error(), want)) {
					t.Errorf("want %q, got %v", want, err)
				}
				if warned := strings.Contains(s.Log.String(), "allow ec2:DescribeVolumes"); warned != (want == "") {
					t.Errorf("warned of the permission: %t\n%s", warned, s.Log)
				}
			})
		})
	}
}
