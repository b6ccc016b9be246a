package existing_test

import (
	"context"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/marqo-ai/ec2-github-runner/runner"
	"github.com/marqo-ai/ec2-github-runner/runner/existing"
	"github.com/marqo-ai/ec2-github-runner/runner/tags/key"
	"github.com/marqo-ai/ec2-github-runner/test/bubble"
	"github.com/marqo-ai/ec2-github-runner/test/simulator"
)

const (
	box      = "i-0aaaaaaaaaaaaaaa7"
	otherBox = "i-0aaaaaaaaaaaaaaa8"
)

// boxes is a world with machines of the user, each with a runner of its own.
func boxes(ids ...string) simulator.Config {
	var config simulator.Config
	for n, id := range ids {
		name := "box-" + id[len(id)-1:]
		config.Instances = append(config.Instances, simulator.InstanceSeed{ID: id, State: "stopped", Runner: name,
			Tags: map[string]string{"Role": "gpu"}})
		config.Runners = append(config.Runners, simulator.RunnerSeed{Name: name, ID: int64(70 + n),
			Labels: []string{"self-hosted", "gpu"}, Offline: true})
	}
	return config
}

// existingRequest is a start of one machine with the tag.
func existingRequest(change ...func(*existing.Machines)) runner.StartRequest {
	r := bubble.Request()
	r.Groups = []runner.Group{{Label: "gpu", Count: 1}}
	machines := existing.Machines{Tags: map[string]string{"Role": "gpu"}}
	for _, c := range change {
		c(&machines)
	}
	r.Source = machines
	return r
}

// TestExistingRunnerNeverComes: after the timeout the machine is stopped and not terminated, and its registration
// stays.
func TestExistingRunnerNeverComes(t *testing.T) {
	t.Parallel()
	for _, named := range []bool{false, true} {
		config := boxes(box)
		config.Guests = []simulator.GuestRule{{Fault: simulator.GuestNeverBoots}}
		inBubble(t, config, func(ctx context.Context, t *testing.T, s *stage) {
			r := existingRequest(func(m *existing.Machines) {
				if named {
					m.Names = []string{"box-7"}
				}
			})
			begun := time.Now()
			result, err := s.Starter.Start(ctx, r)
			if err == nil || !strings.Contains(err.Error(), "did not come online") || len(result.Failure.Left) > 0 {
				t.Errorf("start: %v, left %v", err, result.Failure)
			}
			if took := time.Since(begun); took < 5*time.Minute || took > 7*time.Minute {
				t.Errorf("it took %s", took)
			}
			if len(s.Calls("TerminateInstances")) > 0 || len(s.Calls("StopInstances")) != 1 {
				t.Errorf("%d terminated, %d stopped", len(s.Calls("TerminateInstances")), len(s.Calls("StopInstances")))
			}
			<-time.After(30 * time.Second)
			s.NothingLeft(t)
		})
	}
}

// gaps are times between two starts: none, some moments, and long after the first one's runner is online.
func gaps() []time.Duration {
	all := []time.Duration{0, 40 * time.Millisecond, 150 * time.Millisecond, 350 * time.Millisecond}
	for gap := time.Second; gap < 22*time.Second; gap += 700 * time.Millisecond * time.Duration(60/bubble.Thinned(60)) {
		all = append(all, gap)
	}
	return all
}

// TestTwoStartsOnOneMachine: of two concurrent starts one gets the machine and the other says why it gets none; with
// two machines each gets one.
func TestTwoStartsOnOneMachine(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		ids  []string
		wins int
	}{{[]string{box}, 1}, {[]string{box, otherBox}, 2}} {
		for _, gap := range gaps() {
			inBubble(t, boxes(c.ids...), func(ctx context.Context, t *testing.T, s *stage) {
				var group sync.WaitGroup
				results, errs := make([]runner.StartResult, 2), make([]error, 2)
				for n := range 2 {
					starter := *s.Starter
					starter.Journal = &bubble.Journal{}
					starter.Cloud, starter.Registry = s.Starter.Fresh()
					group.Go(func() {
						<-time.After(time.Duration(n) * gap)
						results[n], errs[n] = starter.Start(ctx, existingRequest())
					})
				}
				group.Wait()
				won := map[string]bool{}
				for n := range 2 {
					if errs[n] == nil {
						won[results[n].Runners[0].InstanceID] = true
					} else if !strings.Contains(errs[n].Error(), "another start") {
						t.Errorf("gap %s: the loser's error is %v", gap, errs[n])
					}
				}
				if len(won) != c.wins {
					t.Errorf("gap %s: %d of two starts have a machine of their own on %v, want %d: %v, %v", gap,
						len(won), c.ids, c.wins, errs[0], errs[1])
				}
				for _, i := range s.World.Snapshot().Instances {
					if (i.State == "running") != won[i.ID] || won[i.ID] && i.Tags[key.Found] != "stopped" {
						t.Errorf("gap %s: %s is %s (found %s), won %v", gap, i.ID, i.State, i.Tags[key.Found], won)
					}
				}
			})
		}
	}
}

// TestStoppedByAnEarlierUse: an earlier use stops the machine just after our start has started it, so it is started a
// second time.
func TestStoppedByAnEarlierUse(t *testing.T) {
	t.Parallel()
	inBubble(t, boxes(box), func(ctx context.Context, t *testing.T, s *stage) {
		time.AfterFunc(12*time.Second, func() { s.World.Power(box, false) })
		result, err := s.Starter.Start(ctx, existingRequest())
		if err != nil || result.Runners[0].RunnerName != "box-7" || len(s.Calls("StartInstances")) != 2 {
			t.Errorf("start: %v, %d calls of StartInstances\n%s", err, len(s.Calls("StartInstances")), s.Log)
		}
	})
	inBubble(t, boxes(box), func(ctx context.Context, t *testing.T, s *stage) { // a second stop is intended
		for _, at := range []time.Duration{12 * time.Second, time.Minute} {
			time.AfterFunc(at, func() { s.World.Power(box, false) })
		}
		s.World.AddFault(simulator.Fault{Match: simulator.Match{Service: "github", Operation: "*runners*"}, Nth: 2,
			Times: 200, Effect: simulator.EffectError, Status: 502})
		if _, err := s.Starter.Start(ctx, existingRequest()); err == nil || !strings.Contains(err.Error(),
			"before its runner came online") {
			t.Errorf("start: %v", err)
		}
	})
}

// TestStaleRunner: GitHub still reports a runner as online whose machine was stopped a moment ago; that does not count.
func TestStaleRunner(t *testing.T) {
	t.Parallel()
	config := boxes(box)
	config.Runners[0].Offline = false
	config.Guests = []simulator.GuestRule{{Boot: 30 * time.Second}}
	inBubble(t, config, func(ctx context.Context, t *testing.T, s *stage) {
		r := existingRequest(func(m *existing.Machines) { m.Names = []string{"box-7"} })
		begun := time.Now()
		if _, err := s.Starter.Start(ctx, r); err != nil {
			t.Fatal(err)
		}
		if took := time.Since(begun); took < 30*time.Second {
			t.Errorf("the runner counts as online after %s, but its machine takes 30 s to boot", took)
		}
	})
}

// TestOtherMachinesWithTheLabel: other machines with the label are started by hand at the same time. An ambiguous
// result is reported, not guessed.
func TestOtherMachinesWithTheLabel(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name string
		tags map[string]string // of the other machines
		boot time.Duration     // theirs; ours takes 20 s
		want string            // in the error, or the name of the runner
	}{
		{"before ours runs", map[string]string{"Role": "other"}, time.Second, "box-7"},
		{"together, of another fleet", map[string]string{"Role": "other"}, 12 * time.Second, "box-8, box-9"},
		{"together, of the same fleet", map[string]string{"Role": "gpu"}, 12 * time.Second, ""},
	} {
		config := boxes(box, otherBox, "i-0aaaaaaaaaaaaaaa9")
		for n := 1; n < 3; n++ {
			config.Instances[n].Tags, config.Instances[n].Type = c.tags, "t3.xlarge"
		}
		config.Guests = []simulator.GuestRule{{Type: "t3.xlarge", Boot: c.boot}, {Boot: 20 * time.Second}}
		inBubble(t, config, func(ctx context.Context, t *testing.T, s *stage) {
			r := existingRequest(func(m *existing.Machines) { m.IDs = []string{box} })
			time.AfterFunc(500*time.Millisecond, func() {
				s.World.Power(otherBox, true)
				s.World.Power("i-0aaaaaaaaaaaaaaa9", true)
			})
			result, err := s.Starter.Start(ctx, r)
			switch name := result.Runners[0].RunnerName; {
			case err == nil && name != c.want:
				t.Errorf("%s: runner %q, want %q", c.name, name, c.want)
			case err != nil && (!strings.Contains(c.want, ",") || !strings.Contains(err.Error(), c.want)):
				t.Errorf("%s: %v", c.name, err)
			}
		})
	}
}

// TestLostAnswerOfAStart: the tags show whose start it was if its answer is lost; it never counts as somebody else's.
func TestLostAnswerOfAStart(t *testing.T) {
	t.Parallel()
	for _, times := range []int{1, 0} {
		inBubble(t, boxes(box), func(ctx context.Context, t *testing.T, s *stage) {
			s.World.AddFault(simulator.Fault{Match: simulator.Match{Operation: "StartInstances"},
				Effect: simulator.EffectCutAfter, Times: times})
			_, err := s.Starter.Start(ctx, existingRequest())
			i := s.World.Snapshot().Instances[0]
			switch {
			case times == 1 && (err != nil || i.Tags[key.Found] != "stopped" || i.State != "running"):
				t.Errorf("one answer lost: %v, the machine is %s, found %s", err, i.State, i.Tags[key.Found])
			case times == 0 && (err == nil || i.State != "stopping"):
				t.Errorf("all answers lost: %v, the machine is %s", err, i.State)
			}
		})
	}
}
