package main

import (
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/marqo-ai/ec2-github-runner/test/simulator"
)

const (
	coldStart   = "cold start, by JIT"
	warmStart   = "warm start, from a pool"
	warmByCold  = "warm / cold"
	claimCalls  = "calls before the warm machine is started"
	missedStart = "start on an empty pool"
	missByCold  = "empty pool - cold"
	fillTimeout = 4 * time.Minute
)

func warmRows() []row {
	return []row{{coldStart, "s", 0}, {warmStart, "s", 0}, {warmByCold, "", 0.7}, {claimCalls, "calls", 5},
		{missedStart, "s", 0}, {missByCold, "s", 2}}
}

// warm compares a start that claims a machine of a pool with one that launches its own and one whose pool is empty, in
// parallel, so that other work on the machine affects all three.
func warm(t *trial) error {
	single := map[string]string{"use-jit": "true", "ephemeral": "true"}
	var cold, miss, hit started
	scenes := []struct {
		result *started
		inputs map[string]string
		filled bool
	}{{&cold, single, false}, {&miss, map[string]string{"pool": "bench"}, false},
		{&hit, map[string]string{"pool": "bench"}, true}}
	errs := make([]error, len(scenes))
	var ready, group sync.WaitGroup
	ready.Add(len(scenes))
	for i, each := range scenes {
		group.Go(func() { *each.result, errs[i] = t.started(each.inputs, each.filled, &ready) })
	}
	group.Wait()
	if err := firstReal(errs); err != nil {
		return err
	}
	claimed := slices.IndexFunc(hit.calls, func(c simulator.Call) bool { return c.Operation == "StartInstances" })
	if claimed < 0 {
		return fmt.Errorf("the start did not claim the warm machine")
	}
	t.add(coldStart, cold.took.Seconds())
	t.add(missedStart, miss.took.Seconds())
	t.add(missByCold, miss.took.Seconds()-cold.took.Seconds())
	t.add(warmStart, hit.took.Seconds())
	t.add(warmByCold, hit.took.Seconds()/cold.took.Seconds())
	t.add(claimCalls, float64(claimed))
	return nil
}

// started is the duration of a start and its calls.
type started struct {
	took  time.Duration
	calls []simulator.Call
}

// started runs a start in a world of its own, with a filled pool if wanted, once all are ready.
func (t *trial) started(inputs map[string]string, filled bool, ready *sync.WaitGroup) (started, error) {
	s, err := t.scene(nil)
	if err == nil && filled {
		err = s.fill()
	}
	ready.Done()
	if err != nil {
		return started{}, err
	}
	defer s.close()
	ready.Wait()
	before := len(s.world.Calls())
	result, err := s.run("start", startInputs(inputs))
	if err != nil {
		return started{}, err
	}
	return started{result.Took, s.world.Calls()[before:]}, nil
}

// fill fills a pool with one warm machine and waits until it is ready.
func (s *scene) fill() error {
	if _, err := s.run("pool", startInputs(map[string]string{"mode": "pool", "pool": "bench",
		"pool-size": "1"})); err != nil {
		return err
	}
	for begun := time.Now(); time.Since(begun) < fillTimeout; {
		if slices.ContainsFunc(s.world.Snapshot().Instances,
			func(i simulator.Instance) bool { return i.State == "stopped" }) {
			return nil
		}
		select {
		case <-s.trial.ctx.Done():
			return s.trial.ctx.Err()
		case <-time.After(500 * time.Millisecond):
		}
	}
	return fmt.Errorf("the pool is not filled after %s", fillTimeout)
}
