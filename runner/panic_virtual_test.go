package runner_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/marqo-ai/ec2-github-runner/runner"
	"github.com/marqo-ai/ec2-github-runner/test/bubble"
	"github.com/marqo-ai/ec2-github-runner/test/simulator"
)

// twoTypes is a start with a second instance type to fall back to.
func twoTypes() runner.StartRequest {
	r := bubble.Request()
	r.Groups[0].InstanceTypes = []string{"t3.xlarge", "m5.xlarge"}
	return r
}

// TestAPanicMovesOn: a machine whose kernel panics is recognized by its console after half a minute and terminated, and
// one of another type takes its place, whatever else goes wrong.
func TestAPanicMovesOn(t *testing.T) {
	t.Parallel()
	panics := simulator.GuestRule{Type: "t3.xlarge", Fault: simulator.GuestPanics}
	for name, c := range map[string]struct {
		guest   simulator.GuestRule
		change  func(*runner.StartRequest)
		weather simulator.Fault
		online  int // with the second type
	}{
		"one":    {guest: panics, online: 1},
		"thirty": {guest: panics, change: func(r *runner.StartRequest) { r.Groups[0].Count = 30 }, online: 30},
		"some of thirty": {guest: simulator.GuestRule{Type: "t3.xlarge", Fault: simulator.GuestPanics, Times: 7},
			change: func(r *runner.StartRequest) { r.Groups[0].Count = 30 }, online: 7},
		"ephemeral": {guest: panics, change: func(r *runner.StartRequest) { r.JIT, r.Ephemeral = true, true },
			online: 1},
		"throttled": {guest: panics, weather: simulator.Fault{Match: simulator.Match{Operation: "GetConsoleOutput"},
			Effect: simulator.EffectThrottle, Times: 2}, online: 1},
		"errors at several looks": {guest: panics, weather: simulator.Fault{
			Match:  simulator.Match{Operation: "GetConsoleOutput"},
			Effect: simulator.EffectError, Code: "InternalError", Times: 12}, online: 1},
		"it hangs": {guest: panics, weather: simulator.Fault{Match: simulator.Match{Operation: "GetConsoleOutput"},
			Effect: simulator.EffectHang, Times: 1}, online: 1},
		"lost answers": {guest: panics,
			weather: simulator.Fault{Match: simulator.Match{Operation: "TerminateInstances"},
				Effect: simulator.EffectCutAfter, Times: 2}, online: 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			config := simulator.Config{Guests: []simulator.GuestRule{c.guest}}
			if c.weather.Effect != "" {
				config.Faults = []simulator.Fault{c.weather}
			}
			inBubble(t, config, func(ctx context.Context, t *testing.T, s *stage) {
				r := twoTypes()
				if c.change != nil {
					c.change(&r)
				}
				begun := time.Now()
				result, err := s.Starter.Start(ctx, r)
				if took := time.Since(begun); err != nil || took > 5*time.Minute {
					t.Fatalf("after %s: %v\n%s", took, err, s.Log)
				}
				online, names := 0, map[string]bool{}
				for _, started := range result.Runners {
					if started.InstanceType == "m5.xlarge" {
						online++
					}
					names[started.RunnerName] = true
				}
				if online != c.online || len(names) != len(result.Runners) {
					t.Errorf("%d runners on the second type, want %d; names %v\n%s", online, c.online, names, s.Log)
				}
				<-time.After(time.Minute)
				running := 0
				for _, i := range s.World.Snapshot().Instances {
					if i.State == "running" {
						running++
					}
				}
				if running != len(result.Runners) {
					t.Errorf("%d machines are running, of %d runners", running, len(result.Runners))
				}
			})
		})
	}
}

// TestAPanicThatCannotBeSeen: without permission to read consoles a panic is a timeout, as before. It costs one call,
// which is repeated once because a policy with conditions on tags may not see them yet.
func TestAPanicThatCannotBeSeen(t *testing.T) {
	t.Parallel()
	config := simulator.Config{
		Guests: []simulator.GuestRule{{Fault: simulator.GuestPanics}},
		Policy: simulator.Policy{Deny: []string{"ec2:GetConsoleOutput"}},
	}
	inBubble(t, config, func(ctx context.Context, t *testing.T, s *stage) {
		_, err := s.Starter.Start(ctx, twoTypes())
		if err == nil || !strings.Contains(err.Error(), "A timeout of 5 minutes is exceeded") {
			t.Errorf("got %v", err)
		}
		if asked := len(s.Calls("GetConsoleOutput")); asked > 3 { // the third call is the diagnosis'
			t.Errorf("asked %d times", asked)
		}
		if launched := len(s.Calls("RunInstances")); launched != 1 {
			t.Errorf("launched %d times", launched)
		}
		s.NothingLeft(t)
	})
}

// TestAPanicThatCannotBeEnded: nothing is launched in the place of a machine that still exists.
func TestAPanicThatCannotBeEnded(t *testing.T) {
	t.Parallel()
	config := simulator.Config{
		Guests: []simulator.GuestRule{{Fault: simulator.GuestPanics}},
		Faults: []simulator.Fault{{Match: simulator.Match{Operation: "TerminateInstances"},
			Effect: simulator.EffectError,
			Code:   "InternalError", Status: 500, Times: 30}},
	}
	inBubble(t, config, func(ctx context.Context, t *testing.T, s *stage) {
		_, err := s.Starter.Start(ctx, twoTypes())
		if err == nil || !strings.Contains(err.Error(), "kernel panicked, but it cannot be terminated") ||
			len(s.Calls("RunInstances")) != 1 {
			t.Errorf("got %v after %d launches\n%s", err, len(s.Calls("RunInstances")), s.Log)
		}
	})
}

// TestCancelledWhileMovingOn: a cancel at any moment leaves nothing behind.
func TestCancelledWhileMovingOn(t *testing.T) {
	t.Parallel()
	step := 730 * time.Millisecond * time.Duration(60/bubble.Thinned(60))
	for at := 30 * time.Second; at < 80*time.Second; at += step {
		config := simulator.Config{Guests: []simulator.GuestRule{{Type: "t3.xlarge", Fault: simulator.GuestPanics}}}
		inBubble(t, config, func(ctx context.Context, t *testing.T, s *stage) {
			ctx, cancel := context.WithTimeout(ctx, at)
			defer cancel()
			r := twoTypes()
			r.Groups[0].Count = 3
			if _, err := s.Starter.Start(ctx, r); err == nil {
				return
			}
			<-time.After(time.Minute)
			s.NothingLeft(t)
		})
	}
}
