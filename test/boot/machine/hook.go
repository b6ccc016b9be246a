//go:build linux

package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
)

// completeJob runs the hook for the end of a job, if the runner's environment names one: as the job's last step,
// whatever the others' results, outside the job's container. (actions/runner, Runner.Worker/JobHookProvider.cs)
func completeJob(workspace string) error {
	path := os.Getenv("ACTIONS_RUNNER_HOOK_JOB_COMPLETED")
	if path == "" {
		return nil
	}
	fmt.Println("A job completed hook has been configured by the self-hosted runner administrator")
	if err := runHook(path, workspace); err != nil {
		fmt.Println("##[error]" + err.Error())
		return err
	}
	return nil
}

func runHook(path, workspace string) error {
	if info, err := os.Stat(path); err != nil || info.IsDir() {
		return errors.New("File doesn't exist") //nolint:staticcheck // the runner's own words
	}
	if filepath.Ext(path) != ".sh" { // the stand-in has neither PowerShell nor a node that runs scripts
		return errors.New(path + " is not a valid path to a script. Make sure it ends in '.sh', '.ps1' or '.js'.")
	}
	summary, err := os.CreateTemp("", "step_summary_")
	if err != nil {
		return err
	}
	defer func() { _ = os.Remove(summary.Name()) }()
	_ = summary.Close()
	// With -e and no other flag, and the workspace as the working directory.
	cmd := exec.Command("bash", "-e", path)
	cmd.Dir, cmd.Stdout, cmd.Stderr = workspace, os.Stdout, os.Stdout
	cmd.Env = append(os.Environ(), "GITHUB_STEP_SUMMARY="+summary.Name(), "GITHUB_WORKSPACE="+workspace,
		"GITHUB_JOB=job")
	err = cmd.Run()
	if text, readErr := os.ReadFile(summary.Name()); readErr == nil && len(text) > 0 {
		_ = post("/event", map[string]string{"what": "summary", "detail": string(text)}, nil)
	}
	if cmd.ProcessState == nil {
		return err
	}
	if code := cmd.ProcessState.ExitCode(); code != 0 {
		return errors.New("Process completed with exit code " + strconv.Itoa(code) + ".")
	}
	return nil
}
