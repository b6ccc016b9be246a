package main

import (
	"fmt"
	"time"

	"github.com/marqo-ai/ec2-github-runner/test/simulator"
)

// populations are the numbers of other runners in the repository.
var populations = []int{0, 300, 3000}

func among(others int, what string) string { return fmt.Sprintf("%s among %d runners", what, others) }

func callRows() (rows []row) {
	for _, others := range populations {
		rows = append(rows,
			row{among(others, "start") + ": GitHub", "calls", 0},
			row{among(others, "start") + ": GitHub's points", "points", 0},
			row{among(others, "start") + ": EC2", "calls", 0},
			row{among(others, "start") + ": RunInstances", "calls", 0},
			row{among(others, "stop") + ": GitHub", "calls", 0},
			row{among(others, "stop") + ": GitHub's points", "points", 0},
			row{among(others, "stop") + ": EC2", "calls", 0},
			row{among(others, "stop") + ": both", "calls", 3})
	}
	return rows
}

// calls counts the calls of a start and a stop in repositories with other runners. The machine takes as long as the
// simulator's default.
func calls(t *trial) error {
	for _, others := range populations {
		if err := t.callsAmong(others); err != nil {
			return err
		}
	}
	return nil
}

func (t *trial) callsAmong(others int) error {
	s, err := t.scene(func(c *simulator.Config) { c.ForeignRunners = others })
	if err != nil {
		return err
	}
	defer s.close()
	start, err := s.run("start", startInputs(nil))
	if err != nil {
		return err
	}
	t.count(s, among(others, "start"), 0)
	t.add(among(others, "start")+": RunInstances", s.operations("RunInstances"))
	before := len(s.world.Calls())
	if _, err := s.run("stop", stopInputs(start.Outputs)); err != nil {
		return err
	}
	t.count(s, among(others, "stop"), before)
	t.add(among(others, "stop")+": both", s.calls("github", before)+s.calls("ec2", before))
	return nil
}

// count records the calls of a step.
func (t *trial) count(s *scene, what string, since int) {
	t.add(what+": GitHub", s.calls("github", since))
	t.add(what+": GitHub's points", s.points(since))
	t.add(what+": EC2", s.calls("ec2", since))
}

func sweepRows() (rows []row) {
	for _, others := range populations {
		rows = append(rows,
			row{among(others, "sweep"), "s", 0},
			row{among(others, "sweep") + ": GitHub", "calls", 0},
			row{among(others, "sweep") + ": GitHub's points", "points", 0},
			row{among(others, "sweep") + ": EC2", "calls", 0})
	}
	return rows
}

// sweeps counts the calls of a sweep that finds a busy runner and other runners.
func sweeps(t *trial) error {
	for _, others := range populations {
		if err := t.sweepAmong(others); err != nil {
			return err
		}
	}
	return nil
}

func (t *trial) sweepAmong(others int) error {
	s, err := t.scene(func(c *simulator.Config) {
		onlineAfter(5 * time.Second)(c)
		c.ForeignRunners = others
		c.Runs = []simulator.Run{{ID: 4711}}
	})
	if err != nil {
		return err
	}
	defer s.close()
	if _, err := s.run("start", startInputs(nil)); err != nil {
		return err
	}
	before := len(s.world.Calls())
	result, err := s.run("sweep", map[string]string{"mode": "sweep", "github-token": "ghp_demo"})
	if err != nil {
		return err
	}
	t.add(among(others, "sweep"), result.Took.Seconds())
	t.count(s, among(others, "sweep"), before)
	return nil
}
