package serve_test

import (
	"flag"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/marqo-ai/ec2-github-runner/runner/tags/key"
	"github.com/marqo-ai/ec2-github-runner/serve/config"
	"github.com/marqo-ai/ec2-github-runner/test/simulator"
)

var (
	every = flag.Int("every", 71, "of the trials of a storm, run each nth: 1 for all of them")
	only  = flag.String("only", "", "run the trials of a storm whose name holds this text")
)

// stormSets have less room than the storm has jobs, so that machines follow each other.
func stormSets() []config.Set { return []config.Set{aSet("alpha", 5), aSet("beta", 3)} }

// stormWorld is a world with others in it, which look much like the machines of its sets. None may be touched.
func stormWorld() simulator.Config {
	world := simulator.Defaults()
	world.Timing.Boot, world.Timing.Download, world.Timing.Running = 5*time.Second, time.Second, 3*time.Second
	world.ScaleSets.SessionLapse = 30 * time.Second
	world.ForeignInstances, world.ForeignRunners = 2, 2
	other := func(mode, set, name string, busy bool) {
		id := int64(9000 + len(world.Instances))
		world.Instances = append(world.Instances, simulator.InstanceSeed{Tags: map[string]string{
			key.Scope: "demo-org/demo", key.Mode: mode, key.ScaleSet: set, key.RunnerName: name, key.Nonce: "zzzzzzzz",
			key.RunnerID: fmt.Sprint(id), key.ExpiresAt: "2001-01-01T00:00:00Z",
		}})
		world.Runners = append(world.Runners, simulator.RunnerSeed{ID: id, Name: name, Busy: busy})
	}
	other("serve", "gamma", "gamma-abcd1234", false)    // another file's
	other("serve", "gamma", "ec2-alpha-abcd1234", true) // of a set with a like name
	other("start", "", "ec2-abcd1234", false)
	other("pool", "alpha", "alpha-warm", false)
	return world
}

// trial is one storm, with one thing that goes wrong at one of its calls.
type trial struct {
	call  int // of all, from 1; 0 for none
	what  string
	fault simulator.Fault // for no signal
	kill  bool            // for a signal: SIGKILL, else SIGTERM
	after bool            // for a signal: when the answer is there, else while it is on its way
}

func (tr trial) String() string { return fmt.Sprintf("%s at call %d", tr.what, tr.call) }

// trials are all that can go wrong at a call.
func trials(calls int) (list []trial) {
	for call := 1; call <= calls; call++ {
		list = append(list,
			trial{what: "answer lost", fault: simulator.Fault{Effect: simulator.EffectCutAfter}},
			trial{what: "half an answer", fault: simulator.Fault{Effect: simulator.EffectCutMiddle}},
			trial{what: "5xx", fault: simulator.Fault{Effect: simulator.EffectError, Status: http.StatusBadGateway}},
			trial{what: "5xx, and done", fault: simulator.Fault{Effect: simulator.EffectErrorAfter,
				Status: http.StatusBadGateway}},
			trial{what: "kill during", kill: true}, trial{what: "kill after", kill: true, after: true},
			trial{what: "SIGTERM during"}, trial{what: "SIGTERM after", after: true})
		for i := len(list) - 8; i < len(list); i++ {
			list[i].call = call
		}
	}
	return list
}

// TestStorm takes a storm of twenty jobs on two sets through everything that can go wrong at each of its calls: nothing
// is launched beyond a maximum, no job is forgotten or cut off, nothing is left, and nothing of others is touched.
func TestStorm(t *testing.T) {
	calls := 0
	inBubbleAlone(t, stormWorld(), stormSets(), func(s *stage) {
		s.storm(trial{what: "good weather"})
		calls = len(s.world.Calls())
	})
	var chosen []trial
	for n, tr := range trials(calls) {
		if strings.Contains(tr.String(), *only) && (*only != "" || n%*every == 0) {
			chosen = append(chosen, tr)
		}
	}
	results := &stormTable{}
	t.Run("trials", func(t *testing.T) {
		for part := range slices.Chunk(chosen, 16) {
			t.Run("", func(t *testing.T) {
				t.Parallel()
				for _, tr := range part {
					inBubbleAlone(t, stormWorld(), stormSets(), func(s *stage) { results.add(tr, s.storm(tr)) })
				}
			})
		}
	})
	t.Logf("a storm makes %d calls\n%s", calls, results)
}

// outcome is what a storm came to.
type outcome struct {
	launches  int // calls of RunInstances that gave a machine
	took      time.Duration
	processes int
}

// storm runs the jobs of a storm, in which something goes wrong.
func (s *stage) storm(tr trial) outcome {
	s.t.Helper()
	for set, count := range map[string]int{"alpha": 13, "beta": 7} {
		s.queue(set, count, simulator.ScaleSetJob{Duration: 20 * time.Second})
	}
	if tr.fault.Effect != "" {
		tr.fault.Match.Call, tr.fault.Times = tr.call, 1
		s.world.AddFault(tr.fault)
		tr.call = 0
	}
	begun := time.Now()
	life := s.supervise(tr.call, tr.after, tr.kill)
	for !s.allDone() {
		s.withinMax(tr.String())
		if states := s.states(); time.Since(begun) > 20*time.Minute || states["lost"]+states["failed"] > 0 {
			s.t.Errorf("%s: after %s the jobs are %v", tr, time.Since(begun), states)
			break
		}
		<-time.After(2 * time.Second)
	}
	took := time.Since(begun)
	for s.isLeft() && time.Since(begun) < took+5*time.Minute {
		<-time.After(2 * time.Second)
	}
	instances, runners := s.world.Leftovers()
	for _, i := range instances {
		s.t.Errorf("%s: left: instance %s, %s, %s", tr, i.ID, i.State, i.Tags[key.RunnerName])
	}
	for _, r := range runners {
		s.t.Errorf("%s: left: runner %s, %s", tr, r.Name, r.Status)
	}
	for _, what := range s.world.Changed() {
		s.t.Errorf("%s: touched: %s", tr, what)
	}
	processes := life.end()
	s.t.Cleanup(func() {
		if s.t.Failed() {
			s.t.Logf("%s", tr)
		}
	})
	launches := slices.DeleteFunc(s.calls("RunInstances"), func(c simulator.Call) bool { return c.Status != 200 })
	return outcome{launches: len(launches), took: took, processes: processes}
}

func (s *stage) isLeft() bool {
	instances, runners := s.world.Leftovers()
	return len(instances)+len(runners) > 0
}

// withinMax fails where a set has more machines than its maximum.
func (s *stage) withinMax(when string) {
	s.t.Helper()
	instances, _ := s.world.Leftovers()
	count := map[string]int{}
	for _, i := range instances {
		count[i.Tags[key.ScaleSet]]++
	}
	for _, set := range s.file.Sets {
		if count[set.Name] > set.Max {
			s.t.Errorf("%s: %d machines of %s, which may have %d", when, count[set.Name], set.Name, set.Max)
		}
	}
}

// stormTable counts what came of the trials, a row for each thing that goes wrong.
type stormTable struct {
	mu   sync.Mutex
	rows map[string]*stormRow
}

type stormRow struct {
	cases, launches, mostLaunches int
	longest                       time.Duration
}

func (tb *stormTable) add(tr trial, o outcome) {
	tb.mu.Lock()
	defer tb.mu.Unlock()
	if tb.rows == nil {
		tb.rows = map[string]*stormRow{}
	}
	r := tb.rows[tr.what]
	if r == nil {
		r = &stormRow{}
		tb.rows[tr.what] = r
	}
	r.cases++
	r.launches += o.launches
	r.mostLaunches, r.longest = max(r.mostLaunches, o.launches), max(r.longest, o.took)
}

func (tb *stormTable) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%-16s %6s %18s %14s %9s\n", "trouble", "cases", "machines a storm", "at most", "longest")
	var names []string
	for name := range tb.rows {
		names = append(names, name)
	}
	slices.Sort(names)
	all := 0
	for _, name := range names {
		r := tb.rows[name]
		all += r.cases
		fmt.Fprintf(&b, "%-16s %6d %18.2f %14d %9s\n", name, r.cases, float64(r.launches)/float64(r.cases),
			r.mostLaunches, r.longest)
	}
	fmt.Fprintf(&b, "%-16s %6d\n", "all", all)
	return b.String()
}
