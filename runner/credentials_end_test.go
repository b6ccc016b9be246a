package runner_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/marqo-ai/ec2-github-runner/runner"
	"github.com/marqo-ai/ec2-github-runner/runner/post"
	"github.com/marqo-ai/ec2-github-runner/test/simulator"
)

// session is an account whose credentials end after a while.
func session(config simulator.Config, after time.Duration) simulator.Config {
	config.Keys = []simulator.Key{{ID: "AKIADEMO", ExpiresIn: after}}
	return config
}

// Credentials that end while the runner is on its way fail no start: GitHub decides.
func TestCredentialsEndWhileTheStartWaits(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		config  simulator.Config
		request runner.StartRequest
	}{
		"launched": {simulator.Config{}, request()},
		"existing": {boxes(box), existingRequest()},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			inBubble(t, session(c.config, 12*time.Second), func(ctx context.Context, t *testing.T, s *stage) {
				if _, err := s.starter.Start(ctx, c.request); err != nil {
					t.Fatalf("start: %v\n%s", err, s.log)
				}
				if n := strings.Count(s.log.String(), "level=WARN"); n != 1 {
					t.Errorf("%d warnings, want one\n%s", n, s.log)
				}
			})
		})
	}
}

// A warm machine is waited for in the same way.
func TestCredentialsEndWhileAWarmMachineStarts(t *testing.T) {
	t.Parallel()
	inBubble(t, session(simulator.Config{}, 190*time.Second), func(ctx context.Context, t *testing.T, s *stage) {
		s.filled(ctx, t, 1)
		result, err := s.starter.Start(ctx, fromPool())
		if err != nil || !result.Runners[0].Warm {
			t.Fatalf("start: %v\n%s", err, s.log)
		}
	})
}

// What cannot be rolled back for lack of credentials is named, with when it ends by itself; and then it does.
func TestWhatEndedCredentialsLeave(t *testing.T) {
	t.Parallel()
	config := session(simulator.Config{Guests: []simulator.GuestRule{{Fault: simulator.GuestNoRoute}}}, 12*time.Second)
	inBubble(t, config, func(ctx context.Context, t *testing.T, s *stage) {
		result, err := s.starter.Start(ctx, request())
		if err == nil || len(result.Failure.Left) != 1 {
			t.Fatalf("start: %v, %+v", err, result.Failure)
		}
		id := s.world.Snapshot().Instances[0].ID
		for _, want := range []string{id, "us-east-1", "RequestExpired",
			"it ends by itself if its runner is not registered by 2000-01-01 00:09 UTC"} {
			if !strings.Contains(result.Failure.Left[0], want) {
				t.Errorf("%q is not said: %s", want, result.Failure.Left[0])
			}
		}
		<-time.After(time.Until(time.Date(2000, 1, 1, 0, 10, 0, 0, time.UTC)))
		s.nothingLeft(t)
	})
}

// A machine that is kept and could not be stopped again is named.
func TestWhatEndedCredentialsLeaveRunning(t *testing.T) {
	t.Parallel()
	config := session(boxes(box), 12*time.Second)
	config.Guests = []simulator.GuestRule{{Fault: simulator.GuestNeverBoots}}
	inBubble(t, config, func(ctx context.Context, t *testing.T, s *stage) {
		result, err := s.starter.Start(ctx, existingRequest())
		if err == nil || len(result.Failure.Left) != 1 || !strings.Contains(result.Failure.Left[0], box) ||
			!strings.Contains(result.Failure.Left[0], "RequestExpired") {
			t.Errorf("start: %v, %+v", err, result.Failure)
		}
	})
}

// A post step that finds only ended credentials says exactly what is left, at once.
func TestPostWithEndedCredentials(t *testing.T) {
	t.Parallel()
	inBubble(t, session(simulator.Config{}, time.Second), func(ctx context.Context, t *testing.T, s *stage) {
		<-time.After(time.Second)
		begun := time.Now()
		result := cleanUp(ctx, s.starter, post.Request{
			What: "start", Tokens: map[string][]string{"us-east-1": {"egr-a", "egr-b"}},
			Taken: map[string][]string{"us-east-1": {box}},
		})
		left := strings.Join(result.Left, "\n")
		for _, want := range []string{"egr-a or egr-b", "RequestExpired", "it ends by itself", box} {
			if !strings.Contains(left, want) {
				t.Errorf("%q is not said: %s", want, left)
			}
		}
		if took := time.Since(begun); took > 5*time.Second {
			t.Errorf("it took %s", took)
		}
	})
}

// A stop with ended credentials names the machine, and leaves its registration alone.
func TestStopWithEndedCredentials(t *testing.T) {
	t.Parallel()
	inBubble(t, session(simulator.Config{}, time.Minute), func(ctx context.Context, t *testing.T, s *stage) {
		h := s.startedIn(ctx, t, request())
		<-time.After(time.Minute)
		_, took, err := s.stop(ctx, stopBy("id", h))
		if err == nil || !strings.Contains(err.Error(), h.InstanceID) || !strings.Contains(err.Error(),
			"RequestExpired") ||
			took > 5*time.Second {
			t.Errorf("stop took %s: %v", took, err)
		}
		s.kept(t)
	})
}
