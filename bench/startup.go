package main

import (
	"errors"

	"github.com/marqo-ai/ec2-github-runner/test/simulator"
	"github.com/marqo-ai/ec2-github-runner/test/simulator/step"
)

// fast makes the simulated services so fast that only the program's own time counts.
func fast(c *simulator.Config) { c.Speed = 100 }

// startUp measures the program's own time and memory.
func startUp(t *trial) error {
	s, err := t.scene(fast)
	if err != nil {
		return err
	}
	defer s.close()
	inputs := startInputs(nil)
	if len(t.bench.against) > 0 { // the other action's default waits take half a minute; both get the same inputs
		inputs["startup-quiet-period-seconds"], inputs["startup-retry-interval-seconds"] = "1", "1"
	}
	result, err := s.startUp(inputs)
	if err != nil {
		return err
	}
	t.add("processor time of a start", float64(result.CPU.Microseconds())/1000)
	return nil
}

// startUp runs a start, and records the time to its first call and its memory.
func (s *scene) startUp(inputs map[string]string) (step.Result, error) {
	result, err := s.run("start", inputs)
	if err != nil {
		return result, err
	}
	first, called := s.firstCall()
	if !called {
		return result, errors.New("the program made no call")
	}
	s.trial.add(firstCall, float64(first.Sub(result.Begun).Microseconds())/1000)
	s.trial.add("peak memory of a start", float64(result.MemoryKiB)/1024)
	return result, nil
}

// startContainer measures what docker adds: creating the container, starting the program, and removing the container.
func startContainer(t *trial) error {
	s, err := t.scene(fast)
	if err != nil {
		return err
	}
	defer s.close()
	s.steps.Image = t.bench.image
	start, err := s.run("start", startInputs(nil))
	if err != nil {
		return err
	}
	first, called := s.firstCall()
	if !called {
		return errors.New("the container made no call")
	}
	t.add("docker run to first API call", float64(first.Sub(start.Begun).Microseconds())/1000)
	stop, err := s.run("stop", stopInputs(start.Outputs))
	if err != nil {
		return err
	}
	t.add("docker run to the end of a stop", float64(stop.Took.Microseconds())/1000)
	return nil
}
