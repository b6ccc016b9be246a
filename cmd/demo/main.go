// Command demo shows the whole life of a runner to a newcomer, without an AWS account and without a token: it runs the
// real program, with the inputs of the README's own workflow, against a simulated EC2 and GitHub on loopback.
//
// It fails when anything is left over at the end, so it is a test as well.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"slices"
	"strings"
	"time"

	"github.com/marqo-ai/ec2-github-runner/test/simulator"
	"github.com/marqo-ai/ec2-github-runner/test/simulator/step"
)

func main() {
	binary := flag.String("binary", "bin/ec2-github-runner", "the program to run")
	readme := flag.String("readme", "README.md", "the file with the workflow to run")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	err := run(ctx, *binary, *readme)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "demo:", err)
		os.Exit(1)
	}
}

// speed is how much faster than the real ones the simulated clouds are.
const speed = 3

// jobTakes is how long the job runs, as the simulated machine counts.
const jobTakes = 6 * time.Second

func run(ctx context.Context, binary, readme string) error {
	steps, err := readSteps(readme)
	if err != nil {
		return err
	}
	config := simulator.Defaults()
	config.Speed = speed
	steps.furnish(&config)
	world := simulator.New(config)
	server, err := simulator.Listen(world)
	if err != nil {
		return err
	}
	defer server.Close() //nolint:errcheck // the process ends
	folder, err := os.MkdirTemp("", "ec2-github-runner-demo-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(folder) //nolint:errcheck // a folder for temporary files

	fmt.Printf("EC2 and GitHub are simulated, %d times as fast as the real ones; the program is real.\n", speed)
	r := &step.Runner{
		Command: []string{binary}, Folder: folder, Server: server, Region: demoRegion, Repository: demoRepository,
		Run: demoRun,
	}

	secrets := demoSecrets(world)
	title("Job start: the start step of " + readme)
	outputs, err := showStep(ctx, r, "start", steps.start, secrets, nil)
	if err != nil {
		return err
	}
	title("Job test: runs-on " + outputs["label"])
	if err := runJob(ctx, world, outputs["label"]); err != nil {
		return err
	}
	if steps.stop == nil {
		title("The machine terminates with its job")
		if err := awaitEnd(ctx, world); err != nil {
			return err
		}
	} else {
		title("Job stop: the stop step of " + readme)
		if _, err := showStep(ctx, r, "stop", steps.stop, secrets, outputs); err != nil {
			return err
		}
	}
	title("What is left")
	return showLeft(world)
}

func title(text string) { fmt.Printf("\n\x1b[1m── %s ──\x1b[0m\n", text) }

// runJob queues a job for the label and waits until a runner has done it.
func runJob(ctx context.Context, world *simulator.World, label string) error {
	world.RunJob(label, jobTakes)
	for begun := time.Now(); time.Since(begun) < 20*time.Second; {
		for _, job := range world.Jobs() {
			if job.Label == label && job.State == "done" {
				fmt.Printf("The job was run by %s and took %s of its machine's time.\n", job.Runner, jobTakes)
				return nil
			}
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(200 * time.Millisecond):
		}
	}
	return errors.New("no runner has taken the job")
}

// awaitEnd waits until a single-use machine is terminated.
func awaitEnd(ctx context.Context, world *simulator.World) error {
	for begun := time.Now(); time.Since(begun) < 20*time.Second; {
		_, runners := world.Leftovers()
		if len(runners) == 0 && !slices.ContainsFunc(world.Snapshot().Instances,
			func(i simulator.Instance) bool { return i.State != "terminated" }) {
			fmt.Println("Its runner has deregistered, and it has powered itself off.")
			return nil
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(200 * time.Millisecond):
		}
	}
	return nil // showLeft says what there is
}

// showLeft shows what EC2 and GitHub list at the end. Nothing may be left.
func showLeft(world *simulator.World) error {
	for _, instance := range world.Snapshot().Instances {
		fmt.Printf("EC2     %s  %s  %s  %s\n", instance.ID, instance.Type, instance.Zone, instance.State)
	}
	instances, runners := world.Leftovers()
	fmt.Printf("GitHub  %d runners registered\n", len(runners))
	if surprises := world.Surprises(); len(surprises) > 0 {
		return fmt.Errorf("the program asked for what the simulator does not model: %s", strings.Join(surprises, "; "))
	}
	if len(instances)+len(runners) > 0 {
		return fmt.Errorf("%d instances and %d runners are left", len(instances), len(runners))
	}
	fmt.Println("\nNo instance and no runner is left.")
	return nil
}
