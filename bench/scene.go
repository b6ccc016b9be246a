package main

import (
	"context"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"time"

	"github.com/marqo-ai/ec2-github-runner/simulator"
	"github.com/marqo-ai/ec2-github-runner/simulator/step"
)

// scene is a world of its own with one program in it, so that measurements do not touch each other.
type scene struct {
	world  *simulator.World
	server *simulator.Server
	steps  *step.Runner
}

// newScene makes a world at the speed of the real ones; change may alter it.
func newScene(command []string, change func(*simulator.Config)) (*scene, error) {
	config := simulator.Defaults()
	if change != nil {
		change(&config)
	}
	world := simulator.New(config)
	server, err := simulator.Listen(world)
	if err != nil {
		return nil, err
	}
	folder, err := os.MkdirTemp("", "ec2-github-runner-bench-")
	if err != nil {
		return nil, err
	}
	return &scene{world: world, server: server, steps: &step.Runner{
		Command: command, Folder: folder, Server: server, Region: "us-east-1", Repository: "demo-org/demo", Run: "4711",
	}}, nil
}

func (s *scene) close() {
	_ = s.server.Close()
	_ = os.RemoveAll(s.steps.Folder)
}

// startInputs are what both programs understand.
func startInputs(more map[string]string) map[string]string {
	inputs := map[string]string{
		"mode": "start", "github-token": "ghp_demo", "ec2-image-id": "ami-0aaaaaaaaaaaaaaa1", "ec2-instance-type": "t3.xlarge",
		"subnet-id": "subnet-0aaaaaaaaaaaaaaa1", "security-group-id": "sg-0aaaaaaaaaaaaaaa1",
		"aws-resource-tags": "[]", "startup-timeout-minutes": "5", "run-runner-as-service": "false", "packages": "[]", "use-jit": "false",
		"runner-group-id": "1", "runner-debug": "false",
	}
	maps.Copy(inputs, more)
	return inputs
}

func stopInputs(outputs map[string]string) map[string]string {
	return map[string]string{
		"mode": "stop", "github-token": "ghp_demo", "label": outputs["label"], "ec2-instance-id": outputs["ec2-instance-id"],
		"aws-resource-tags": "[]", "packages": "[]", "use-jit": "false",
	}
}

// run runs one step to its end; a step that fails is an error, since a failure that is fast is no result.
func (s *scene) run(ctx context.Context, name string, inputs map[string]string) (step.Result, error) {
	running, err := s.steps.Start(ctx, name, inputs, io.Discard)
	if err != nil {
		return step.Result{}, err
	}
	result, err := running.Wait()
	if err == nil && result.Exit != 0 {
		err = fmt.Errorf("the %s step of %v ended with exit code %d", name, s.steps.Command, result.Exit)
	}
	return result, err
}

// calls counts the calls to a service since the nth.
func (s *scene) calls(service string, since int) float64 {
	n := 0
	for _, call := range s.world.Calls()[since:] {
		if call.Service == service {
			n++
		}
	}
	return float64(n)
}

// onlineAt waits until as many runners of the scene are online and tells when that was seen, to 5 ms.
func (s *scene) onlineAt(ctx context.Context, count int) (time.Time, error) {
	for {
		online := 0
		for _, runner := range s.world.Snapshot().Runners {
			if !runner.Initial && runner.Status == "online" {
				online++
			}
		}
		if online >= count {
			return time.Now(), nil
		}
		select {
		case <-ctx.Done():
			return time.Time{}, ctx.Err()
		case <-time.After(5 * time.Millisecond):
		}
	}
}

// onlineAfter lets the machine come online so long after its launch. It is registered a second before, as a real one is
// at the least, so that GitHub's lists, which lag behind, show it by then.
func onlineAfter(d time.Duration) func(*simulator.Config) {
	return func(config *simulator.Config) {
		config.Timing.Download, config.Timing.Config, config.Timing.Listen = time.Millisecond, time.Millisecond, time.Second
		config.Timing.Boot = d - time.Second - 2*time.Millisecond
	}
}

// firstCall is when the program sent its first call.
func (s *scene) firstCall() (time.Time, bool) {
	calls := s.world.Calls()
	if len(calls) == 0 {
		return time.Time{}, false
	}
	return slices.MinFunc(calls, func(a, b simulator.Call) int { return a.Time.Compare(b.Time) }).Time, true
}
