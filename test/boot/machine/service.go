//go:build linux

package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"sync/atomic"
	"syscall"
	"time"
)

// serviceHost is the runner's node with bin/RunnerService.js: it restarts a listener unless it has ended for good.
func serviceHost(args []string) error {
	if len(args) == 1 && (args[0] == "-v" || args[0] == "--version") {
		fmt.Println("v20.20.0")
		return nil
	}
	if len(args) == 0 || filepath.Base(args[0]) != "RunnerService.js" {
		return fmt.Errorf("the stand-in node runs RunnerService.js alone")
	}
	if _, err := os.Stat(args[0]); err != nil {
		return err
	}
	program := filepath.Join(filepath.Dir(args[0]), "..", "bin", "Runner.Listener")
	var stopping atomic.Bool
	var current atomic.Pointer[os.Process]
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, syscall.SIGINT, syscall.SIGTERM)
	go func() {
		for range signals {
			stopping.Store(true)
			if p := current.Load(); p != nil {
				_ = p.Signal(syscall.SIGINT)
				time.AfterFunc(30*time.Second, func() { _ = p.Kill() })
			}
		}
	}()
	for retries := 0; !stopping.Load(); {
		cmd := exec.Command(program, "run", "--startuptype", "service")
		cmd.Stdout, cmd.Stderr = os.Stdout, os.Stdout
		if err := cmd.Start(); err != nil {
			fmt.Println("Runner listener fail to start with error", err)
			return err
		}
		current.Store(cmd.Process)
		_ = cmd.Wait()
		code := cmd.ProcessState.ExitCode()
		fmt.Println("Runner listener exited with error code", code)
		switch code {
		case 0, exitTerminated, exitConflict:
			return nil
		case exitRetryable, exitUpdating, exitRunOnceUpdating:
			if retries++; retries >= 10 {
				return nil
			}
		}
		for range 50 {
			if !stopping.Load() {
				after(context.Background(), 100*time.Millisecond)
			}
		}
	}
	return nil
}
