package runner_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/marqo-ai/ec2-github-runner/test/bubble"
	"github.com/marqo-ai/ec2-github-runner/test/simulator"
)

// TestWhatEndedCredentialsLeave: what cannot be rolled back with expired credentials is named, with the time at which
// it terminates itself; and then it does.
func TestWhatEndedCredentialsLeave(t *testing.T) {
	t.Parallel()
	config := bubble.KeysEnd(simulator.Config{}, 12*time.Second)
	config.Guests = []simulator.GuestRule{{Fault: simulator.GuestNoRoute}}
	inBubble(t, config, func(ctx context.Context, t *testing.T, s *stage) {
		result, err := s.Starter.Start(ctx, bubble.Request())
		if err == nil || len(result.Failure.Left) != 1 {
			t.Fatalf("start: %v, %+v", err, result.Failure)
		}
		id := s.World.Snapshot().Instances[0].ID
		for _, want := range []string{id, "us-east-1", "RequestExpired",
			"it ends by itself if its runner is not registered by 2000-01-01 00:09 UTC"} {
			if !strings.Contains(result.Failure.Left[0], want) {
				t.Errorf("%q is missing in: %s", want, result.Failure.Left[0])
			}
		}
		<-time.After(time.Until(time.Date(2000, 1, 1, 0, 10, 0, 0, time.UTC)))
		s.NothingLeft(t)
	})
}

// TestCredentialsEndWhileTheStartWaits: credentials that expire during the wait do not fail a start: GitHub decides.
func TestCredentialsEndWhileTheStartWaits(t *testing.T) {
	t.Parallel()
	inBubble(t, bubble.KeysEnd(simulator.Config{}, 12*time.Second), func(ctx context.Context, t *testing.T, s *stage) {
		if _, err := s.Starter.Start(ctx, bubble.Request()); err != nil {
			t.Fatalf("start: %v\n%s", err, s.Log)
		}
		if n := strings.Count(s.Log.String(), "level=WARN"); n != 1 {
			t.Errorf("%d warnings, want one\n%s", n, s.Log)
		}
	})
}
