package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"time"
)

// bench is a run of measurements.
type bench struct {
	binary  string
	against []string
	image   string
	runs    int
	only    string
	notes   io.Writer // progress messages; by default standard error

	mu      sync.Mutex
	results Results
	turns   chan struct{} // one for each process that may start now; nil while nothing runs in parallel
	rivals  chan struct{} // one for each rival that may run at once
}

// between is the time between the starts of processes that wait in parallel: they must not slow each other's start-up.
// Another action may be larger, so it takes more of these turns, and only a few may wait at once.
const (
	between      = 150 * time.Millisecond
	rivalTurns   = 6
	maxRivalRuns = 20
)

func (b *bench) measure(ctx context.Context) (Results, error) {
	b.begin()
	list := b.plan()
	for _, m := range list {
		if m.stage == alone {
			if err := b.repeat(ctx, m); err != nil {
				return b.results, err
			}
		}
	}
	for _, stage := range []stage{timed, counted} {
		if err := b.together(ctx, list, stage); err != nil {
			return b.results, err
		}
	}
	if strings.Contains(groupSizes, b.only) {
		if err := b.sizes(ctx); err != nil {
			return b.results, err
		}
	}
	b.results.sort(list)
	return b.results, nil
}

// begin records the environment of the measurement.
func (b *bench) begin() {
	if b.notes == nil {
		b.notes = os.Stderr
	}
	b.rivals = make(chan struct{}, maxRivalRuns)
	b.results.Machine, b.results.Go, b.results.Runs = machine(), runtime.Version(), b.runs
	if b.results.Against == "" {
		var words []string
		for _, word := range b.against {
			words = append(words, filepath.Base(word))
		}
		b.results.Against = strings.Join(words, " ")
	}
}

// together runs the measurements of a stage in parallel.
func (b *bench) together(ctx context.Context, list []measurement, now stage) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	b.turns = make(chan struct{})
	go b.giveTurns(ctx)
	errs := make([]error, len(list))
	var group sync.WaitGroup
	for i, m := range list {
		if m.stage == now {
			group.Go(func() {
				if errs[i] = b.repeat(ctx, m); errs[i] != nil {
					cancel()
				}
			})
		}
	}
	group.Wait()
	return firstReal(errs)
}

// firstReal prefers an error to the cancellations that it caused.
func firstReal(errs []error) error {
	for _, err := range errs {
		if err != nil && !errors.Is(err, context.Canceled) {
			return err
		}
	}
	return errors.Join(errs...)
}

func (b *bench) giveTurns(ctx context.Context) {
	ticker := time.NewTicker(between)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		select {
		case <-ctx.Done():
			return
		case b.turns <- struct{}{}:
		}
	}
}

// turn waits until a process may start.
func (b *bench) turn(ctx context.Context) error {
	if b.turns == nil {
		return ctx.Err()
	}
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-b.turns:
		return nil
	}
}

// repeat runs a measurement several times: one after the other if it needs the machine for itself, else in parallel.
func (b *bench) repeat(ctx context.Context, m measurement) error {
	if !strings.Contains(m.group, b.only) {
		return nil
	}
	_, _ = fmt.Fprintf(b.notes, "measuring: %s\n", m.group)
	width := b.runs
	if m.stage == alone {
		width = 1
	}
	errs := make([]error, b.runs)
	places := make(chan struct{}, width)
	var group sync.WaitGroup
	for i := range b.runs {
		group.Go(func() {
			places <- struct{}{}
			defer func() { <-places }()
			errs[i] = b.pair(ctx, m, i)
		})
	}
	group.Wait()
	if err := firstReal(errs); err != nil {
		return fmt.Errorf("%s: %w", m.group, err)
	}
	_, _ = fmt.Fprintf(b.notes, "done: %s\n", m.group)
	return nil
}

// pair runs a measurement once. With a rival it runs both, one after the other and each first in turn. Failures of a
// rival are reported with the results and stop nothing.
func (b *bench) pair(ctx context.Context, m measurement, i int) error {
	ours := &trial{ctx: ctx, bench: b, measurement: m, command: []string{b.binary}}
	theirs := &trial{ctx: ctx, bench: b, measurement: m, command: b.against, rival: true}
	steps := []func() error{ours.finish}
	if len(b.against) > 0 && !m.ours {
		steps = append(steps, func() error { return b.race(theirs) })
		if i%2 == 1 {
			slices.Reverse(steps)
		}
	}
	for _, step := range steps {
		if err := step(); err != nil {
			return err
		}
	}
	b.note(ours, theirs)
	return nil
}

// race runs a rival's trial when it is allowed to.
func (b *bench) race(t *trial) error {
	b.rivals <- struct{}{}
	defer func() { <-b.rivals }()
	if err := t.finish(); err != nil && t.ctx.Err() == nil {
		b.trouble(fmt.Sprintf("%s: %v", t.group, err))
	}
	return t.ctx.Err()
}

// trial is one run of a measurement, ours or the rival's.
type trial struct {
	measurement
	ctx     context.Context
	bench   *bench
	command []string
	rival   bool

	mu     sync.Mutex
	values map[string]float64
}

// add records the trial's value of a row.
func (t *trial) add(name string, value float64) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.values == nil {
		t.values = map[string]float64{}
	}
	t.values[t.find(name).name] = value
}

// finish runs the trial. One that fails has no values: the time of a failure is not a result.
func (t *trial) finish() error {
	err := t.run(t)
	if err != nil {
		t.values = nil
	}
	return err
}

// note records the values of a pair.
func (b *bench) note(ours, theirs *trial) {
	for _, r := range ours.rows {
		value, measured := ours.values[r.name]
		if !measured {
			continue
		}
		rival, both := theirs.values[r.name]
		b.add(ours.group, r, value, rival, both)
	}
}

// add adds a value to a figure. The first values of a figure are those with a rival's value.
func (b *bench) add(group string, r row, value, rival float64, both bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	f := b.results.figure(group, r.name)
	if f == nil {
		b.results.Figures = append(b.results.Figures, Figure{Group: group, Name: r.name, Unit: r.unit, Limit: r.most})
		f = &b.results.Figures[len(b.results.Figures)-1]
	}
	if !both {
		f.Values = append(f.Values, value)
		return
	}
	f.Values = slices.Insert(f.Values, len(f.Rival), value)
	f.Rival = append(f.Rival, rival)
}

// trouble records a failure of the rival.
func (b *bench) trouble(text string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.results.Trouble == nil {
		b.results.Trouble = map[string]int{}
	}
	b.results.Trouble[text]++
}
