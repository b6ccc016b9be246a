package sweep_test

import (
	"context"
	"testing"
	"time"

	"github.com/marqo-ai/ec2-github-runner/runner/sweep"
	"github.com/marqo-ai/ec2-github-runner/test/simulator"
)

// TestSweepAmongThousands: the pages of GitHub's list are read concurrently.
func TestSweepAmongThousands(t *testing.T) {
	t.Parallel()
	inBubble(t, simulator.Config{ForeignRunners: 3000}, func(ctx context.Context, t *testing.T, s *stage) {
		begun := time.Now()
		sweeper := &sweep.Sweeper{Cloud: s.Starter.Cloud, Registry: s.Starter.Registry, Log: s.Starter.Log}
		if _, err := sweeper.Sweep(ctx, sweep.Request{
			Repository: "demo-org/demo", Scope: "demo-org/demo", Regions: []string{"us-east-1"},
			Grace: 10 * time.Minute,
		}); err != nil {
			t.Fatal(err)
		}
		took := time.Since(begun)
		t.Logf("a sweep among 3,000 took %s", took)
		if took > 1400*time.Millisecond { // the process itself takes some of the 1.5 s
			t.Error("it took longer than 1.4s")
		}
	})
}
