package main

import (
	"context"
	"fmt"
	"os"

	"github.com/marqo-ai/ec2-github-runner/test/simulator/step"
)

const (
	demoRegion     = "us-east-1"
	demoRepository = "demo-org/demo"
	demoRun        = "4711"
)

// showStep runs a step, prints its log as GitHub does, its outputs and its job summary, and returns its outputs.
func showStep(ctx context.Context, r *step.Runner, name string, with, secrets,
	earlier map[string]string) (map[string]string, error) {
	inputs := map[string]string{}
	fmt.Println("with:")
	for _, key := range sortedKeys(with) {
		fmt.Printf("  %s: %s\n", key, with[key])
		inputs[key] = evaluate(with[key], secrets, earlier)
	}
	fmt.Println()
	running, err := r.Start(ctx, name, inputs, &gitHubLog{out: os.Stdout})
	if err != nil {
		return nil, fmt.Errorf("the %s step: %w", name, err)
	}
	result, err := running.Wait()
	if err != nil {
		return nil, fmt.Errorf("the %s step: %w", name, err)
	}
	if result.Exit != 0 {
		return nil, fmt.Errorf("the %s step ended with exit code %d", name, result.Exit)
	}
	for _, key := range sortedKeys(result.Outputs) {
		fmt.Printf("output %s = %s\n", key, result.Outputs[key])
	}
	fmt.Printf("\nJob summary (Markdown):\n\n%s\n", result.Summary)
	return result.Outputs, nil
}
