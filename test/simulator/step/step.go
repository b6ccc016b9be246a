// Package step runs a program as GitHub's runner runs the step of a container action: inputs, states and the files for
// outputs come as environment, and nothing else does.
//
// The demo and the benchmark share it. https://docs.github.com/en/actions/reference/workflows-and-actions/variables
package step

import (
	"context"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/marqo-ai/ec2-github-runner/test/simulator"
)

// Runner runs steps of one job in a folder of its own.
type Runner struct {
	// Command is the program and its arguments. With Image it runs that image by docker instead, as GitHub's runner
	// does.
	Command []string
	Image   string
	// Folder holds the files that GitHub gives to a step.
	Folder string
	Server *simulator.Server
	// Region is the home region, Token what stands for the secret; both have defaults.
	Region string
	// Repository and Run are those of the workflow.
	Repository, Run string
}

// Result is what a step left.
type Result struct {
	Exit    int
	Outputs map[string]string
	Summary string // Markdown
	Begun   time.Time
	Took    time.Duration
	// MemoryKiB is the most memory that the process had, CPU what it used of all processors.
	MemoryKiB int64
	CPU       time.Duration
}

// files are those that GitHub gives to each step.
var files = []string{"GITHUB_OUTPUT", "GITHUB_STATE", "GITHUB_STEP_SUMMARY"}

// Start begins a step with inputs; its log goes to log. Wait ends it.
func (r *Runner) Start(ctx context.Context, name string, inputs map[string]string, log io.Writer) (*Running, error) {
	running := &Running{files: map[string]string{}}
	env := []string{
		"HOME=" + r.Folder, "AWS_REGION=" + r.Region, "AWS_EC2_METADATA_DISABLED=true",
		"AWS_ENDPOINT_URL=" + r.Server.EC2URL, "GITHUB_API_URL=" + r.Server.GitHubURL,
		"GITHUB_SERVER_URL=https://github.com",
		"GITHUB_REPOSITORY=" + r.Repository, "GITHUB_RUN_ID=" + r.Run, "GITHUB_RUN_ATTEMPT=1",
		"RUNNER_NAME=GitHub Actions 1",
	}
	// A step that assumes a role is of a job with permissions: id-token: write; every other job has keys.
	if inputs["role-to-assume"] != "" {
		env = append(env, "ACTIONS_ID_TOKEN_REQUEST_URL="+r.Server.IDTokenURL, "ACTIONS_ID_TOKEN_REQUEST_TOKEN="+
			simulator.IDTokenBearer)
	} else {
		env = append(env, "AWS_ACCESS_KEY_ID=AKIADEMO", "AWS_SECRET_ACCESS_KEY=demo")
	}
	for _, file := range files {
		running.files[file] = filepath.Join(r.Folder, name+"-"+file)
		if err := os.WriteFile(running.files[file], nil, 0o600); err != nil {
			return nil, err
		}
		env = append(env, file+"="+running.files[file])
	}
	for key, value := range inputs {
		env = append(env, "INPUT_"+strings.ToUpper(key)+"="+value)
	}
	words := r.Command
	if r.Image != "" {
		words = r.dockerRun(env)
	}
	running.command = exec.CommandContext(ctx, words[0], words[1:]...) //nolint:gosec // what the caller wants to run
	running.command.Env = append(env, "PATH="+os.Getenv("PATH"))
	if host := os.Getenv("DOCKER_HOST"); host != "" && r.Image != "" {
		running.command.Env = append(running.command.Env, "DOCKER_HOST="+host)
	}
	running.command.Stdout, running.command.Stderr = log, log
	running.begun = time.Now()
	return running, running.command.Start()
}

// dockerRun is the command that runs the image with an environment. Only the names stand in it: docker takes the values
// from its own environment, so that none is seen in a list of processes. The folder has the same path inside.
func (r *Runner) dockerRun(env []string) []string {
	words := []string{"docker", "run", "--rm", "--pull", "never", "--network", "host", "--volume", r.Folder + ":" +
		r.Folder}
	for _, each := range env {
		name, _, _ := strings.Cut(each, "=")
		words = append(words, "--env", name)
	}
	return append(words, r.Image)
}

// Running is a step that runs.
type Running struct {
	command *exec.Cmd
	files   map[string]string
	begun   time.Time
}

// Signal sends a signal to the step, as GitHub does when a job is cancelled.
func (r *Running) Signal(signal syscall.Signal) error { return r.command.Process.Signal(signal) }

// Wait waits for the step's end. That it failed is no error: Result says so.
func (r *Running) Wait() (Result, error) {
	err := r.command.Wait()
	result := Result{Begun: r.begun, Took: time.Since(r.begun), Outputs: ReadFile(r.files["GITHUB_OUTPUT"])}
	var exited *exec.ExitError
	if errors.As(err, &exited) {
		result.Exit = exited.ExitCode()
	} else if err != nil {
		return result, err
	}
	state := r.command.ProcessState
	result.CPU = state.UserTime() + state.SystemTime()
	if usage, ok := state.SysUsage().(*syscall.Rusage); ok {
		result.MemoryKiB = usage.Maxrss
	}
	summary, err := os.ReadFile(r.files["GITHUB_STEP_SUMMARY"])
	result.Summary = strings.TrimSpace(string(summary))
	return result, err
}

// ReadFile reads the form of GITHUB_OUTPUT and GITHUB_STATE: name<<delimiter, the value, delimiter. Of two values with
// one name the later counts. A file that is not there holds nothing.
// https://docs.github.com/en/actions/reference/workflows-and-actions/workflow-commands#multiline-strings
func ReadFile(path string) map[string]string {
	values := map[string]string{}
	text, err := os.ReadFile(path) //nolint:gosec // a file of the step
	if err != nil {
		return values
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
		values[name] = strings.Join(value, "\n")
	}
	return values
}
