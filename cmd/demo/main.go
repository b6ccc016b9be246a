// Command demo demonstrates the whole life of a runner without an AWS account and without a token: it runs the real
// program with the inputs of the README's workflow against a simulated EC2 and GitHub on loopback.
//
// It fails if anything is left at the end, so it is a test as well.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"slices"
	"time"

	"github.com/marqo-ai/ec2-github-runner/cmd/demo/frame"
	"github.com/marqo-ai/ec2-github-runner/test/simulator"
	"github.com/marqo-ai/ec2-github-runner/test/simulator/step"
)

const (
	speed    = 3 // how many times faster than the real ones the simulated clouds are
	timeout  = 2 * time.Minute
	jobTakes = 6 * time.Second // in the simulated machine's time
)

func main() {
	binary := flag.String("binary", "bin/ec2-github-runner", "the program to run")
	readme := flag.String("readme", "README.md", "the file with the workflow to run")
	flag.Parse()
	steps, err := readSteps(*readme)
	if err != nil {
		fmt.Fprintln(os.Stderr, "demo:", err)
		os.Exit(1)
	}
	config := simulator.Defaults()
	config.Speed = speed
	steps.furnish(&config)
	frame.Main("demo", timeout, config, func(ctx context.Context, stage *frame.Stage) error {
		return run(ctx, stage, steps, *binary, *readme)
	})
}

func run(ctx context.Context, stage *frame.Stage, steps steps, binary, readme string) error {
	world := stage.World
	r := &step.Runner{
		Command: []string{binary}, Folder: stage.Folder, Server: stage.Server, Region: demoRegion,
		Repository: demoRepository, Run: demoRun,
	}
	secrets := demoSecrets(world)
	frame.Title("Job start: the start step of " + readme)
	outputs, err := showStep(ctx, r, "start", steps.start, secrets, nil)
	if err != nil {
		return err
	}
	frame.Title("Job test: runs-on " + outputs["label"])
	if err := runJob(ctx, world, outputs["label"]); err != nil {
		return err
	}
	if steps.stop == nil {
		frame.Title("The machine terminates with its job")
		if err := awaitEnd(ctx, world); err != nil {
			return err
		}
	} else {
		frame.Title("Job stop: the stop step of " + readme)
		if _, err := showStep(ctx, r, "stop", steps.stop, secrets, outputs); err != nil {
			return err
		}
	}
	frame.Title("What is left")
	return showLeft(stage)
}

// runJob queues a job for the label and waits until a runner has done it.
func runJob(ctx context.Context, world *simulator.World, label string) error {
	world.RunJob(label, jobTakes)
	done, err := await(ctx, func() bool {
		jobs := world.Jobs()
		at := slices.IndexFunc(jobs, func(j simulator.JobState) bool { return j.Label == label && j.State == "done" })
		if at >= 0 {
			fmt.Printf("The job was run by %s and took %s of its machine's time.\n", jobs[at].Runner, jobTakes)
		}
		return at >= 0
	})
	if err == nil && !done {
		return errors.New("no runner has taken the job")
	}
	return err
}

// awaitEnd waits until a single-use machine is terminated. If it is not, showLeft reports what is left.
func awaitEnd(ctx context.Context, world *simulator.World) error {
	_, err := await(ctx, func() bool {
		_, runners := world.Leftovers()
		isGone := len(runners) == 0 && !slices.ContainsFunc(world.Snapshot().Instances,
			func(i simulator.Instance) bool { return i.State != "terminated" })
		if isGone {
			fmt.Println("Its runner has deregistered, and it has powered itself off.")
		}
		return isGone
	})
	return err
}

// await waits until is returns true, for at most 20 s.
func await(ctx context.Context, is func() bool) (bool, error) {
	for begun := time.Now(); time.Since(begun) < 20*time.Second; {
		if is() {
			return true, nil
		}
		select {
		case <-ctx.Done():
			return false, ctx.Err()
		case <-time.After(200 * time.Millisecond):
		}
	}
	return false, nil
}

// showLeft prints what EC2 and GitHub list at the end, and fails if it is not empty.
func showLeft(stage *frame.Stage) error {
	for _, instance := range stage.World.Snapshot().Instances {
		fmt.Printf("EC2     %s  %s  %s  %s\n", instance.ID, instance.Type, instance.Zone, instance.State)
	}
	_, runners := stage.World.Leftovers()
	fmt.Printf("GitHub  %d runners registered\n", len(runners))
	if err := stage.Left(); err != nil {
		return err
	}
	fmt.Println("\nNo instance and no runner is left.")
	return nil
}
