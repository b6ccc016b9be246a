package serve

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"github.com/marqo-ai/ec2-github-runner/ec2"
	"github.com/marqo-ai/ec2-github-runner/serve/queue"
)

const (
	removeTimeout = time.Minute
	maxConcurrent = 8 // removals of one set
)

// remover removes a set's registrations and terminates its machines.
type remover struct {
	api   *queue.Client
	cloud *ec2.Client
	fleet *fleet
	log   *slog.Logger

	mu     sync.Mutex
	warned map[string]string // by runner name: why it was to be ended, when that failed last
}

// removeAll does what the rules say. What cannot be done now, the next look tries again; the error says what that is.
func (m *remover) removeAll(ctx context.Context, verdicts []verdict) error {
	errs := make([]error, len(verdicts))
	limit := make(chan struct{}, maxConcurrent)
	var group sync.WaitGroup
	for n, v := range verdicts {
		group.Go(func() {
			limit <- struct{}{}
			defer func() { <-limit }()
			errs[n] = m.remove(ctx, v)
		})
	}
	group.Wait()
	return errors.Join(errs...)
}

// remove does what a rule says about one runner. That a job runs on it is no error.
func (m *remover) remove(ctx context.Context, v verdict) error {
	ctx, cancel := context.WithTimeout(ctx, removeTimeout)
	defer cancel()
	err := m.removeBoth(ctx, v)
	log := m.log.With("runner", v.runner.name, "machine", v.machine.ID, "why", v.why)
	switch {
	case queue.ClassOf(err) == queue.Busy:
		if m.warns(v.runner.name, "busy") {
			log.Info("runner spared: GitHub says that a job runs on it")
		}
		return nil
	case err != nil:
		if m.warns(v.runner.name, v.why) {
			log.Warn("runner not ended; each look tries again", "error", err.Error())
		}
		return err
	}
	m.warns(v.runner.name, "")
	if v.act != forgotten {
		log.Info("runner " + string(v.act))
	}
	switch {
	case v.isDouble:
	case v.act == ended && v.machine.ID != "":
		m.fleet.terminated(v.runner)
	default:
		m.fleet.drop(v.runner.name)
	}
	return nil
}

// warns notes that ending a runner failed, and reports whether it is the first time for this reason. An empty reason
// clears the note.
func (m *remover) warns(runner, why string) (isNew bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	isNew = m.warned[runner] != why
	m.warned[runner] = why
	if why == "" {
		delete(m.warned, runner)
	}
	return isNew
}

// removeBoth removes the registration and then terminates the machine, if there is one of each.
func (m *remover) removeBoth(ctx context.Context, v verdict) error {
	if v.act == forgotten {
		return nil
	}
	if v.registration != 0 {
		if err := m.api.Remove(ctx, v.registration); err != nil {
			return err
		}
	}
	if v.act == ended && v.machine.ID != "" {
		return m.cloud.Terminate(ctx, v.machine.Region, v.machine.ID)
	}
	return nil
}

// deregister removes the registration of a runner without a machine. If that fails, a later look does it.
func (m *remover) deregister(ctx context.Context, name string, registration int64) {
	ending, cancel := context.WithTimeout(context.WithoutCancel(ctx), closeTime)
	defer cancel()
	if err := m.api.Remove(ending, registration); err != nil {
		m.log.Warn("a registration without a machine was not removed; the next look does it", "runner", name,
			"error", err.Error())
		return
	}
	m.fleet.drop(name)
}
