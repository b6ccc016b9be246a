package main

import (
	"context"
	"fmt"
	"os"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/marqo-ai/ec2-github-runner/simulator"
)

// bench is what to measure.
type bench struct {
	binary  string
	against []string
	image   string
	runs    int
	only    string

	mu      sync.Mutex
	results Results
}

// measurement is one group of figures. Those that measure the program's own time run alone; those that wait for simulated
// machines run side by side.
type measurement struct {
	name string
	run  func(context.Context, *bench, []string, func(name, unit string, limit, value float64)) error
	runs int // 0: as often as the bench says
}

func (b *bench) measure(ctx context.Context) (Results, error) {
	b.results = Results{Machine: machine(), Go: runtime.Version(), Runs: b.runs, Against: strings.Join(b.against, " ")}
	alone := []measurement{
		{name: "Start-up", run: startUp},
		{name: "Roll-back", run: rollBack},
	}
	for _, m := range alone {
		if err := b.repeat(ctx, m, 1); err != nil {
			return b.results, err
		}
	}
	together := []measurement{
		{name: "From online to the end of the step", run: untilReady},
		{name: "Calls", run: calls},
		{name: "Many runners", run: manyRunners, runs: 1},
	}
	for _, m := range together {
		if err := b.repeat(ctx, m, b.runs); err != nil {
			return b.results, err
		}
	}
	return b.results, b.sizes()
}

// repeat runs a measurement as often as wanted, width at a time; with a rival each time for both, one after the other.
func (b *bench) repeat(ctx context.Context, m measurement, width int) error {
	if !strings.Contains(m.name, b.only) {
		return nil
	}
	fmt.Fprintf(os.Stderr, "measuring: %s\n", m.name)
	runs := m.runs
	if runs == 0 {
		runs = b.runs
	}
	errs := make([]error, runs)
	places := make(chan struct{}, width)
	var group sync.WaitGroup
	for i := range runs {
		group.Go(func() {
			places <- struct{}{}
			defer func() { <-places }()
			errs[i] = m.run(ctx, b, []string{b.binary}, func(name, unit string, limit, value float64) { b.add(m.name, name, unit, limit, value, false) })
			if errs[i] == nil && len(b.against) > 0 {
				errs[i] = m.run(ctx, b, b.against, func(name, unit string, limit, value float64) { b.add(m.name, name, unit, limit, value, true) })
			}
		})
	}
	group.Wait()
	for _, err := range errs {
		if err != nil {
			return fmt.Errorf("%s: %w", m.name, err)
		}
	}
	return nil
}

// add notes a value of a figure.
func (b *bench) add(group, name, unit string, limit, value float64, rival bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for i := range b.results.Figures {
		f := &b.results.Figures[i]
		if f.Group == group && f.Name == name {
			if rival {
				f.Rival = append(f.Rival, value)
			} else {
				f.Values = append(f.Values, value)
			}
			return
		}
	}
	f := Figure{Group: group, Name: name, Unit: unit, Limit: limit}
	if rival {
		f.Rival = []float64{value}
	} else {
		f.Values = []float64{value}
	}
	b.results.Figures = append(b.results.Figures, f)
}

type adder = func(name, unit string, limit, value float64)

// startUp measures the program's own time and memory on a world that is so fast that only the program counts.
func startUp(ctx context.Context, _ *bench, command []string, add adder) error {
	s, err := newScene(command, func(c *simulator.Config) { c.Speed = 100 })
	if err != nil {
		return err
	}
	defer s.close()
	result, err := s.run(ctx, "start", startInputs(nil))
	if err != nil {
		return err
	}
	if first, called := s.firstCall(); called {
		add("process start to first API call", "ms", 30, float64(first.Sub(result.Begun).Microseconds())/1000)
	}
	add("peak memory of a start", "MB", 25, float64(result.MemoryKiB)/1024)
	add("processor time of a start", "ms", 0, float64(result.CPU.Microseconds())/1000)
	return nil
}

// rollBack measures how long the program takes from SIGTERM to its end, while it waits for a machine.
func rollBack(ctx context.Context, b *bench, command []string, add adder) error {
	if len(b.against) > 0 && command[0] == b.against[0] {
		return nil // it leaves its machine behind: there is nothing to compare
	}
	s, err := newScene(command, onlineAfter(time.Hour))
	if err != nil {
		return err
	}
	defer s.close()
	seen := &sawLine{text: "up and running", seen: make(chan struct{})}
	running, err := s.steps.Start(ctx, "start", startInputs(nil), seen)
	if err != nil {
		return err
	}
	select {
	case <-seen.seen:
	case <-time.After(30 * time.Second):
		return fmt.Errorf("the instance does not run")
	}
	begun := time.Now()
	if err := running.Signal(syscall.SIGTERM); err != nil {
		return err
	}
	if _, err := running.Wait(); err != nil {
		return err
	}
	add("SIGTERM to the end of the step", "s", 7, time.Since(begun).Seconds())
	instances, runners := s.world.Leftovers()
	add("instances and registrations left", "", 0, float64(len(instances)+len(runners)))
	return nil
}

// sawLine tells when a text was printed.
type sawLine struct {
	text string
	all  strings.Builder
	seen chan struct{}
	done bool
}

func (w *sawLine) Write(p []byte) (int, error) {
	w.all.Write(p)
	if !w.done && strings.Contains(w.all.String(), w.text) {
		w.done = true
		close(w.seen)
	}
	return len(p), nil
}

// untilReady measures what the user waits for after the runner is online, for machines of several speeds side by side.
func untilReady(ctx context.Context, _ *bench, command []string, add adder) error {
	delays := []time.Duration{5 * time.Second, 12 * time.Second, 20 * time.Second, 33 * time.Second, 41 * time.Second}
	errs := make([]error, len(delays))
	var group sync.WaitGroup
	for i, delay := range delays {
		group.Go(func() {
			s, err := newScene(command, onlineAfter(delay))
			if err != nil {
				errs[i] = err
				return
			}
			defer s.close()
			online := make(chan time.Time, 1)
			go func() {
				at, _ := s.onlineAt(ctx, 1)
				online <- at
			}()
			result, err := s.run(ctx, "start", startInputs(nil))
			if err != nil {
				errs[i] = err
				return
			}
			add(fmt.Sprintf("online %d s after the launch", int(delay.Seconds())), "s", 1, result.Begun.Add(result.Took).Sub(<-online).Seconds())
		})
	}
	group.Wait()
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

// calls counts the calls of a start and a stop in repositories with other runners.
func calls(ctx context.Context, _ *bench, command []string, add adder) error {
	for _, others := range []int{0, 300, 3000} {
		s, err := newScene(command, func(c *simulator.Config) {
			onlineAfter(10 * time.Second)(c)
			c.ForeignRunners = others
		})
		if err != nil {
			return err
		}
		start, err := s.run(ctx, "start", startInputs(nil))
		if err != nil {
			s.close()
			return err
		}
		before := len(s.world.Calls())
		add(fmt.Sprintf("start among %d runners: GitHub", others), "calls", 0, s.calls("github", 0))
		add(fmt.Sprintf("start among %d runners: EC2", others), "calls", 0, s.calls("ec2", 0))
		_, err = s.run(ctx, "stop", stopInputs(start.Outputs))
		add(fmt.Sprintf("stop among %d runners: both", others), "calls", 3, s.calls("github", before)+s.calls("ec2", before))
		s.close()
		if err != nil {
			return err
		}
	}
	return nil
}

// manyRunners starts groups of runners under EC2's and GitHub's limits.
func manyRunners(ctx context.Context, b *bench, command []string, add adder) error {
	if len(b.against) > 0 && command[0] == b.against[0] {
		return nil // it starts one at a time
	}
	type kind struct{ name, jit string }
	var group sync.WaitGroup
	var mu sync.Mutex
	var failed error
	for _, k := range []kind{{"token", "false"}, {"JIT", "true"}} {
		for _, count := range []int{1, 3, 10, 50, 200} {
			group.Go(func() {
				s, err := newScene(command, nil)
				if err == nil {
					defer s.close()
					begun := time.Now()
					_, err = s.run(ctx, "start", startInputs(map[string]string{"count": fmt.Sprint(count), "use-jit": k.jit, "label": "bench"}))
					add(fmt.Sprintf("%d by %s", count, k.name), "s", 0, time.Since(begun).Seconds())
					add(fmt.Sprintf("%d by %s: GitHub", count, k.name), "calls", 0, s.calls("github", 0))
					add(fmt.Sprintf("%d by %s: EC2", count, k.name), "calls", 0, s.calls("ec2", 0))
				}
				if err != nil {
					mu.Lock()
					failed = fmt.Errorf("%d by %s: %w", count, k.name, err)
					mu.Unlock()
				}
			})
		}
	}
	group.Wait()
	return failed
}
