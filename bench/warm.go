package main

import (
	"fmt"
	"slices"
	"time"

	"github.com/marqo-ai/ec2-github-runner/simulator"
)

const (
	coldStart   = "cold start, by JIT"
	warmStart   = "warm start, from a pool"
	warmByCold  = "warm / cold"
	claimCalls  = "calls before the warm machine is started"
	missedStart = "start on an empty pool"
	fillWithin  = 4 * time.Minute
)

func warmRows() []row {
	return []row{{coldStart, "s", 0}, {warmStart, "s", 0}, {warmByCold, "", 0.7}, {claimCalls, "calls", 5}, {missedStart, "s", 0}}
}

// warm measures a start that claims a machine of a pool against one that launches its own, and one whose pool is empty.
func warm(t *trial) error {
	cold, _, err := t.started(map[string]string{"use-jit": "true", "ephemeral": "true"}, false)
	if err != nil {
		return err
	}
	miss, _, err := t.started(map[string]string{"pool": "bench"}, false)
	if err != nil {
		return err
	}
	hit, calls, err := t.started(map[string]string{"pool": "bench"}, true)
	if err != nil {
		return err
	}
	claimed := slices.IndexFunc(calls, func(c simulator.Call) bool { return c.Operation == "StartInstances" })
	if claimed < 0 {
		return fmt.Errorf("the start did not take the warm machine")
	}
	t.add(coldStart, cold.Seconds())
	t.add(missedStart, miss.Seconds())
	t.add(warmStart, hit.Seconds())
	t.add(warmByCold, hit.Seconds()/cold.Seconds())
	t.add(claimCalls, float64(claimed))
	return nil
}

// started runs a start in a world of its own, with a filled pool if wanted, and gives its time and its calls.
func (t *trial) started(more map[string]string, filled bool) (time.Duration, []simulator.Call, error) {
	s, err := t.scene(nil)
	if err != nil {
		return 0, nil, err
	}
	defer s.close()
	if filled {
		if err := s.fill(); err != nil {
			return 0, nil, err
		}
	}
	before := len(s.world.Calls())
	result, err := s.run("start", startInputs(more))
	if err != nil {
		return 0, nil, err
	}
	return result.Took, s.world.Calls()[before:], nil
}

// fill brings a pool to one warm machine and waits until it stands ready.
func (s *scene) fill() error {
	if _, err := s.run("pool", startInputs(map[string]string{"mode": "pool", "pool": "bench", "pool-size": "1"})); err != nil {
		return err
	}
	for begun := time.Now(); time.Since(begun) < fillWithin; {
		if slices.ContainsFunc(s.world.Snapshot().Instances, func(i simulator.Instance) bool { return i.State == "stopped" }) {
			return nil
		}
		select {
		case <-s.trial.ctx.Done():
			return s.trial.ctx.Err()
		case <-time.After(500 * time.Millisecond):
		}
	}
	return fmt.Errorf("the pool is not filled after %s", fillWithin)
}
