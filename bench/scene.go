package main

import (
	"context"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/marqo-ai/ec2-github-runner/test/simulator"
	"github.com/marqo-ai/ec2-github-runner/test/simulator/step"
)

// scene is a simulated world with one program in it, so that measurements do not affect each other.
type scene struct {
	trial  *trial
	world  *simulator.World
	server *simulator.Server
	steps  *step.Runner
}

// scene returns a world with the speed of the real services, which change may alter.
func (t *trial) scene(change func(*simulator.Config)) (*scene, error) {
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
	return &scene{trial: t, world: world, server: server, steps: &step.Runner{
		Command: t.command, Folder: folder, Server: server, Region: "us-east-1", Repository: "demo-org/demo",
		Run: "4711",
	}}, nil
}

func (s *scene) close() {
	_ = s.server.Close()
	_ = os.RemoveAll(s.steps.Folder)
}

// startInputs returns inputs that both programs support.
func startInputs(more map[string]string) map[string]string {
	inputs := map[string]string{
		"mode": "start", "github-token": "ghp_demo", "ec2-image-id": "ami-0aaaaaaaaaaaaaaa1",
		"ec2-instance-type": "t3.xlarge",
		"subnet-id":         "subnet-0aaaaaaaaaaaaaaa1", "security-group-id": "sg-0aaaaaaaaaaaaaaa1",
		"aws-resource-tags": "[]", "startup-timeout-minutes": "5", "run-runner-as-service": "false", "packages": "[]",
		"use-jit":         "false",
		"runner-group-id": "1", "runner-debug": "false",
	}
	maps.Copy(inputs, more)
	return inputs
}

func stopInputs(outputs map[string]string) map[string]string {
	return map[string]string{
		"mode": "stop", "github-token": "ghp_demo", "label": outputs["label"],
		"ec2-instance-id":   outputs["ec2-instance-id"],
		"aws-resource-tags": "[]", "packages": "[]", "use-jit": "false",
	}
}

// begin starts a step when it is its turn.
func (s *scene) begin(name string, inputs map[string]string, log io.Writer) (*step.Running, error) {
	turns := 1
	if s.trial.rival {
		turns = rivalTurns
	}
	for range turns {
		if err := s.trial.bench.turn(s.trial.ctx); err != nil {
			return nil, err
		}
	}
	return s.steps.Start(s.trial.ctx, name, inputs, log)
}

// run runs a step to its end. A step that fails is an error: the time of a failure is not a result.
func (s *scene) run(name string, inputs map[string]string) (step.Result, error) {
	log := &strings.Builder{}
	running, err := s.begin(name, inputs, log)
	if err != nil {
		return step.Result{}, err
	}
	result, err := running.Wait()
	if s.trial.ctx.Err() != nil {
		return result, s.trial.ctx.Err()
	}
	if err == nil && result.Exit != 0 {
		err = fmt.Errorf("the %s step ended with exit code %d: %s", name, result.Exit, lastLine(log.String()))
	}
	return result, err
}

func lastLine(text string) string {
	lines := strings.Split(strings.TrimSpace(text), "\n")
	return lines[len(lines)-1]
}

// calls returns the number of calls to a service since the n-th call.
func (s *scene) calls(service string, since int) float64 {
	n := 0
	for _, call := range s.world.Calls()[since:] {
		if call.Service == service {
			n++
		}
	}
	return float64(n)
}

// operations returns the number of calls of an operation.
func (s *scene) operations(name string) float64 {
	n := 0
	for _, call := range s.world.Calls() {
		if call.Operation == name {
			n++
		}
	}
	return float64(n)
}

// points returns the points that GitHub's secondary limit counts for the calls since the n-th: five for each write.
// https://docs.github.com/en/rest/using-the-rest-api/rate-limits-for-the-rest-api#calculating-points-for-the-secondary-rate-limit
func (s *scene) points(since int) float64 {
	n := 0
	for _, call := range s.world.Calls()[since:] {
		_, verb, _ := strings.Cut(call.Operation, "/")
		switch {
		case call.Service != "github":
		case strings.HasPrefix(verb, "create-"), strings.HasPrefix(verb, "generate-"),
			strings.HasPrefix(verb, "delete-"):
			n += pointsOfWrite
		default:
			n += pointsOfRead
		}
	}
	return float64(n)
}

// onlineAt waits until a runner is online and returns when, to 10 ms.
func (s *scene) onlineAt(ctx context.Context) (time.Time, error) {
	for {
		online := slices.ContainsFunc(s.world.Snapshot().Runners,
			func(r simulator.Runner) bool { return !r.Initial && r.Status == "online" })
		if online {
			return time.Now(), nil
		}
		select {
		case <-ctx.Done():
			return time.Time{}, ctx.Err()
		case <-time.After(10 * time.Millisecond):
		}
	}
}

// onlineAfter lets the machine come online this long after its launch. It registers a second before, as a real one does
// at the latest, so that GitHub's lists, which lag behind, show it by then.
func onlineAfter(d time.Duration) func(*simulator.Config) {
	return func(config *simulator.Config) {
		config.Timing.Download, config.Timing.Config, config.Timing.Listen = time.Millisecond, time.Millisecond,
			time.Second
		config.Timing.Boot = d - time.Second - 2*time.Millisecond
	}
}

// firstCall returns when the program made its first call.
func (s *scene) firstCall() (time.Time, bool) {
	calls := s.world.Calls()
	if len(calls) == 0 {
		return time.Time{}, false
	}
	return slices.MinFunc(calls, func(a, b simulator.Call) int { return a.Time.Compare(b.Time) }).Time, true
}
