package runner_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/marqo-ai/ec2-github-runner/runner"
	"github.com/marqo-ai/ec2-github-runner/test/simulator"
)

// TestAMissCostsTwoSeconds: whatever becomes of the claims, the cold start begins two seconds later at the latest.
func TestAMissCostsTwoSeconds(t *testing.T) {
	t.Parallel()
	fault := func(operation string, effect simulator.Effect, code string) simulator.Fault {
		return simulator.Fault{Match: simulator.Match{Operation: operation}, Effect: effect, Code: code,
			Status: map[bool]int{true: 409}[code == "409"]}
	}
	jit := "actions/generate-runner-jitconfig-for-repo"
	for name, weather := range map[string]simulator.Fault{
		"no capacity":         fault("StartInstances", simulator.EffectError, "InsufficientInstanceCapacity"),
		"denied":              fault("ModifyInstanceAttribute", simulator.EffectError, "UnauthorizedOperation"),
		"user data unchanged": fault("ModifyInstanceAttribute", simulator.EffectError, "IncorrectInstanceState"),
		"user data hangs":     fault("ModifyInstanceAttribute", simulator.EffectHang, ""),
		"everybody is faster": {Match: simulator.Match{Operation: jit, Params: map[string]string{"name": "ec2-i-*"}},
			Effect: simulator.EffectError, Status: 409},
		// that free the entry do not
		"tags hang":       {Match: simulator.Match{Operation: "CreateTags"}, Effect: simulator.EffectHang, Times: 1},
		"the start hangs": fault("StartInstances", simulator.EffectHang, ""),
		"registration hangs": {Match: simulator.Match{Operation: jit, Params: map[string]string{"name": "ec2-i-*"}},
			Effect: simulator.EffectHang},
		"the list is denied": {Match: simulator.Match{Operation: "DescribeInstances",
			Params: map[string]string{"Filter.1.Name": "tag:ec2-github-runner:mode"}}, Effect: simulator.EffectError,
			Code: "UnauthorizedOperation"},
		"nothing stands ready": {Match: simulator.Match{Operation: "Nothing"}, Effect: simulator.EffectHang},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			inBubble(t, simulator.Config{}, func(ctx context.Context, t *testing.T, s *stage) {
				if name != "nothing stands ready" {
					s.filled(ctx, t, 4)
				}
				coldly := s.coldly(ctx, t)
				s.world.AddFault(weather)
				begun, known := time.Now(), len(s.world.Calls())
				result, err := s.starter.Start(ctx, fromPool())
				if err != nil || result.Runners[0].Warm {
					t.Fatalf("%v, %+v\n%s", err, result, s.log)
				}
				if took := s.launchedAt(t, known).Sub(begun); took > coldly+2*time.Second {
					t.Errorf("the launch is asked for after %s, without a pool after %s\n%s", took, coldly, s.log)
				}
				s.world.ClearFaults()
				<-time.After(time.Minute)
				checkPool(t, s, len(s.entries()))
			})
		})
	}
}

// coldly is how long a start that knows of no pool takes to ask for its launch.
func (s *stage) coldly(ctx context.Context, t *testing.T) time.Duration {
	t.Helper()
	begun, known := time.Now(), len(s.world.Calls())
	cold := fromPool(func(r *runner.StartRequest) { r.Pool, r.Groups[0].Label = "", "cold" })
	if _, err := s.another(t).Start(ctx, cold); err != nil {
		t.Fatalf("%v\n%s", err, s.log)
	}
	return s.launchedAt(t, known).Sub(begun)
}

// launchedAt is when the first launch since the nth call was asked for.
func (s *stage) launchedAt(t *testing.T, since int) time.Time {
	t.Helper()
	calls := s.world.Calls()[since:]
	n := slices.IndexFunc(calls, func(c simulator.Call) bool { return c.Operation == "RunInstances" })
	if n < 0 {
		t.Fatalf("nothing is launched: %v", calls)
	}
	return calls[n].Time
}

// checkPool: the entries are whole: they stand still, unclaimed, and nothing holds their names.
func checkPool(t *testing.T, s *stage, want int) {
	t.Helper()
	snapshot := s.world.Snapshot()
	entries := s.entries()
	for _, i := range entries {
		if i.State != "stopped" || i.Tags[runner.TagNonce] != "" && i.Tags[runner.TagRunID] != "4000" ||
			i.Tags[runner.TagExpiresAt] != i.Tags[runner.TagPoolUntil] {
			t.Errorf("entry %+v", i)
		}
		for _, r := range snapshot.Runners {
			if r.Name == "ec2-"+i.ID {
				t.Errorf("entry %s is held by registration %d (%s)", i.ID, r.ID, r.Status)
			}
		}
	}
	if len(entries) != want {
		t.Errorf("%d entries, want %d", len(entries), want)
	}
}

// slowly has an EC2 whose every answer takes half a second: a claim then needs more than two seconds, and less than
// that and a registration.
func slowly() simulator.Config {
	return simulator.Config{Timing: simulator.Timing{EC2: 500 * time.Millisecond}}
}

// TestALateClaimIsNotWasted: a claim that is under way after two seconds goes on while the slot is registered cold, and
// if it has its machine by the launch there is none: the cold registration is removed.
func TestALateClaimIsNotWasted(t *testing.T) {
	t.Parallel()
	inBubble(t, slowly(), func(ctx context.Context, t *testing.T, s *stage) {
		s.filled(ctx, t, 1)
		known := len(s.world.Calls())
		result, err := s.starter.Start(ctx, fromPool())
		if err != nil || !result.Runners[0].Warm || len(result.Warnings) > 0 {
			t.Fatalf("%v, %+v\n%s", err, result, s.log)
		}
		jit := 0
		for _, c := range s.world.Calls()[known:] {
			if strings.HasPrefix(c.Operation, "actions/generate-runner-jitconfig") {
				jit++
			}
			if c.Operation == "RunInstances" {
				t.Error("a cold machine was launched too")
			}
		}
		if jit != 2 {
			t.Errorf("%d registrations: the claim was not late", jit)
		}
		instances, runners := s.world.Leftovers()
		if len(instances) != 1 || len(runners) != 1 || runners[0].Name != result.Runners[0].RunnerName {
			t.Errorf("left: %+v, %+v", instances, runners)
		}
		if made := s.journal.made; len(made) != 0 {
			t.Errorf("the journal still has %+v", made)
		}
	})
}

// TestALateClaimThatDoesNotComeUp: the machine of a late claim dies while the slot's cold registration is still being
// removed. The cold start that follows gets the name.
func TestALateClaimThatDoesNotComeUp(t *testing.T) {
	t.Parallel()
	config := slowly()
	config.Guests = []simulator.GuestRule{{When: simulator.WhenLater, Fault: simulator.GuestDies,
		At: 100 * time.Millisecond, Times: 1}}
	inBubble(t, config, func(ctx context.Context, t *testing.T, s *stage) {
		s.filled(ctx, t, 1)
		s.world.AddFault(simulator.Fault{
			Match: simulator.Match{Operation: "actions/delete-self-hosted-runner-from-repo"}, Times: 4,
			Effect: simulator.EffectError, Status: 502,
		})
		result, err := s.starter.Start(ctx, fromPool())
		if err != nil || result.Runners[0].Warm || result.Runners[0].RunnerName != "ec2-build" {
			t.Fatalf("%v, %+v\n%s", err, result, s.log)
		}
		if len(result.Warnings) != 1 || !strings.Contains(result.Warnings[0], "did not come up") {
			t.Errorf("warnings %q", result.Warnings)
		}
		<-time.After(time.Minute)
		instances, runners := s.world.Leftovers()
		if len(instances) != 1 || len(runners) != 1 {
			t.Errorf("left: %+v, %+v", instances, runners)
		}
	})
}

// TestALateClaimIsInterrupted: cancelled or killed at any moment of it, the start and its post step leave the pool's
// entry whole or end it, and no registration.
func TestALateClaimIsInterrupted(t *testing.T) {
	t.Parallel()
	for at := 100 * time.Millisecond; at < 5*time.Second; at += 170 * time.Millisecond {
		for _, killed := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s killed %t", at, killed), func(t *testing.T) {
				t.Parallel()
				inBubble(t, slowly(), func(ctx context.Context, t *testing.T, s *stage) {
					s.filled(ctx, t, 1)
					transport := s.world.Transport()
					first := s.another(t)
					first.Cloud, first.Registry, first.Journal = newCloud(transport), newRegistry(t, transport), s.journal
					first.Fresh = func() (runner.Cloud, runner.Registry) { return newCloud(transport), newRegistry(t, transport) }
					ending, cancel := context.WithCancel(ctx)
					end := time.AfterFunc(at, func() {
						if killed {
							transport.Dark()
						}
						cancel()
					})
					defer end.Stop()
					if _, err := first.Start(ending, fromPool()); err == nil {
						t.Fatal("it was not interrupted")
					}
					s.journal.mu.Lock()
					post := runner.PostRequest{Identity: s.journal.identity, Tokens: s.journal.tokens, Made: s.journal.made,
						Claims: s.journal.claims}
					s.journal.mu.Unlock()
					if result := s.starter.Post(ctx, post); len(result.Left) > 0 {
						t.Errorf("left: %q", result.Left)
					}
					<-time.After(time.Minute)
					checkPool(t, s, len(s.entries()))
					instances, runners := s.world.Leftovers()
					if len(instances) != len(s.entries()) || len(runners) > 0 {
						t.Errorf("left: %+v, %+v\n%s", instances, runners, s.log)
					}
				})
			})
		}
	}
}

// TestALateClaimOfAStartThatFails: GitHub refuses the cold registration while the claim is getting its machine. Nothing
// of both stays.
func TestALateClaimOfAStartThatFails(t *testing.T) {
	t.Parallel()
	inBubble(t, slowly(), func(ctx context.Context, t *testing.T, s *stage) {
		s.filled(ctx, t, 1)
		s.world.AddFault(simulator.Fault{
			Match: simulator.Match{Operation: "actions/generate-runner-jitconfig-for-repo",
				Params: map[string]string{"name": "ec2-build"}},
			Effect: simulator.EffectError, Status: 422,
		})
		result, err := s.starter.Start(ctx, fromPool())
		if err == nil || len(result.Failure.Left) > 0 {
			t.Fatalf("%v, %+v\n%s", err, result.Failure, s.log)
		}
		<-time.After(time.Minute)
		instances, runners := s.world.Leftovers()
		if len(instances) != len(s.entries()) || len(runners) > 0 {
			t.Errorf("left: %+v, %+v\n%s", instances, runners, s.log)
		}
		checkPool(t, s, len(s.entries()))
	})
}
