package main

import (
	"context"
	"fmt"
	"sync"
	"time"
)

// delays are the times after which the machines of untilReady come online.
var delays = []time.Duration{5 * time.Second, 12 * time.Second, 20 * time.Second, 33 * time.Second, 41 * time.Second}

func readyRow(delay time.Duration) string {
	return fmt.Sprintf("online %d s after the launch", int(delay.Seconds()))
}

func readyRows() (rows []row) {
	for _, delay := range delays {
		rows = append(rows, row{readyRow(delay), "s", 1})
	}
	return rows
}

// untilReady measures how long a start takes after its runner is online, for machines of several speeds in parallel.
func untilReady(t *trial) error {
	errs := make([]error, len(delays))
	var group sync.WaitGroup
	for i, delay := range delays {
		group.Go(func() { errs[i] = t.readyAfter(delay) })
	}
	group.Wait()
	return firstReal(errs)
}

func (t *trial) readyAfter(delay time.Duration) error {
	s, err := t.scene(onlineAfter(delay))
	if err != nil {
		return err
	}
	defer s.close()
	ctx, cancel := context.WithCancel(t.ctx)
	defer cancel()
	online := make(chan time.Time, 1)
	go func() {
		if at, err := s.onlineAt(ctx); err == nil {
			online <- at
		}
	}()
	result, err := s.run("start", startInputs(nil))
	if err != nil {
		return err
	}
	select {
	case at := <-online:
		t.add(readyRow(delay), result.Begun.Add(result.Took).Sub(at).Seconds())
		return nil
	case <-time.After(time.Second):
		return fmt.Errorf("the step ended before its runner was online")
	}
}
