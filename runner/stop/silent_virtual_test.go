package stop_test

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/marqo-ai/ec2-github-runner/machine"
	"github.com/marqo-ai/ec2-github-runner/runner"
	"github.com/marqo-ai/ec2-github-runner/runner/stop"
	"github.com/marqo-ai/ec2-github-runner/runner/tags"
	"github.com/marqo-ai/ec2-github-runner/test/bubble"
	"github.com/marqo-ai/ec2-github-runner/test/simulator"
)

// lateFault makes a region answer every call late.
func lateFault(region string, delay time.Duration) simulator.Fault {
	return simulator.Fault{
		Match:  simulator.Match{Service: "ec2", Operation: "DescribeInstances", Region: region},
		Effect: simulator.EffectLate, Delay: delay,
	}
}

// inIreland returns a request whose machine is launched in eu-west-1.
func inIreland() runner.StartRequest {
	r := bubble.Request()
	place := machine.NewPlacement("eu-west-1", "ami-0ccccccccccccccc1", "subnet-0ccccccccccccccc1",
		"sg-0ccccccccccccccc1")
	r.Groups[0].Placements = []machine.Placement{place}
	return r
}

// startedIn starts one runner and waits until it is registered.
func (s *stage) startedIn(ctx context.Context, t *testing.T, r runner.StartRequest) tags.Handoff {
	t.Helper()
	result, err := s.Starter.Start(ctx, r)
	if err != nil {
		t.Fatal(err)
	}
	<-time.After(5 * time.Second)
	return result.Runners[0].Handoff
}

func (s *stage) stop(ctx context.Context, request stop.Request) (stop.Result, time.Duration, error) {
	request.Run, request.Scope = tags.Run{Repository: "demo-org/demo", ID: "4711", Attempt: "1"}, "demo-org/demo"
	stopper := &stop.Stopper{Cloud: s.Starter.Cloud, Registry: s.Starter.Registry,
		Log: slog.New(slog.NewTextHandler(s.Log, nil))}
	begun := time.Now()
	result, err := stopper.Stop(ctx, request)
	return result, time.Since(begun), err
}

// kept fails the test unless the machine and its registration are unchanged.
func (s *stage) kept(t *testing.T) {
	t.Helper()
	instances, runners := s.World.Leftovers()
	if len(instances) != 1 || len(runners) != 1 || runners[0].Status != "online" {
		t.Errorf("want the machine and its runner to stay, got %d instances, runners %v", len(instances), runners)
	}
}

// TestStopWaitsForALateRegion: the machine's region answers, but later than the first timeouts.
func TestStopWaitsForALateRegion(t *testing.T) {
	t.Parallel()
	for _, delay := range []time.Duration{6 * time.Second, 15 * time.Second} {
		for _, how := range []string{"id", "label", "all-of-run"} {
			t.Run(how+" "+delay.String(), func(t *testing.T) {
				t.Parallel()
				inBubble(t, simulator.Config{}, func(ctx context.Context, t *testing.T, s *stage) {
					h := s.startedIn(ctx, t, inIreland())
					s.World.AddFault(lateFault("eu-west-1", delay))
					if _, took, err := s.stop(ctx, stopBy(how, h)); err != nil || took > time.Minute {
						t.Errorf("stop took %s: %v", took, err)
					}
					<-time.After(time.Minute)
					s.NothingLeft(t)
				})
			})
		}
	}
}

func stopBy(how string, h tags.Handoff) stop.Request {
	switch how {
	case "id":
		return stop.Request{InstanceIDs: []string{h.InstanceID}, Label: h.Label}
	case "label":
		return stop.Request{Label: h.Label}
	}
	return stop.Request{AllOfRun: true}
}

// TestStopFailsForASilentRegion: a region that does not answer for a minute fails the step, and the registration stays.
func TestStopFailsForASilentRegion(t *testing.T) {
	t.Parallel()
	weather := map[string]simulator.Fault{
		"hangs":     {Effect: simulator.EffectHang},
		"throttled": {Effect: simulator.EffectThrottle},
		"fails":     {Effect: simulator.EffectError, Code: "InternalError"},
		"refused":   {Effect: simulator.EffectRefuse},
	}
	for name, fault := range weather {
		for _, how := range []string{"id", "label", "all-of-run"} {
			t.Run(name+" "+how, func(t *testing.T) {
				t.Parallel()
				inBubble(t, simulator.Config{}, func(ctx context.Context, t *testing.T, s *stage) {
					h := s.startedIn(ctx, t, inIreland())
					silent := fault // a copy for each of the parallel tests
					silent.Match = simulator.Match{Service: "ec2", Operation: "DescribeInstances", Region: "eu-west-1"}
					s.World.AddFault(silent)
					_, took, err := s.stop(ctx, stopBy(how, h))
					if err == nil || !strings.Contains(err.Error(), "eu-west-1") || strings.Contains(err.Error(),
						"us-west-2") {
						t.Errorf("the error does not name the region: %v", err)
					}
					if took < 50*time.Second || took > 70*time.Second {
						t.Errorf("the region was asked for %s", took)
					}
					s.kept(t)
				})
			})
		}
	}
}

// TestStopAsksForTheRegionsAgain: without the list of regions the machine may be in an unknown one, so the list is
// asked for again.
func TestStopAsksForTheRegionsAgain(t *testing.T) {
	t.Parallel()
	inBubble(t, simulator.Config{}, func(ctx context.Context, t *testing.T, s *stage) {
		h := s.startedIn(ctx, t, inIreland())
		s.World.AddFault(simulator.Fault{Match: simulator.Match{Operation: "DescribeRegions"}, Times: 6,
			Effect: simulator.EffectThrottle})
		s.World.AddFault(simulator.Fault{Match: simulator.Match{Operation: "DescribeInstances", Region: "eu-west-1"},
			Times: 6, Effect: simulator.EffectThrottle})
		if _, _, err := s.stop(ctx, stopBy("id", h)); err != nil {
			t.Error(err)
		}
		if asked := len(s.Calls("DescribeRegions")); asked != 7 {
			t.Errorf("asked for the regions %d times, want 7: until EC2 lists them", asked)
		}
		<-time.After(time.Minute)
		s.NothingLeft(t)
	})
}

// TestStopNeedsNoOtherRegion: once everything is found, the silence of other regions costs no time and is no failure.
func TestStopNeedsNoOtherRegion(t *testing.T) {
	t.Parallel()
	for _, how := range []string{"id", "label"} {
		t.Run(how, func(t *testing.T) {
			t.Parallel()
			inBubble(t, simulator.Config{}, func(ctx context.Context, t *testing.T, s *stage) {
				h := s.startedIn(ctx, t, inIreland())
				for _, region := range []string{"us-west-2", "us-east-1"} {
					s.World.AddFault(simulator.Fault{
						Match:  simulator.Match{Operation: "DescribeInstances", Region: region},
						Effect: simulator.EffectHang,
					})
				}
				result, took, err := s.stop(ctx, stopBy(how, h))
				if err != nil || took > 11*time.Second {
					t.Errorf("stop took %s: %v", took, err)
				}
				if how == "label" && !strings.Contains(strings.Join(result.Warnings, "\n"),
					"us-east-1 (no answer in time), us-west-2 (") {
					t.Errorf("the silent regions are not named: %q", result.Warnings)
				}
				<-time.After(time.Minute)
				s.NothingLeft(t)
			})
		})
	}
}

// TestStopPassesOverARegionThatDenies: a region that denies the call is skipped at once, with a warning.
func TestStopPassesOverARegionThatDenies(t *testing.T) {
	t.Parallel()
	inBubble(t, simulator.Config{}, func(ctx context.Context, t *testing.T, s *stage) {
		s.World.AddFault(simulator.Fault{
			Match: simulator.Match{Operation: "DescribeInstances", Region: "us-west-2"}, Effect: simulator.EffectError,
			Code: "UnauthorizedOperation",
		})
		result, took, err := s.stop(ctx, stop.Request{InstanceIDs: []string{"i-0123456789abcdef0"}, Label: "gone"})
		if err != nil || took > 10*time.Second || !strings.Contains(strings.Join(result.Warnings, "\n"), "us-west-2") {
			t.Errorf("stop took %s, warned %q: %v", took, result.Warnings, err)
		}
	})
}

// TestStopEndsWhatItFinds: machines that are found are terminated, although another one could not be searched for.
func TestStopEndsWhatItFinds(t *testing.T) {
	t.Parallel()
	inBubble(t, simulator.Config{}, func(ctx context.Context, t *testing.T, s *stage) {
		found := s.startedIn(ctx, t, bubble.Request())
		s.World.AddFault(simulator.Fault{Match: simulator.Match{Operation: "DescribeInstances", Region: "eu-west-1"},
			Effect: simulator.EffectHang})
		_, _, err := s.stop(ctx, stop.Request{InstanceIDs: []string{found.InstanceID, "i-0123456789abcdef0"}})
		if err == nil || !strings.Contains(err.Error(), "i-0123456789abcdef0") || strings.Contains(err.Error(),
			found.InstanceID) {
			t.Errorf("the error does not name the machine that could not be found: %v", err)
		}
		<-time.After(time.Minute)
		s.NothingLeft(t)
	})
}

// TestStopIsCancelledWhileItLooks: a cancel ends the search at once.
func TestStopIsCancelledWhileItLooks(t *testing.T) {
	t.Parallel()
	inBubble(t, simulator.Config{}, func(ctx context.Context, t *testing.T, s *stage) {
		h := s.startedIn(ctx, t, inIreland())
		s.World.AddFault(simulator.Fault{Match: simulator.Match{Operation: "DescribeInstances", Region: "eu-west-1"},
			Effect: simulator.EffectThrottle})
		ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
		defer cancel()
		if _, took, err := s.stop(ctx, stopBy("id", h)); !errors.Is(err, context.DeadlineExceeded) ||
			took > 11*time.Second {
			t.Errorf("stop took %s: %v", took, err)
		}
		s.kept(t)
	})
}
