package runner_test

import (
	"context"
	"log/slog"
	"testing"
	"time"

	"github.com/marqo-ai/ec2-github-runner/ec2"
	"github.com/marqo-ai/ec2-github-runner/github"
	"github.com/marqo-ai/ec2-github-runner/test/bubble"
	"github.com/marqo-ai/ec2-github-runner/test/simulator"
)

// TestManyAreFoundAfterAKill kills a start of fifty in the middle of its launches: the post step finds all of them by
// the client tokens in the journal, within its time and EC2's limits.
func TestManyAreFoundAfterAKill(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		jit   bool
		after time.Duration
	}{{false, 2500 * time.Millisecond}, {false, 26 * time.Second}, {true, 15 * time.Second}, {true, 40 * time.Second}} {
		jit, after := c.jit, c.after
		inBubble(t, simulator.Config{}, func(ctx context.Context, t *testing.T, s *stage) {
			transport := s.World.Transport()
			killed := *s.Starter
			killed.Cloud, killed.Registry = bubble.NewCloud(transport), bubble.NewRegistry(t, transport)
			killed.Fresh = func() (*ec2.Client,
				*github.Client) {
				return bubble.NewCloud(transport), bubble.NewRegistry(t, transport)
			}
			killed.Log = slog.New(slog.DiscardHandler)
			r := bubble.Request()
			r.Groups[0].Count, r.JIT = 50, jit
			dying, cancel := context.WithCancel(ctx)
			defer cancel()
			death := time.AfterFunc(after, func() { transport.Dark(); cancel() })
			defer death.Stop()
			if _, err := killed.Start(dying, r); err == nil {
				t.Fatal("the start ended before it was killed")
			}
			instances, _ := s.World.Leftovers()
			if len(instances) < 20 {
				t.Fatalf("%d instances are left by the kill, want many", len(instances))
			}
			begun := time.Now()
			unfinished := s.Journal.Unfinished()
			result := bubble.CleanUp(ctx, s.Starter, unfinished)
			if took := time.Since(begun); took > 30*time.Second || len(result.Left) > 0 {
				t.Errorf("jit %t: the post step took %s and left %v", jit, took, result.Left)
			}
			s.NothingLeft(t)
		})
	}
}
