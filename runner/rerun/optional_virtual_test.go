package rerun

import (
	"context"
	"log/slog"
	"strings"
	"testing"

	"github.com/marqo-ai/ec2-github-runner/test/bubble"
	"github.com/marqo-ai/ec2-github-runner/test/simulator"
)

// TestWithoutSpotRequests: where the requests of spot machines may not be listed, that is a warning; if the call fails
// for any other reason, it is an error.
func TestWithoutSpotRequests(t *testing.T) {
	t.Parallel()
	for code, want := range map[string]string{
		"UnauthorizedOperation": "",
		"InternalError":         "us-east-1: describe spot instance requests: InternalError",
		"OptInRequired":         "us-east-1: describe spot instance requests: OptInRequired",
	} {
		t.Run(code, func(t *testing.T) {
			t.Parallel()
			bubble.Run(t, simulator.Config{}, func(ctx context.Context, t *testing.T, s *bubble.Stage) {
				s.World.AddFault(simulator.Fault{Match: simulator.Match{Operation: "DescribeSpotInstanceRequests"},
					Effect: simulator.EffectError, Code: code})
				r := &Rerunner{Cloud: s.Starter.Cloud, Registry: s.Starter.Registry,
					Log: slog.New(slog.NewTextHandler(s.Log, nil))}
				_, err := r.Run(ctx, Request{Scope: "demo-org/demo", Repository: "demo-org/demo",
					Regions: []string{"us-east-1"}, Max: 1})
				if (err != nil) != (want != "") || (err != nil && !strings.Contains(err.Error(), want)) {
					t.Errorf("want %q, got %v", want, err)
				}
				if warned := strings.Contains(s.Log.String(), "the feature `reruns`"); warned != (want == "") {
					t.Errorf("warned of the permission: %t\n%s", warned, s.Log)
				}
			})
		})
	}
}
