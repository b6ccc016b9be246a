package bubble

import (
	"context"
	"testing"
	"time"

	"github.com/marqo-ai/ec2-github-runner/runner"
)

// Killed kills a start when the nth call of an operation has taken effect, and runs its post step. It reports whether
// there were that many calls.
func (s *Stage) Killed(ctx context.Context, t *testing.T, operation string, nth int, request runner.StartRequest) bool {
	t.Helper()
	transport := s.World.Transport()
	first := s.Another(t)
	first.Cloud, first.Registry, first.Journal = NewCloud(transport), NewRegistry(t, transport), s.Journal
	ending, cancel := context.WithCancel(ctx)
	defer cancel()
	known, ticker := len(s.Calls(operation)), time.NewTicker(50*time.Millisecond)
	defer ticker.Stop()
	go func() {
		for ending.Err() == nil {
			select {
			case <-ticker.C:
			case <-ending.Done():
				return
			}
			if calls := s.Calls(operation); len(calls) >= known+nth && calls[known+nth-1].Acted {
				transport.Dark()
				cancel()
			}
		}
	}()
	if _, err := first.Start(ending, request); err == nil {
		return false
	}
	if result := CleanUp(ctx, s.Starter, s.Journal.Unfinished()); len(result.Left) > 0 {
		t.Errorf("left: %q", result.Left)
	}
	return true
}
