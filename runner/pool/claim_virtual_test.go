package pool_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/marqo-ai/ec2-github-runner/ec2"
	"github.com/marqo-ai/ec2-github-runner/github"
	"github.com/marqo-ai/ec2-github-runner/runner"
	"github.com/marqo-ai/ec2-github-runner/runner/tags/key"
	"github.com/marqo-ai/ec2-github-runner/test/bubble"
	"github.com/marqo-ai/ec2-github-runner/test/simulator"
)

// TestAMissCostsFourSeconds: whatever the claims run into, the cold start begins four seconds later at the latest.
func TestAMissCostsFourSeconds(t *testing.T) {
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
		"others are faster": {Match: simulator.Match{Operation: jit, Params: map[string]string{"name": "ec2-i-*"}},
			Effect: simulator.EffectError, Status: 409},
		// Calls that free the entry do not hang.
		"tags hang":       {Match: simulator.Match{Operation: "CreateTags"}, Effect: simulator.EffectHang, Times: 1},
		"the start hangs": fault("StartInstances", simulator.EffectHang, ""),
		"registration hangs": {Match: simulator.Match{Operation: jit, Params: map[string]string{"name": "ec2-i-*"}},
			Effect: simulator.EffectHang},
		"the list is denied": {Match: simulator.Match{Operation: "DescribeInstances",
			Params: map[string]string{"Filter.2.Name": "tag:ec2-github-runner:mode"}}, Effect: simulator.EffectError,
			Code: "UnauthorizedOperation"},
		"nothing is ready": {Match: simulator.Match{Operation: "Nothing"}, Effect: simulator.EffectHang},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			inBubble(t, simulator.Config{}, func(ctx context.Context, t *testing.T, s *stage) {
				if name != "nothing is ready" {
					s.filled(ctx, t, 4)
				}
				cold := s.coldDelay(ctx, t)
				s.World.AddFault(weather)
				begun, known := time.Now(), len(s.World.Calls())
				result, err := s.Starter.Start(ctx, fromPool())
				if err != nil || result.Runners[0].Warm {
					t.Fatalf("%v, %+v\n%s", err, result, s.Log)
				}
				if took := s.launchedAt(t, known).Sub(begun); took > cold+4*time.Second {
					t.Errorf("the launch is requested after %s, without a pool after %s\n%s", took, cold, s.Log)
				}
				s.World.ClearFaults()
				<-time.After(time.Minute)
				checkPool(t, s, len(s.entries()))
			})
		})
	}
}

// coldDelay returns how long a start without a pool takes to request its launch.
func (s *stage) coldDelay(ctx context.Context, t *testing.T) time.Duration {
	t.Helper()
	begun, known := time.Now(), len(s.World.Calls())
	cold := fromPool(func(r *runner.StartRequest) { r.Source, r.Groups[0].Label = nil, "cold" })
	if _, err := s.Another(t).Start(ctx, cold); err != nil {
		t.Fatalf("%v\n%s", err, s.Log)
	}
	return s.launchedAt(t, known).Sub(begun)
}

// launchedAt returns when the first launch after the nth call was requested.
func (s *stage) launchedAt(t *testing.T, since int) time.Time {
	t.Helper()
	calls := s.World.Calls()[since:]
	n := slices.IndexFunc(calls, func(c simulator.Call) bool { return c.Operation == "RunInstances" })
	if n < 0 {
		t.Fatalf("nothing is launched: %v", calls)
	}
	return calls[n].Time
}

// checkPool fails the test unless the entries are stopped, unclaimed and not blocked by a registration.
func checkPool(t *testing.T, s *stage, want int) {
	t.Helper()
	snapshot := s.World.Snapshot()
	entries := s.entries()
	for _, i := range entries {
		if i.State != "stopped" || i.Tags[key.Nonce] != "" && i.Tags[key.RunID] != "4000" ||
			i.Tags[key.ExpiresAt] != i.Tags[key.PoolUntil] {
			t.Errorf("entry %+v", i)
		}
		for _, r := range snapshot.Runners {
			if r.Name == "ec2-"+i.ID {
				t.Errorf("entry %s is blocked by registration %d (%s)", i.ID, r.ID, r.Status)
			}
		}
	}
	if len(entries) != want {
		t.Errorf("%d entries, want %d", len(entries), want)
	}
}

// slowAnswers makes EC2 take that long for every answer.
func slowAnswers(answer time.Duration) simulator.Config {
	return simulator.Config{Timing: simulator.Timing{EC2: answer}}
}

// TestASlowClaimIsWarm: a claim that takes longer than usual still succeeds, with one registration and no launch.
func TestASlowClaimIsWarm(t *testing.T) {
	t.Parallel()
	inBubble(t, slowAnswers(500*time.Millisecond), func(ctx context.Context, t *testing.T, s *stage) {
		s.filled(ctx, t, 1)
		known := len(s.World.Calls())
		result, err := s.Starter.Start(ctx, fromPool())
		if err != nil || !result.Runners[0].Warm || len(result.Warnings) > 0 {
			t.Fatalf("%v, %+v\n%s", err, result, s.Log)
		}
		jit := 0
		for _, c := range s.World.Calls()[known:] {
			if strings.HasPrefix(c.Operation, "actions/generate-runner-jitconfig") {
				jit++
			}
			if c.Operation == "RunInstances" {
				t.Error("a cold machine was launched too")
			}
		}
		if jit != 1 || len(s.Journal.Made) != 0 {
			t.Errorf("%d registrations, but the journal has %+v", jit, s.Journal.Made)
		}
		checkOneRunner(t, s, result)
	})
}

// checkOneRunner fails the test unless, apart from the pool, exactly the start's one machine and one runner exist.
func checkOneRunner(t *testing.T, s *stage, result runner.StartResult) {
	t.Helper()
	entries := map[string]bool{}
	for _, i := range s.entries() {
		entries[i.ID] = true
	}
	instances, runners := s.World.Leftovers()
	instances = slices.DeleteFunc(instances, func(i simulator.Instance) bool { return entries[i.ID] })
	if len(instances) != 1 || instances[0].ID != result.Runners[0].InstanceID {
		t.Errorf("instances apart from the pool: %+v", instances)
	}
	if len(runners) != 1 || runners[0].Name != result.Runners[0].RunnerName {
		t.Errorf("runners %+v", runners)
	}
	for _, what := range s.World.Changed() {
		t.Errorf("touched: %s", what)
	}
}

// TestAClaimInFlightAtTheDeadline: the deadline interrupts the claim in each of its calls. The start launches a cold
// machine after four seconds, and the claim is undone as far as it got: the entry is freed, or terminated if it may
// have been started.
func TestAClaimInFlightAtTheDeadline(t *testing.T) {
	t.Parallel()
	for answer := 800 * time.Millisecond; answer <= 4000*time.Millisecond; answer += 200 * time.Millisecond {
		t.Run(answer.String(), func(t *testing.T) {
			t.Parallel()
			inBubble(t, slowAnswers(answer), func(ctx context.Context, t *testing.T, s *stage) {
				s.filled(ctx, t, 1)
				cold := s.coldDelay(ctx, t)
				s.World.RunJob("cold", time.Second)
				<-time.After(5 * time.Minute)
				begun, known := time.Now(), len(s.World.Calls())
				result, err := s.Starter.Start(ctx, fromPool())
				if err != nil || result.Runners[0].Warm {
					t.Fatalf("%v, %+v\n%s", err, result, s.Log)
				}
				if took := s.launchedAt(t, known).Sub(begun); took > cold+4*time.Second {
					t.Errorf("the launch is requested after %s, without a pool after %s\n%s", took, cold, s.Log)
				}
				<-time.After(time.Minute)
				checkPool(t, s, len(s.entries()))
				checkOneRunner(t, s, result)
			})
		})
	}
}

// TestAnUnknownOutcomeIsNotForgotten: at the deadline a call of the claim has taken effect and its answer is in flight.
// Nothing of it stays: no registration that blocks the entry, no tags of a claim, no running machine.
func TestAnUnknownOutcomeIsNotForgotten(t *testing.T) {
	t.Parallel()
	jit := simulator.Match{Operation: "actions/generate-runner-jitconfig-for-repo",
		Params: map[string]string{"name": "ec2-i-*"}}
	for name, match := range map[string]simulator.Match{
		"registration": jit,
		"user data":    {Operation: "ModifyInstanceAttribute", Params: map[string]string{"UserData.Value": "*"}},
		"shutdown behaviour": {Operation: "ModifyInstanceAttribute",
			Params: map[string]string{"InstanceInitiatedShutdownBehavior.Value": "*"}},
		"tags":  {Operation: "CreateTags"},
		"start": {Operation: "StartInstances"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			inBubble(t, simulator.Config{}, func(ctx context.Context, t *testing.T, s *stage) {
				s.filled(ctx, t, 1)
				s.World.AddFault(simulator.Fault{Match: match, Effect: simulator.EffectLate, Delay: 20 * time.Second,
					Times: 1})
				known := len(s.World.Calls())
				result, err := s.Starter.Start(ctx, fromPool())
				if err != nil || result.Runners[0].Warm {
					t.Fatalf("%v, %+v\n%s", err, result, s.Log)
				}
				if !slices.ContainsFunc(s.World.Calls()[known:],
					func(c simulator.Call) bool { return c.Operation == match.Operation }) {
					t.Error("the claim did not reach that call")
				}
				<-time.After(time.Minute)
				want := 1
				if name == "start" {
					want = 0
				}
				checkPool(t, s, want)
				checkOneRunner(t, s, result)
			})
		})
	}
}

// TestAClaimedMachineThatDies: the machine of a claim fails at its boot while GitHub refuses to remove its
// registration. The cold start that follows uses its own name.
func TestAClaimedMachineThatDies(t *testing.T) {
	t.Parallel()
	config := slowAnswers(500 * time.Millisecond)
	config.Guests = []simulator.GuestRule{{When: simulator.WhenLater, Fault: simulator.GuestDies,
		At: 100 * time.Millisecond, Times: 1}}
	inBubble(t, config, func(ctx context.Context, t *testing.T, s *stage) {
		s.filled(ctx, t, 1)
		s.World.AddFault(simulator.Fault{
			Match: simulator.Match{Operation: "actions/delete-self-hosted-runner-from-repo"}, Times: 4,
			Effect: simulator.EffectError, Status: 502,
		})
		result, err := s.Starter.Start(ctx, fromPool())
		if err != nil || result.Runners[0].Warm || result.Runners[0].RunnerName != "ec2-build" {
			t.Fatalf("%v, %+v\n%s", err, result, s.Log)
		}
		if len(result.Warnings) != 1 || !strings.Contains(result.Warnings[0], "did not come up") {
			t.Errorf("warnings %q", result.Warnings)
		}
		<-time.After(time.Minute)
		checkOneRunner(t, s, result)
	})
}

// TestAClaimIsInterrupted: if a start is cancelled or killed at any moment of its claim, it and its post step free or
// terminate the pool's entry, and leave no registration.
func TestAClaimIsInterrupted(t *testing.T) {
	t.Parallel()
	for at := 100 * time.Millisecond; at < 6*time.Second; at += 170 * time.Millisecond {
		for _, killed := range []bool{false, true} {
			// Before the deadline, and after it.
			for _, answer := range []time.Duration{500 * time.Millisecond, 900 * time.Millisecond} {
				t.Run(fmt.Sprintf("%s killed %t answer %s", at, killed, answer), func(t *testing.T) {
					t.Parallel()
					inBubble(t, slowAnswers(answer), func(ctx context.Context, t *testing.T,
						s *stage) {
						interrupt(ctx, t, s, at, killed)
					})
				})
			}
		}
	}
}

func interrupt(ctx context.Context, t *testing.T, s *stage, at time.Duration, killed bool) {
	s.filled(ctx, t, 1)
	transport := s.World.Transport()
	first := s.Another(t)
	first.Cloud, first.Registry, first.Journal = bubble.NewCloud(transport), bubble.NewRegistry(t, transport), s.Journal
	first.Fresh = func() (*ec2.Client, *github.Client) {
		return bubble.NewCloud(transport), bubble.NewRegistry(t, transport)
	}
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
	unfinished := s.Journal.Unfinished()
	if result := bubble.CleanUp(ctx, s.Starter, unfinished); len(result.Left) > 0 {
		t.Errorf("left: %q", result.Left)
	}
	<-time.After(time.Minute)
	checkPool(t, s, len(s.entries()))
	instances, runners := s.World.Leftovers()
	if len(instances) != len(s.entries()) || len(runners) > 0 {
		t.Errorf("left: %+v, %+v\n%s", instances, runners, s.Log)
	}
	for _, what := range s.World.Changed() {
		t.Errorf("touched: %s", what)
	}
}

// TestAClaimOfAStartThatFails: the deadline ends the claim while its machine is being started, and GitHub refuses the
// cold registration. Nothing of either stays.
func TestAClaimOfAStartThatFails(t *testing.T) {
	t.Parallel()
	inBubble(t, slowAnswers(800*time.Millisecond), func(ctx context.Context, t *testing.T, s *stage) {
		s.filled(ctx, t, 1)
		s.World.AddFault(simulator.Fault{
			Match: simulator.Match{Operation: "actions/generate-runner-jitconfig-for-repo",
				Params: map[string]string{"name": "ec2-build"}},
			Effect: simulator.EffectError, Status: 422,
		})
		result, err := s.Starter.Start(ctx, fromPool())
		if err == nil || len(result.Failure.Left) > 0 {
			t.Fatalf("%v, %+v\n%s", err, result.Failure, s.Log)
		}
		<-time.After(time.Minute)
		instances, runners := s.World.Leftovers()
		if len(instances) != len(s.entries()) || len(runners) > 0 {
			t.Errorf("left: %+v, %+v\n%s", instances, runners, s.Log)
		}
		checkPool(t, s, len(s.entries()))
	})
}
