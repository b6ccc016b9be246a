package pool_test

import (
	"context"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/marqo-ai/ec2-github-runner/machine"
	"github.com/marqo-ai/ec2-github-runner/runner"
	"github.com/marqo-ai/ec2-github-runner/runner/pool"
	"github.com/marqo-ai/ec2-github-runner/runner/tags/key"
	"github.com/marqo-ai/ec2-github-runner/test/bubble"
	"github.com/marqo-ai/ec2-github-runner/test/simulator"
)

// poolOf is a request that fills a pool for the starts of fromPool.
func poolOf(size int, change ...func(*pool.Request)) pool.Request {
	r := pool.Request{Start: bubble.Request(), Name: "tests", Size: size, MaxAge: 168 * time.Hour,
		WarmUp: 30 * time.Minute}
	r.Start.Run.ID, r.Start.Groups[0].Label = "4000", ""
	for _, c := range change {
		c(&r)
	}
	return r
}

// fromPool is a start that claims warm machines first.
func fromPool(change ...func(*runner.StartRequest)) runner.StartRequest {
	r := bubble.Request()
	r.Source, r.JIT, r.Ephemeral = pool.Machines{Pool: "tests"}, true, true
	for _, c := range change {
		c(&r)
	}
	return r
}

// filled fills the pool and waits until it is ready.
func (s *stage) filled(ctx context.Context, t *testing.T, size int) []simulator.Instance {
	t.Helper()
	result, err := pool.Fill(ctx, s.Another(t), poolOf(size))
	if err != nil || result.Count(pool.Launched) != size {
		t.Fatalf("pool: %v, %+v\n%s", err, result, s.Log)
	}
	<-time.After(3 * time.Minute)
	entries := s.entries()
	if len(entries) != size || slices.ContainsFunc(entries,
		func(i simulator.Instance) bool { return i.State != "stopped" }) {
		t.Fatalf("entries %+v", entries)
	}
	return entries
}

// entries returns the living instances with the tags of an unclaimed pool entry.
func (s *stage) entries() []simulator.Instance {
	return slices.DeleteFunc(s.World.Snapshot().Instances, func(i simulator.Instance) bool {
		return i.Tags[key.Mode] != "pool" || i.State == "terminated" || i.State == "shutting-down"
	})
}

// asEC2Is has EC2's published times: RunInstances answers within 1.5 s, an instance is running 5 s later, a fresh one
// boots in 20 s and one whose volume is initialized in 15 s.
func publishedTimes() simulator.Config { return simulator.Config{} }

// TestWarmIsFaster: from the start of the step to online, a warm machine takes at most 0.7 of a cold one's time, and
// its claim at most five calls before StartInstances.
func TestWarmIsFaster(t *testing.T) {
	t.Parallel()
	inBubble(t, publishedTimes(), func(ctx context.Context, t *testing.T, s *stage) {
		s.filled(ctx, t, 1)
		cold := fromPool(func(r *runner.StartRequest) { r.Source = nil })
		cold.Groups[0].Label = "cold"
		coldResult, err := s.Another(t).Start(ctx, cold)
		if err != nil {
			t.Fatal(err)
		}
		known := len(s.World.Calls())
		warmResult, err := s.Starter.Start(ctx, fromPool())
		if err != nil {
			t.Fatalf("%v\n%s", err, s.Log)
		}
		calls := s.World.Calls()[known:]
		before := slices.IndexFunc(calls, func(c simulator.Call) bool { return c.Operation == "StartInstances" })
		warmTime, coldTime := warmResult.Runners[0].Timeline.Online, coldResult.Runners[0].Timeline.Online
		t.Logf("warm %s, cold %s: %.2f; %d calls before the start", warmTime, coldTime,
			warmTime.Seconds()/coldTime.Seconds(), before)
		if !warmResult.Runners[0].Warm || warmTime.Seconds() > 0.7*coldTime.Seconds() {
			t.Errorf("warm %s, cold %s", warmTime, coldTime)
		}
		if before < 0 || before > 5 {
			t.Errorf("%d calls before StartInstances: %v", before, calls)
		}
		if runs := s.Calls("RunInstances"); len(runs) != 2 {
			t.Errorf("%d launches", len(runs))
		}
		s.World.RunJob("build", time.Minute)
		<-time.After(5 * time.Minute)
		for _, i := range s.World.Snapshot().Instances {
			if i.ID == warmResult.Runners[0].InstanceID && i.State != "terminated" {
				t.Errorf("after its job the machine is %s", i.State)
			}
		}
	})
}

// TestTwentyAtOnce: twenty concurrent starts on a pool of five share no machine, lose none, use at least three, and
// launch the rest cold.
func TestTwentyAtOnce(t *testing.T) {
	t.Parallel()
	inBubble(t, simulator.Config{}, func(ctx context.Context, t *testing.T, s *stage) {
		s.filled(ctx, t, 5)
		results, errs := make([]runner.StartResult, 20), make([]error, 20)
		var group sync.WaitGroup
		for n := range results {
			group.Go(func() {
				results[n], errs[n] = s.Another(t).Start(ctx,
					fromPool(func(r *runner.StartRequest) { r.Groups[0].Label = "leg-" + string(rune('a'+n)) }))
			})
		}
		group.Wait()
		warm, seen := 0, map[string]bool{}
		for n, r := range results {
			if errs[n] != nil {
				t.Fatalf("start %d: %v\n%s", n, errs[n], s.Log)
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

// TestAnEntryThatDoesNotComeUp: a warm machine that does not come online is given up after half of the startup timeout,
// terminated and deregistered, and its slot is started cold in the same step.
func TestAnEntryThatDoesNotComeUp(t *testing.T) {
	t.Parallel()
	config := simulator.Config{Guests: []simulator.GuestRule{{When: simulator.WhenLater,
		Fault: simulator.GuestNeverBoots,
		Times: 1}}}
	inBubble(t, config, func(ctx context.Context, t *testing.T, s *stage) {
		entry := s.filled(ctx, t, 1)[0]
		begun := time.Now()
		result, err := s.Starter.Start(ctx, fromPool())
		if err != nil || result.Runners[0].Warm || result.Runners[0].InstanceID == entry.ID ||
			result.Runners[0].RunnerName != "ec2-build" {
			t.Fatalf("%v, %+v\n%s", err, result, s.Log)
		}
		if took := time.Since(begun); took < 150*time.Second || took > 195*time.Second {
			t.Errorf("it took %s; half of five minutes is for the warm machine", took)
		}
		if len(s.Journal.Handoffs) != 2 || len(result.Warnings) != 1 || !strings.Contains(result.Warnings[0],
			"is not online 2m30s after its start") {
			t.Errorf("hand-offs %+v, warnings %q", s.Journal.Handoffs, result.Warnings)
		}
		instances, runners := s.World.Leftovers()
		if len(instances) != 1 || instances[0].ID != result.Runners[0].InstanceID || len(runners) != 1 {
			t.Errorf("left: %+v, %+v", instances, runners)
		}
	})
}

// TestAnImageThatIsGone: a warm machine does not need its image any more, so a start claims it; mode pool replaces it.
func TestAnImageThatIsGone(t *testing.T) {
	t.Parallel()
	const old, newer = "ami-0ccccccccccccccc1", "ami-0ccccccccccccccc2"
	image := func(id, created string) simulator.Image {
		return simulator.Image{ID: id, Region: "us-east-1", Architecture: "x86_64", Owner: "self", Created: created,
			Tags: map[string]string{key.Architecture: "amd64"}}
	}
	config := simulator.Defaults()
	config.Images = append(config.Images, image(old, "2000-01-01T00:00:00.000Z"))
	byArchitecture := func(r *runner.StartRequest) {
		r.Groups[0].Architecture, r.Groups[0].Placements = "amd64",
			[]machine.Placement{machine.NewPlacement("", "", "subnet-0aaaaaaaaaaaaaaa1", "sg-0aaaaaaaaaaaaaaa1")}
	}
	ofArchitecture := func(r *pool.Request) { byArchitecture(&r.Start) }
	inBubble(t, config, func(ctx context.Context, t *testing.T, s *stage) {
		if result, err := pool.Fill(ctx, s.Another(t), poolOf(2, ofArchitecture)); err != nil ||
			result.Entries[0].Image != old {
			t.Fatalf("%v, %+v", err, result)
		}
		<-time.After(3 * time.Minute)
		s.World.AddImage(image(newer, "2000-01-02T00:00:00.000Z"))
		s.World.RemoveImage(old)
		result, err := s.Starter.Start(ctx, fromPool(byArchitecture))
		if err != nil || !result.Runners[0].Warm || result.Runners[0].Image != old {
			t.Fatalf("%v, %+v\n%s", err, result, s.Log)
		}
		filled, err := pool.Fill(ctx, s.Another(t), poolOf(1, ofArchitecture))
		if err != nil || filled.Count(pool.Replaced) != 1 || filled.Count(pool.Launched) != 1 {
			t.Fatalf("%v, %+v", err, filled)
		}
		for _, e := range filled.Entries {
			if e.Became == pool.Replaced && e.Why != "its image "+old+" is gone" || e.Became == pool.Launched &&
				e.Image != newer {
				t.Errorf("%+v", e)
			}
		}
	})
}

// TestLostAnswersOfTheClaim: whichever call's answer is lost, the start gets its runner, and afterwards every unclaimed
// entry is ready and unblocked.
func TestLostAnswersOfTheClaim(t *testing.T) {
	t.Parallel()
	for _, operation := range []string{"DescribeInstances", "actions/generate-runner-jitconfig-for-repo",
		"ModifyInstanceAttribute", "CreateTags", "StartInstances"} {
		for _, effect := range []simulator.Effect{simulator.EffectCutAfter, simulator.EffectCutMiddle,
			simulator.EffectMalformed, simulator.EffectErrorAfter, simulator.EffectCutBefore} {
			t.Run(operation+" "+string(effect), func(t *testing.T) {
				t.Parallel()
				inBubble(t, simulator.Config{}, func(ctx context.Context, t *testing.T, s *stage) {
					s.filled(ctx, t, 2)
					s.World.AddFault(simulator.Fault{Match: simulator.Match{Operation: operation}, Effect: effect,
						Times: 1})
					result, err := s.Starter.Start(ctx, fromPool())
					if err != nil {
						t.Fatalf("%v\n%s", err, s.Log)
					}
					used := 0
					if result.Runners[0].Warm {
						used = 1
					}
					<-time.After(time.Minute)
					lost := 0 // a machine that may have been started is terminated
					for _, i := range s.World.Snapshot().Instances {
						if i.State == "terminated" || i.State == "shutting-down" {
							lost++
						}
					}
					checkPool(t, s, 2-used-lost)
					if lost > 0 && operation != "StartInstances" {
						t.Errorf("%d machines were given up for a lost answer of %s", lost, operation)
					}
				})
			})
		}
	}
}

// TestManyFromAPool: each slot claims for itself, concurrently; slots without a warm machine are launched cold
// together.
func TestManyFromAPool(t *testing.T) {
	t.Parallel()
	inBubble(t, simulator.Config{}, func(ctx context.Context, t *testing.T, s *stage) {
		s.filled(ctx, t, 3)
		result, err := s.Starter.Start(ctx, fromPool(func(r *runner.StartRequest) {
			r.Groups[0].Count = 4
			r.Groups = append(r.Groups, r.Groups[0])
			r.Groups[0].Name, r.Groups[1].Name, r.Groups[1].Label, r.Groups[1].Count, r.Groups[1].InstanceTypes = "a",
				"b",
				"other", 1, []string{"t3.large"}
			r.MinCount = 5
		}))
		if err != nil {
			t.Fatalf("%v\n%s", err, s.Log)
		}
		warm, seen := 0, map[string]bool{}
		for _, r := range result.Runners {
			if r.Warm {
				warm++
			}
			if r.Warm && r.Name == "b" {
				t.Errorf("a machine of another type was claimed: %+v", r)
			}
			seen[r.InstanceID] = true
		}
		if warm != 3 || len(seen) != 5 {
			t.Errorf("%d warm, machines %v", warm, seen)
		}
	})
}
