package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/marqo-ai/ec2-github-runner/simulator"
)

const (
	demoRegion     = "us-east-1"
	demoRepository = "demo-org/demo"
	demoRun        = "4711"
)

// stepRunner runs steps as GitHub's runner runs a container action: inputs and files come as environment.
type stepRunner struct {
	binary, folder string
	server         *simulator.Server
}

// run runs one step and returns its outputs.
func (r *stepRunner) run(ctx context.Context, name string, inputs, earlier map[string]string) (map[string]string, error) {
	files := map[string]string{}
	env := []string{
		"AWS_ACCESS_KEY_ID=AKIADEMO", "AWS_SECRET_ACCESS_KEY=demo", "AWS_REGION=" + demoRegion, "AWS_EC2_METADATA_DISABLED=true",
		"AWS_ENDPOINT_URL=" + r.server.EC2URL, "GITHUB_API_URL=" + r.server.GitHubURL, "GITHUB_SERVER_URL=https://github.com",
		"GITHUB_REPOSITORY=" + demoRepository, "GITHUB_RUN_ID=" + demoRun, "GITHUB_RUN_ATTEMPT=1", "HOME=" + r.folder,
	}
	for _, file := range []string{"GITHUB_OUTPUT", "GITHUB_STATE", "GITHUB_STEP_SUMMARY"} {
		files[file] = filepath.Join(r.folder, name+"-"+file)
		env = append(env, file+"="+files[file])
	}
	fmt.Println("with:")
	for _, key := range sortedKeys(inputs) {
		fmt.Printf("  %s: %s\n", key, inputs[key])
		env = append(env, "INPUT_"+strings.ToUpper(key)+"="+evaluate(inputs[key], earlier))
	}
	fmt.Println()
	command := exec.CommandContext(ctx, r.binary) //nolint:gosec // named on the command line
	command.Env = env
	log := &gitHubLog{out: os.Stdout}
	command.Stdout, command.Stderr = log, log
	if err := command.Run(); err != nil {
		return nil, fmt.Errorf("the %s step: %w", name, err)
	}
	outputs := readOutputs(files["GITHUB_OUTPUT"])
	for _, key := range sortedKeys(outputs) {
		fmt.Printf("output %s = %s\n", key, outputs[key])
	}
	if summary, err := os.ReadFile(files["GITHUB_STEP_SUMMARY"]); err == nil {
		fmt.Printf("\nJob summary (Markdown):\n\n%s\n", bytes.TrimSpace(summary))
	}
	return outputs, nil
}

// readOutputs reads the file format of GITHUB_OUTPUT: name<<delimiter, value, delimiter.
// https://docs.github.com/en/actions/reference/workflows-and-actions/workflow-commands#multiline-strings
func readOutputs(path string) map[string]string {
	outputs := map[string]string{}
	text, err := os.ReadFile(path) //nolint:gosec // a file of ours
	if err != nil {
		return outputs
	}
	lines := strings.Split(string(text), "\n")
	for i := 0; i < len(lines); i++ {
		name, delimiter, found := strings.Cut(lines[i], "<<")
		if !found {
			continue
		}
		var value []string
		for i++; i < len(lines) && lines[i] != delimiter; i++ {
			value = append(value, lines[i])
		}
		outputs[name] = strings.Join(value, "\n")
	}
	return outputs
}
