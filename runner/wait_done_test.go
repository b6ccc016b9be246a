package runner_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/marqo-ai/ec2-github-runner/test/bubble"
	"github.com/marqo-ai/ec2-github-runner/test/simulator"
)

// TestJobBetweenTwoLooks: a job that waits for the label is done before the start sees the runner online. The start
// succeeds, since the machine has served its purpose, and launches no second machine.
func TestJobBetweenTwoLooks(t *testing.T) {
	for _, c := range []struct {
		name  string
		count int
	}{{"one", 1}, {"four, looked for by pages", 4}} {
		t.Run(c.name, func(t *testing.T) {
			inBubble(t, simulator.Defaults(), func(ctx context.Context, t *testing.T, s *stage) {
				r := bubble.Request()
				r.JIT, r.Ephemeral, r.IdleTimeout = true, true, time.Hour
				r.Groups[0].Count = c.count
				every := 20 * time.Second // too long for a look to see the runner online by chance
				r.Waiting.RetryInterval = &every
				for range c.count {
					s.World.RunJob("build", time.Second)
				}
				result, err := s.Starter.Start(ctx, r)
				if err != nil {
					t.Fatalf("start: %v\n%s", err, s.Log.String())
				}
				if len(result.Runners) != c.count || len(s.Calls("RunInstances")) != c.count {
					t.Errorf("%d runners by %d launches, want %d", len(result.Runners), len(s.Calls("RunInstances")),
						c.count)
				}
				if !strings.Contains(strings.Join(result.Warnings, "\n"), "has already done its one job") {
					t.Errorf("no warning says that a job was done: %q", result.Warnings)
				}
				for _, one := range result.Runners {
					if one.Failed || one.Timeline.Online == 0 {
						t.Errorf("%+v", one)
					}
				}
				<-time.After(time.Minute) // virtual: until the machines have ended
				s.NothingLeft(t)
			})
		})
	}
}

// TestEndWithoutAJob: a registration that somebody removed, or a machine that terminated itself with its registration
// in place, is still a failed start.
func TestEndWithoutAJob(t *testing.T) {
	t.Run("registration removed", func(t *testing.T) {
		inBubble(t, simulator.Defaults(), func(ctx context.Context, t *testing.T, s *stage) {
			r := bubble.Request()
			r.JIT, r.Ephemeral = true, true
			go func() {
				for len(s.Calls("RunInstances")) == 0 {
					<-time.After(time.Second)
				}
				for _, made := range s.World.Snapshot().Runners {
					if err := s.Starter.Registry.Remove(ctx, made.ID); err != nil {
						t.Error(err)
					}
				}
			}()
			if _, err := s.Starter.Start(ctx, r); err == nil || !strings.Contains(err.Error(),
				"is gone before the runner came online") {
				t.Errorf("got %v", err)
			}
			s.NothingLeft(t)
		})
	})
	t.Run("machine ended itself", func(t *testing.T) {
		config := simulator.Defaults()
		config.Guests = []simulator.GuestRule{{Fault: simulator.GuestFails}}
		inBubble(t, config, func(ctx context.Context, t *testing.T, s *stage) {
			r := bubble.Request()
			r.JIT, r.Ephemeral = true, true
			if _, err := s.Starter.Start(ctx, r); err == nil {
				t.Error("the start succeeded")
			}
			s.NothingLeft(t)
		})
	})
}
