package main

import (
	"fmt"
	"strings"
	"sync"
	"syscall"
	"time"
)

// rollBack measures the time from SIGTERM to the program's exit, while it waits for a machine.
func rollBack(t *trial) error {
	s, err := t.scene(onlineAfter(time.Hour))
	if err != nil {
		return err
	}
	defer s.close()
	seen := &sawLine{text: "up and running", seen: make(chan struct{})}
	running, err := s.begin("start", startInputs(nil), seen)
	if err != nil {
		return err
	}
	select {
	case <-seen.seen:
	case <-t.ctx.Done():
		return t.ctx.Err()
	case <-time.After(30 * time.Second):
		return fmt.Errorf("the instance does not run: %s", lastLine(seen.all.String()))
	}
	begun := time.Now()
	if err := running.Signal(syscall.SIGTERM); err != nil {
		return err
	}
	if _, err := running.Wait(); err != nil {
		return err
	}
	t.add("SIGTERM to the end of the step", time.Since(begun).Seconds())
	instances, runners := s.world.Leftovers()
	t.add("instances and registrations left", float64(len(instances)+len(runners)))
	return nil
}

// sawLine is a writer that closes a channel once a text was printed.
type sawLine struct {
	text string
	seen chan struct{}

	mu   sync.Mutex
	all  strings.Builder
	done bool
}

func (w *sawLine) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.all.Write(p)
	if !w.done && strings.Contains(w.all.String(), w.text) {
		w.done = true
		close(w.seen)
	}
	return len(p), nil
}
