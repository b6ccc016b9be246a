package main

import (
	"context"
	"fmt"
	"time"

	"github.com/marqo-ai/ec2-github-runner/cmd/demo/frame"
	"github.com/marqo-ai/ec2-github-runner/test/simulator"
)

const (
	jobs     = 20
	first    = 8                // at once; then two each second
	jobTakes = 18 * time.Second // of its machine's time
)

// workload queues the jobs, some at once and the others over time, and waits until all are done and no machine is left.
func workload(ctx context.Context, world *simulator.World, s *show) error {
	ticker := time.NewTicker(time.Second)
	defer ticker.Stop()
	queued := 0
	for seconds := 0; ; seconds++ {
		for due := min(jobs, first+2*seconds); queued < due; queued++ {
			set := []string{"ec2-amd64", "ec2-big"}[queued%2]
			world.QueueScaleSetJob(set, simulator.ScaleSetJob{Name: fmt.Sprintf("test (%d)", queued+1),
				Duration: jobTakes})
		}
		done, running := 0, 0
		for _, job := range world.Jobs() {
			switch job.State {
			case "done":
				done++
			case "running":
				running++
			}
		}
		instances, runners := world.Leftovers()
		over := done == jobs && len(instances)+len(runners) == 0
		if seconds%3 == 0 || over {
			s.say(fmt.Sprintf("jobs: %d waiting, %d running, %d done; machines: %d", queued-running-done, running,
				done, len(instances)))
		}
		if over {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("%d of %d jobs are done: %w", done, jobs, ctx.Err())
		case <-ticker.C:
		}
	}
}

// left checks that each job had a machine of its own, and that nothing is left.
func left(stage *frame.Stage, s *show) error {
	if err := stage.Left(); err != nil {
		return err
	}
	machines := 0
	for _, instance := range stage.World.Snapshot().Instances {
		if !instance.Initial {
			machines++
		}
	}
	if machines != jobs {
		return fmt.Errorf("%d machines were launched for %d jobs", machines, jobs)
	}
	fmt.Fprintf(s.out, "%d jobs are done by %d machines in %.0f s. No instance and no runner is left.\n", jobs,
		machines, time.Since(s.begun).Seconds())
	return nil
}
