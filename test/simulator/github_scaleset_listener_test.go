package simulator_test

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/actions/scaleset"
	"github.com/actions/scaleset/listener"

	"github.com/marqo-ai/ec2-github-runner/test/simulator"
)

// TestScaleSetListener serves jobs by GitHub's own listener, at github.com and at an Enterprise Server, where it has to
// acquire them.
func TestScaleSetListener(t *testing.T) {
	for _, acquire := range []bool{false, true} {
		cfg := simulator.Config{ScaleSets: simulator.ScaleSets{Acquire: acquire}}
		onSetStage(t, cfg, func(t *testing.T, s *setStage) {
			for range 5 {
				s.w.QueueScaleSetJob("ec2-amd64", simulator.ScaleSetJob{})
			}
			l := must[*listener.Listener](t)(listener.New(s.session, listener.Config{ScaleSetID: s.set.ID,
				MaxRunners: 3}))
			ctx, end := context.WithCancel(t.Context())
			scaler := &countingScaler{s: s, left: 5, end: end}
			if err := l.Run(ctx, scaler); !errors.Is(err, context.Canceled) {
				t.Errorf("the listener ended with %v", err)
			}
			if scaler.started != 5 || len(s.w.Snapshot().Runners) > 0 {
				t.Errorf("%d jobs were started, runners %v", scaler.started, s.w.Snapshot().Runners)
			}
			for _, j := range s.w.Jobs() {
				if j.State != "done" {
					t.Errorf("job %+v", j)
				}
			}
		})
	}
}

// countingScaler boots a machine for each job that is assigned, and ends the listener after the last one.
type countingScaler struct {
	s             *setStage
	started, left int
	end           func()
}

// HandleJobStarted implements listener.Scaler.
func (c *countingScaler) HandleJobStarted(context.Context, *scaleset.JobStarted) error {
	c.started++
	return nil
}

// HandleJobCompleted implements listener.Scaler.
func (c *countingScaler) HandleJobCompleted(_ context.Context, job *scaleset.JobCompleted) error {
	if c.left--; c.left == 0 {
		c.end()
	}
	if job.Result != "succeeded" {
		return fmt.Errorf("job %s ended as %s", job.JobID, job.Result)
	}
	return nil
}

// HandleDesiredRunnerCount implements listener.Scaler.
func (c *countingScaler) HandleDesiredRunnerCount(_ context.Context, count int) (int, error) {
	for done := 5 - c.left; c.s.runners < done+count; {
		c.s.boot()
	}
	return count, nil
}
