package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/marqo-ai/ec2-github-runner/test/simulator/step"
)

// rollBackTimeout is how long a cancelled step may take to remove what it created: a little more than GitHub's limit.
const rollBackTimeout = 10 * time.Second

// result is what a step wrote.
type result struct {
	outputs map[string]string
	summary string
}

// step runs the program as a step of this workflow run, with the job's environment and credentials. RUNNERS_TOKEN is
// the token for the runners.
func (s *session) step(ctx context.Context, inputs map[string]string) (result, error) {
	folder, err := os.MkdirTemp("", "bench-aws-")
	if err != nil {
		return result{}, err
	}
	defer os.RemoveAll(folder) //nolint:errcheck // a folder for temporary files
	var log bytes.Buffer
	command := exec.CommandContext(ctx, s.binary) //nolint:gosec // the program to measure
	command.Env = append([]string{}, s.environ...)
	command.Env = append(command.Env, "INPUT_GITHUB-TOKEN="+s.getenv("RUNNERS_TOKEN"))
	for name, value := range inputs {
		command.Env = append(command.Env, "INPUT_"+strings.ToUpper(name)+"="+value)
	}
	file := func(name string) string { return filepath.Join(folder, name) }
	for _, name := range []string{"GITHUB_OUTPUT", "GITHUB_STATE", "GITHUB_STEP_SUMMARY"} {
		command.Env = append(command.Env, name+"="+file(name))
	}
	command.Stdout, command.Stderr = &log, &log
	command.Cancel = func() error { return command.Process.Signal(syscall.SIGTERM) }
	command.WaitDelay = rollBackTimeout
	if err := command.Run(); err != nil {
		return result{}, fmt.Errorf("%s: %w: %s", inputs["mode"], err, lastError(log.String()))
	}
	summary, err := os.ReadFile(file("GITHUB_STEP_SUMMARY"))
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return result{}, err
	}
	return result{step.ReadFile(file("GITHUB_OUTPUT")), string(summary)}, nil
}

// lastError returns the last annotation of a step's log or, without one, its last line.
func lastError(log string) string {
	lines := strings.Split(strings.TrimSpace(log), "\n")
	for i := len(lines) - 1; i >= 0; i-- {
		if _, text, found := strings.Cut(lines[i], "::error"); found {
			_, text, _ = strings.Cut(text, "::")
			return text
		}
	}
	return lines[len(lines)-1]
}
