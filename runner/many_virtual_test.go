package runner_test

import (
	"context"
	"fmt"
	"maps"
	"regexp"
	"slices"
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

const (
	zoneA = "subnet-0aaaaaaaaaaaaaaa1"
	zoneB = "subnet-0aaaaaaaaaaaaaaa2"
)

// measured is how long a start took and which calls it made.
type measured struct {
	took     time.Duration
	ec2, hub int // calls
	looks    int // calls for GitHub's list and for single runners
	by       map[string]int
}

// measure runs a start of count equal runners in a world of its own and stops all of them.
func measure(t *testing.T, config simulator.Config, change func(*runner.StartRequest)) measured {
	t.Helper()
	var m measured
	inBubble(t, config, func(ctx context.Context, t *testing.T, s *stage) {
		r := bubble.Request()
		change(&r)
		begun := time.Now()
		result, err := s.Starter.Start(ctx, r)
		m.took = time.Since(begun)
		if err != nil {
			t.Fatalf("start: %v", err)
		}
		names := map[string]bool{}
		for _, one := range result.Runners {
			if one.Failed || one.RunnerID == 0 || names[one.RunnerName] {
				t.Errorf("runner %+v failed, has no id, or shares its name", one.Handoff)
			}
			names[one.RunnerName] = true
		}
		m.by = map[string]int{}
		for _, call := range s.World.Calls() {
			m.by[call.Operation]++
			switch {
			case call.Service != "github":
				m.ec2++
			case strings.HasPrefix(call.Operation, "actions/list-self-hosted") || strings.HasPrefix(call.Operation,
				"actions/get-self-hosted"):
				m.looks++
				fallthrough
			default:
				m.hub++
			}
			if call.Code == "RequestLimitExceeded" || call.Status == 403 || call.Status == 429 {
				t.Errorf("ran into a limit at %s: %s %d %s", call.Time.Sub(begun), call.Operation, call.Status,
					call.Code)
			}
		}
		stopper := &stop.Stopper{Cloud: s.Starter.Cloud, Registry: s.Starter.Registry, Log: s.Starter.Log}
		var handoffs []tags.Handoff
		for _, one := range result.Runners {
			one.Region = "" // the output has no region
			handoffs = append(handoffs, one.Handoff)
		}
		if _, err := stopper.Stop(ctx, stop.Request{Run: r.Run, Scope: r.Scope, Handoffs: handoffs}); err != nil {
			t.Errorf("stop: %v", err)
		}
		s.NothingLeft(t)
	})
	return m
}

func like(count int) func(*runner.StartRequest) {
	return func(r *runner.StartRequest) { r.Groups[0].Count = count }
}

func likeByJIT(count int) func(*runner.StartRequest) {
	return func(r *runner.StartRequest) { r.Groups[0].Count, r.JIT = count, true }
}

// TestManyTakeTheTimeOfOne checks the speed of starts of many, under EC2's and GitHub's limits.
func TestManyTakeTheTimeOfOne(t *testing.T) {
	t.Parallel()
	one := measure(t, simulator.Config{}, like(1))
	oneByJIT := measure(t, simulator.Config{}, likeByJIT(1))
	unlike := func(r *runner.StartRequest) {
		first := r.Groups[0]
		first.Label = ""
		second, third := first, first
		first.Name, second.Name, third.Name = "amd64", "arm64", "cuda"
		second.InstanceTypes = []string{"t4g.xlarge"}
		second.Placements = []machine.Placement{machine.NewPlacement("", "ami-0aaaaaaaaaaaaaaa2", zoneA,
			"sg-0aaaaaaaaaaaaaaa1")}
		third.InstanceTypes = []string{"g4dn.xlarge"}
		r.Groups = []runner.Group{first, second, third}
	}
	for _, c := range []struct {
		name   string
		config simulator.Config
		change func(*runner.StartRequest)
		most   time.Duration
	}{
		{"three different runners", simulator.Config{}, unlike, one.took * 115 / 100},
		{"three equal runners", simulator.Config{}, like(3), one.took * 115 / 100},
		{"fifty by token", simulator.Config{}, like(50), one.took * 3 / 2},
		{"fifty by token among 3,000 others", simulator.Config{ForeignRunners: 3000}, like(50), one.took * 3 / 2},
		{"two hundred and one by token", simulator.Config{}, like(201), one.took * 3 / 2},
		{"fifty by JIT", simulator.Config{}, likeByJIT(50), oneByJIT.took*11/10 + 25*time.Second},
		{"fifty by JIT among 3,000 others", simulator.Config{ForeignRunners: 3000}, likeByJIT(50), oneByJIT.took*11/10 +
			25*time.Second},
	} {
		if bubble.RaceDetector && (c.config.ForeignRunners > 0 || c.name == "two hundred and one by token") {
			continue
		}
		got := measure(t, c.config, c.change)
		t.Logf("%-36s %6.1f s, at most %6.1f s (one: %.1f s by token, %.1f s by JIT); EC2 %d, GitHub %d calls %v",
			c.name, got.took.Seconds(), c.most.Seconds(), one.took.Seconds(), oneByJIT.took.Seconds(), got.ec2,
			got.hub, sortedCalls(got.by))
		if got.took > c.most {
			t.Errorf("%s took %s, at most %s", c.name, got.took, c.most)
		}
	}
}

func sortedCalls(by map[string]int) []string {
	var list []string
	for _, name := range slices.Sorted(maps.Keys(by)) {
		list = append(list, fmt.Sprintf("%s:%d", name, by[name]))
	}
	return list
}

// TestCallsGrowWithOfferings: the calls for N runners by token do not grow with N.
func TestCallsGrowWithOfferings(t *testing.T) {
	t.Parallel()
	bubble.LeaveToTheOrdinaryTests(t)
	five, hundred := measure(t, simulator.Config{}, like(5)), measure(t, simulator.Config{}, like(100))
	for _, operation := range []string{"RunInstances", "CreateTags", "actions/create-registration-token-for-repo"} {
		if five.by[operation] != 1 || hundred.by[operation] != 1 {
			t.Errorf("%s: %d calls for five runners, %d for a hundred, want one each", operation, five.by[operation],
				hundred.by[operation])
		}
	}
	// For one of a hundred, a look may fall into the next second.
	if hundred.ec2 > five.ec2+3 || hundred.looks > 2*five.looks+3 {
		t.Errorf("five runners take %d calls to EC2 and %d looks, a hundred %d and %d", five.ec2, five.looks,
			hundred.ec2, hundred.looks)
	}
	spread := measure(t, simulator.Config{Capacity: []simulator.Pool{{Zone: "us-east-1a", Available: 40}}},
		func(r *runner.StartRequest) {
			like(100)(r)
			r.Groups[0].Placements = append(r.Groups[0].Placements, machine.NewPlacement("", "ami-0aaaaaaaaaaaaaaa1",
				zoneB,
				"sg-0aaaaaaaaaaaaaaa1"))
		})
	if spread.by["RunInstances"] != 2 {
		t.Errorf("a hundred runners over two offerings take %d calls of RunInstances, want 2",
			spread.by["RunInstances"])
	}
}

// TestALookIsTheCheaper counts the calls of one look: pages if the list is short, single look-ups if it is long.
func TestALookIsTheCheaper(t *testing.T) {
	t.Parallel()
	alone := measure(t, simulator.Config{}, like(50))
	crowded := measure(t, simulator.Config{ForeignRunners: 3000}, like(3))
	lonely := measure(t, simulator.Config{}, like(3))
	single := measure(t, simulator.Config{ForeignRunners: 3000}, like(1))
	if alone.looks > single.looks*2 {
		t.Errorf("fifty among few take %d looks, one takes %d: one page is enough", alone.looks, single.looks)
	}
	// Three runners among 31 pages: each look is three calls, and one more reads the first page. A wait may take two
	// looks more or less.
	if most := 3*(single.looks+2) + 2; crowded.looks > most {
		t.Errorf("three among 3,000 take %d calls, at most %d", crowded.looks, most)
	}
	if lonely.looks > single.looks+4 {
		t.Errorf("three among few take %d calls, one %d: a page is one call", lonely.looks, single.looks)
	}
}

// TestCapacityRounds: further rounds begin while capacity may become available.
func TestCapacityRounds(t *testing.T) {
	t.Parallel()
	full := simulator.Config{Capacity: []simulator.Pool{{InstanceType: "t3.xlarge", Available: 0}}}
	for _, jit := range []bool{false, true} {
		inBubble(t, full, func(ctx context.Context, t *testing.T, s *stage) {
			r := bubble.Request()
			r.JIT, r.CapacityTimeout, r.Groups[0].Count = jit, 10*time.Minute, 2
			back := time.AfterFunc(4*time.Minute, func() { s.World.SetCapacity() })
			defer back.Stop()
			result, err := s.Starter.Start(ctx, r)
			if err != nil {
				t.Fatalf("start: %v, want success once there is capacity", err)
			}
			if launched := result.Runners[0].Timeline.Launched; launched < 4*time.Minute || launched > 5*time.Minute+
				30*time.Second {
				t.Errorf("launched after %s, want at most a minute and a half after the capacity is available",
					launched)
			}
			first := regexp.MustCompile(`round 1 found no capacity for on-demand, t3\.xlarge in us-east-1: asking ` +
				`again in ` +
				`[2-8]s, and for up to 9m[0-9]+s more \(capacity-timeout-minutes\)`)
			if found := first.FindAllString(s.Log.String(), -1); len(found) != 1 {
				t.Errorf("%d log lines about the round, want one for all runners: %v", len(found), found)
			}
			tokens := map[string]bool{}
			for _, call := range s.Calls("RunInstances") {
				if tokens[call.Params["ClientToken"]] {
					t.Errorf("client token %s was used twice", call.Params["ClientToken"])
				}
				tokens[call.Params["ClientToken"]] = true
			}
			instances, runners := s.World.Leftovers()
			if len(instances) != 2 || len(runners) != 2 {
				t.Errorf("%d instances and %d runners, want two each", len(instances), len(runners))
			}
		})
	}
}

// TestCapacityNeverComes: the start ends when the time is over, not later, and reports every attempt.
func TestCapacityNeverComes(t *testing.T) {
	t.Parallel()
	config := simulator.Config{Capacity: []simulator.Pool{{InstanceType: "t3.xlarge", Available: 0}}}
	inBubble(t, config, func(ctx context.Context, t *testing.T, s *stage) {
		r := bubble.Request()
		r.CapacityTimeout = 10 * time.Minute
		r.Groups[0].Markets = []string{machine.Spot, machine.OnDemand}
		// One of two placements has an image that does not exist: it is not requested again.
		r.Groups[0].Placements = append(r.Groups[0].Placements, machine.NewPlacement("", "ami-0fffffffffffffff1", zoneB,
			"sg-0aaaaaaaaaaaaaaa1"))
		begun := time.Now()
		result, err := s.Starter.Start(ctx, r)
		took := time.Since(begun)
		if err == nil || result.Failure == nil || !strings.HasPrefix(result.Failure.Message,
			"Failed to start EC2 instance in any availability zone. Errors: ") {
			t.Fatalf("start: %v, want machulav's message", err)
		}
		if took < 10*time.Minute || took > 10*time.Minute+30*time.Second {
			t.Errorf("it took %s, want ten minutes", took)
		}
		asked := map[string]int{}
		for _, attempt := range result.Trail {
			asked[attempt.Market+" "+attempt.SubnetID]++
		}
		if asked["spot "+zoneB] != 1 || asked["on-demand "+zoneB] != 0 {
			t.Errorf("asked for the placement without an image %d and %d times, want once", asked["spot "+zoneB],
				asked["on-demand "+zoneB])
		}
		if n := asked["spot "+zoneA]; n < 10 || n > 20 || n != asked["on-demand "+zoneA] {
			t.Errorf("asked for spot %d and on-demand %d times in ten minutes, want some fifteen times each", n,
				asked["on-demand "+zoneA])
		}
		s.NothingLeft(t)
	})
}

// TestManyAreRolledBackInTime cancels a start of a hundred while it waits: nothing is left within the time that GitHub
// allows.
func TestManyAreRolledBackInTime(t *testing.T) {
	t.Parallel()
	for _, jit := range []bool{false, true} {
		for _, after := range []time.Duration{4 * time.Second, 15 * time.Second, 26 * time.Second} {
			inBubble(t, simulator.Config{}, func(ctx context.Context, t *testing.T, s *stage) {
				r := bubble.Request()
				r.Groups[0].Count, r.JIT = 60, jit
				ctx, cancel := context.WithCancel(ctx)
				defer cancel()
				var cancelled time.Time
				timer := time.AfterFunc(after, func() { cancelled = time.Now(); cancel() })
				defer timer.Stop()
				result, err := s.Starter.Start(ctx, r)
				if err == nil {
					t.Fatal("the start succeeded, want it cancelled")
				}
				if took := time.Since(cancelled); took > 7*time.Second {
					t.Errorf("jit %t, cancelled after %s: the roll-back took %s, at most 7s", jit, after, took)
				}
				if len(result.Failure.Left) > 0 {
					t.Errorf("jit %t, cancelled after %s: left %d things, such as %s", jit, after,
						len(result.Failure.Left), result.Failure.Left[0])
				}
				s.NothingLeft(t)
			})
		}
	}
}

// TestHalfOfThemFail covers min-count: if enough come online, the others are removed and named; if too few do, nothing
// is left.
func TestHalfOfThemFail(t *testing.T) {
	t.Parallel()
	for _, jit := range []bool{false, true} {
		for _, least := range []int{3, 4} {
			config := simulator.Config{}
			for _, nth := range []int{2, 4, 6} {
				config.Guests = append(config.Guests, simulator.GuestRule{Nth: nth, Fault: simulator.GuestDies,
					At:     8 * time.Second,
					Reason: "Server.InternalError"})
			}
			inBubble(t, config, func(ctx context.Context, t *testing.T, s *stage) {
				r := bubble.Request()
				r.Groups[0].Count, r.MinCount, r.JIT = 6, least, jit
				result, err := s.Starter.Start(ctx, r)
				instances, runners := s.World.Leftovers()
				if least == 4 {
					if err == nil || len(instances)+len(runners) > 0 {
						t.Errorf("jit %t: three of six, four wanted: error %v, %d instances and %d runners are left",
							jit, err, len(instances), len(runners))
					}
					return
				}
				if err != nil || len(instances) != 3 || len(runners) != 3 {
					t.Errorf("jit %t: three of six, three wanted: error %v, %d instances and %d runners", jit, err,
						len(instances), len(runners))
				}
				for _, one := range result.Runners {
					if one.Failed != one.Removed {
						t.Errorf("jit %t: runner %s: failed %t, removed %t", jit, one.RunnerName, one.Failed,
							one.Removed)
					}
				}
			})
		}
	}
}

// TestHalfOfManyFail removes forty of eighty within GitHub's limits, and in time.
func TestHalfOfManyFail(t *testing.T) {
	t.Parallel()
	for _, jit := range []bool{false, true} {
		config := simulator.Config{}
		for nth := 2; nth <= 80; nth += 2 {
			config.Guests = append(config.Guests, simulator.GuestRule{Nth: nth, Fault: simulator.GuestDies,
				At:     8 * time.Second,
				Reason: "Server.InternalError"})
		}
		inBubble(t, config, func(ctx context.Context, t *testing.T, s *stage) {
			r := bubble.Request()
			r.Groups[0].Count, r.MinCount, r.JIT = 80, 40, jit
			begun := time.Now()
			_, err := s.Starter.Start(ctx, r)
			instances, runners := s.World.Leftovers()
			if err != nil || len(instances) != 40 || len(runners) != 40 {
				t.Errorf("jit %t: error %v, %d instances and %d runners, want forty each", jit, err, len(instances),
					len(runners))
			}
			for _, call := range s.World.Calls() {
				if call.Code == "RequestLimitExceeded" || call.Status == 403 || call.Status == 429 {
					t.Errorf("jit %t: ran into a limit at %s: %s", jit, call.Time.Sub(begun), call.Operation)
				}
			}
			if took := time.Since(begun); !jit && took > 45*time.Second {
				t.Errorf("it took %s, want about the time of one", took)
			}
		})
	}
}

// TestNamesStayShortEnough: GitHub accepts 64 characters, and the launch index must fit after a long label's name.
func TestNamesStayShortEnough(t *testing.T) {
	t.Parallel()
	config := simulator.Config{Capacity: []simulator.Pool{{Zone: "us-east-1a", Available: 3}}}
	inBubble(t, config, func(ctx context.Context, t *testing.T, s *stage) {
		r := bubble.Request()
		r.Groups[0].Count, r.Groups[0].Label = 12, strings.Repeat("long-", 20)
		r.Groups[0].Placements = append(r.Groups[0].Placements, machine.NewPlacement("", "ami-0aaaaaaaaaaaaaaa1", zoneB,
			"sg-0aaaaaaaaaaaaaaa1"))
		result, err := s.Starter.Start(ctx, r)
		if err != nil {
			t.Fatal(err)
		}
		_, runners := s.World.Leftovers()
		registered := map[string]bool{}
		for _, one := range runners {
			registered[one.Name] = true
		}
		for _, one := range result.Runners {
			if len(one.RunnerName) > 64 || !registered[one.RunnerName] {
				t.Errorf("runner %s: %d characters, registered %t", one.RunnerName, len(one.RunnerName),
					registered[one.RunnerName])
			}
		}
		if len(registered) != 12 {
			t.Errorf("%d runners are registered, want 12", len(registered))
		}
	})
}

// TestLaunchesOfAtMostAHundred: AWS advises against more instances in one call.
// https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_RunInstances.html
func TestLaunchesOfAtMostAHundred(t *testing.T) {
	t.Parallel()
	bubble.LeaveToTheOrdinaryTests(t)
	for count, calls := range map[int]int{100: 1, 101: 2, 150: 2} {
		if m := measure(t, simulator.Config{Unlimited: true}, like(count)); m.by["RunInstances"] != calls {
			t.Errorf("%d runners: %d calls, want %d", count, m.by["RunInstances"], calls)
		}
	}
}
