package runner_test

import (
	"context"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/marqo-ai/ec2-github-runner/ec2"
	"github.com/marqo-ai/ec2-github-runner/github"
	"github.com/marqo-ai/ec2-github-runner/runner"
	"github.com/marqo-ai/ec2-github-runner/simulator"
)

// pool is what fills a pool for the starts of fromPool.
func pool(size int, change ...func(*runner.PoolRequest)) runner.PoolRequest {
	r := runner.PoolRequest{Start: request(), Name: "tests", Size: size, MaxAge: 168 * time.Hour, WarmUp: 30 * time.Minute}
	r.Start.Run.ID, r.Start.Groups[0].Label = "4000", ""
	for _, c := range change {
		c(&r)
	}
	return r
}

// fromPool is a start that takes warm machines first.
func fromPool(change ...func(*runner.StartRequest)) runner.StartRequest {
	r := request()
	r.Pool, r.JIT, r.Ephemeral = "tests", true, true
	for _, c := range change {
		c(&r)
	}
	return r
}

// filled fills the pool and waits until it stands ready.
func (s *stage) filled(ctx context.Context, t *testing.T, size int) []simulator.Instance {
	t.Helper()
	result, err := s.another(t).Pool(ctx, pool(size))
	if err != nil || result.Count(runner.EntryLaunched) != size {
		t.Fatalf("pool: %v, %+v\n%s", err, result, s.log)
	}
	<-time.After(3 * time.Minute)
	entries := s.entries()
	if len(entries) != size || slices.ContainsFunc(entries, func(i simulator.Instance) bool { return i.State != "stopped" }) {
		t.Fatalf("entries %+v", entries)
	}
	return entries
}

// another is a starter of another process in the same world.
func (s *stage) another(t *testing.T) *runner.Starter {
	clients := func() (*ec2.Client, *github.Client) {
		transport := s.world.Transport()
		return newCloud(transport), newRegistry(t, transport)
	}
	cloud, registry := clients()
	return &runner.Starter{
		Cloud: cloud, Registry: registry, Journal: &journal{}, Log: slog.New(slog.NewTextHandler(s.log, &slog.HandlerOptions{Level: slog.LevelDebug})),
		Fresh: func() (runner.Cloud, runner.Registry) { cloud, registry := clients(); return cloud, registry },
	}
}

// entries are the living instances that carry the tag of a pool's unclaimed entry.
func (s *stage) entries() []simulator.Instance {
	return slices.DeleteFunc(s.world.Snapshot().Instances, func(i simulator.Instance) bool {
		return i.Tags[runner.TagMode] != "pool" || i.State == "terminated" || i.State == "shutting-down"
	})
}

// asEC2Is has EC2's published times: RunInstances answers in 1.5 s, an instance runs 5 s later, a fresh one boots in 20 s and one whose
// volume is filled in 15. https://github.com/machulav/ec2-github-runner has no such figures; shared/facts.md names the ledger.
func asEC2Is() simulator.Config { return simulator.Config{} }

// TestWarmIsFaster: from the step's start to online a warm machine takes at most 0.7 of what a cold one does, and its claim at most
// five calls before it is started.
func TestWarmIsFaster(t *testing.T) {
	t.Parallel()
	inBubble(t, asEC2Is(), func(ctx context.Context, t *testing.T, s *stage) {
		s.filled(ctx, t, 1)
		cold := fromPool(func(r *runner.StartRequest) { r.Pool = "" })
		cold.Groups[0].Label = "cold"
		coldResult, err := s.another(t).Start(ctx, cold)
		if err != nil {
			t.Fatal(err)
		}
		known := len(s.world.Calls())
		warmResult, err := s.starter.Start(ctx, fromPool())
		if err != nil {
			t.Fatalf("%v\n%s", err, s.log)
		}
		calls := s.world.Calls()[known:]
		before := slices.IndexFunc(calls, func(c simulator.Call) bool { return c.Operation == "StartInstances" })
		warm, coldly := warmResult.Runners[0].Timeline.Online, coldResult.Runners[0].Timeline.Online
		t.Logf("warm %s, cold %s: %.2f; %d calls before the start", warm, coldly, warm.Seconds()/coldly.Seconds(), before)
		if !warmResult.Runners[0].Warm || warm.Seconds() > 0.7*coldly.Seconds() {
			t.Errorf("warm %s, cold %s", warm, coldly)
		}
		if before < 0 || before > 5 {
			t.Errorf("%d calls before StartInstances: %v", before, calls)
		}
		if runs := s.calls("RunInstances"); len(runs) != 2 {
			t.Errorf("%d launches", len(runs))
		}
		s.world.RunJob("build", time.Minute)
		<-time.After(5 * time.Minute)
		for _, i := range s.world.Snapshot().Instances {
			if i.ID == warmResult.Runners[0].InstanceID && i.State != "terminated" {
				t.Errorf("after its job the machine is %s", i.State)
			}
		}
	})
}

// TestAMissCostsTwoSeconds: whatever becomes of the claims, the cold start begins two seconds later at the latest.
func TestAMissCostsTwoSeconds(t *testing.T) {
	t.Parallel()
	fault := func(operation string, effect simulator.Effect, code string) simulator.Fault {
		return simulator.Fault{Match: simulator.Match{Operation: operation}, Effect: effect, Code: code, Status: map[bool]int{true: 409}[code == "409"]}
	}
	jit := "actions/generate-runner-jitconfig-for-repo"
	for name, weather := range map[string]simulator.Fault{
		"no capacity":          fault("StartInstances", simulator.EffectError, "InsufficientInstanceCapacity"),
		"denied":               fault("ModifyInstanceAttribute", simulator.EffectError, "UnauthorizedOperation"),
		"user data unchanged":  fault("ModifyInstanceAttribute", simulator.EffectError, "IncorrectInstanceState"),
		"user data hangs":      fault("ModifyInstanceAttribute", simulator.EffectHang, ""),
		"everybody is faster":  {Match: simulator.Match{Operation: jit, Params: map[string]string{"name": "ec2-i-*"}}, Effect: simulator.EffectError, Status: 409},
		"registration hangs":   {Match: simulator.Match{Operation: jit, Params: map[string]string{"name": "ec2-i-*"}}, Effect: simulator.EffectHang},
		"the list is denied":   {Match: simulator.Match{Operation: "DescribeInstances", Params: map[string]string{"Filter.1.Name": "tag:ec2-github-runner:mode"}}, Effect: simulator.EffectError, Code: "UnauthorizedOperation"},
		"nothing stands ready": {Match: simulator.Match{Operation: "Nothing"}, Effect: simulator.EffectHang},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			inBubble(t, simulator.Config{}, func(ctx context.Context, t *testing.T, s *stage) {
				if name != "nothing stands ready" {
					s.filled(ctx, t, 4)
				}
				s.world.AddFault(weather)
				begun, known := time.Now(), len(s.world.Calls())
				result, err := s.starter.Start(ctx, fromPool())
				if err != nil || result.Runners[0].Warm {
					t.Fatalf("%v, %+v\n%s", err, result, s.log)
				}
				calls := s.world.Calls()[known:]
				cold := slices.IndexFunc(calls, func(c simulator.Call) bool {
					return strings.HasPrefix(c.Operation, "actions/list-self-hosted") // the look at the cold name
				})
				if took := calls[cold].Time.Sub(begun); took > 2*time.Second {
					t.Errorf("the cold start begins after %s\n%s", took, s.log)
				}
				s.world.ClearFaults()
				checkPool(t, s, len(s.entries()))
			})
		})
	}
}

// checkPool: the entries are whole: they stand still, unclaimed, and nothing holds their names.
func checkPool(t *testing.T, s *stage, want int) {
	t.Helper()
	snapshot := s.world.Snapshot()
	entries := s.entries()
	for _, i := range entries {
		if i.State != "stopped" || i.Tags[runner.TagNonce] != "" && i.Tags[runner.TagRunID] != "4000" || i.Tags[runner.TagExpiresAt] != i.Tags[runner.TagPoolUntil] {
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

// TestTwentyAtOnce: twenty starts on a pool of five share none, lose none, use three at least, and start the rest cold.
func TestTwentyAtOnce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := &stage{world: simulator.New(simulator.Config{}), log: &lines{}, journal: &journal{}}
		ctx := t.Context()
		s.filled(ctx, t, 5)
		results, errs := make([]runner.StartResult, 20), make([]error, 20)
		var group sync.WaitGroup
		for n := range results {
			group.Go(func() {
				results[n], errs[n] = s.another(t).Start(ctx, fromPool(func(r *runner.StartRequest) { r.Groups[0].Label = "leg-" + string(rune('a'+n)) }))
			})
		}
		group.Wait()
		warm, seen := 0, map[string]bool{}
		for n, r := range results {
			if errs[n] != nil {
				t.Fatalf("start %d: %v\n%s", n, errs[n], s.log)
			}
			if r.Runners[0].Warm {
				warm++
			}
			if seen[r.Runners[0].InstanceID] {
				t.Errorf("%s is shared", r.Runners[0].InstanceID)
			}
			seen[r.Runners[0].InstanceID] = true
		}
		t.Logf("%d of 5 warm machines used", warm)
		if warm < 3 {
			t.Errorf("%d of 5 warm machines used", warm)
		}
		checkPool(t, s, 5-warm)
	})
}
