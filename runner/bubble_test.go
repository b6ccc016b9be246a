package runner_test

import (
	"context"
	"testing"

	"github.com/marqo-ai/ec2-github-runner/test/bubble"
	"github.com/marqo-ai/ec2-github-runner/test/simulator"
)

// stage is a simulated world together with real clients of it.
type stage struct{ *bubble.Stage }

// inBubble runs f in virtual time.
func inBubble(t *testing.T, config simulator.Config, f func(ctx context.Context, t *testing.T, s *stage)) {
	t.Helper()
	bubble.Run(t, config, func(ctx context.Context, t *testing.T, s *bubble.Stage) { f(ctx, t, &stage{s}) })
}
