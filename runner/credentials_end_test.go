package runner_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/marqo-ai/ec2-github-runner/test/bubble"
	"github.com/marqo-ai/ec2-github-runner/test/simulator"
)

// What cannot be rolled back for lack of credentials is named, with when it ends by itself; and then it does.
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
				t.Errorf("%q is not said: %s", want, result.Failure.Left[0])
			}
		}
		<-time.After(time.Until(time.Date(2000, 1, 1, 0, 10, 0, 0, time.UTC)))
		s.NothingLeft(t)
	})
}

// Credentials that end while the runner is on its way fail no start: GitHub decides.
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
