//go:build linux

package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/marqo-ai/ec2-github-runner/test/boot/plan"
)

// runningJob is a job in its Runner.Worker.
type runningJob struct {
	worker *exec.Cmd
	ended  chan struct{}
}

// done is closed once the job has ended; without a job it never is.
func (j *runningJob) done() <-chan struct{} {
	if j == nil {
		return nil
	}
	return j.ended
}

// cancel ends the job, as a listener does that is told to stop.
func (j *runningJob) cancel() {
	if j == nil {
		return
	}
	_ = j.worker.Process.Signal(syscall.SIGTERM)
	select {
	case <-j.ended:
	case <-time.After(10 * time.Second):
	}
}

// work begins a job; it reports the result when the job ends.
func (r *runner) work(job plan.Job) *runningJob {
	fmt.Printf("%s: Running job: %s\n", time.Now().UTC().Format("2006-01-02 15:04:05Z"), job.Name)
	dir := filepath.Join(r.home, "_work")
	_ = os.MkdirAll(dir, 0o755)
	script := filepath.Join(dir, job.Name+".sh")
	_ = os.WriteFile(script, []byte(job.Script), 0o700)
	var output strings.Builder
	j := &runningJob{worker: exec.Command(filepath.Join(r.home, "bin", "Runner.Worker"), script),
		ended: make(chan struct{})}
	j.worker.Dir, j.worker.Stdout = dir, &output
	// Processes that the job leaves running may keep the output open.
	j.worker.WaitDelay = time.Second
	err := j.worker.Start()
	go func() {
		defer close(j.ended)
		if err == nil {
			err = j.worker.Wait()
		}
		result := "succeeded"
		if err != nil && !errors.Is(err, exec.ErrWaitDelay) {
			result = "failed"
		}
		fmt.Printf("%s: Job %s completed with result: %s\n", time.Now().UTC().Format("2006-01-02 15:04:05Z"),
			job.Name, result)
		_ = post("/done",
			map[string]string{"session": r.session, "name": job.Name, "result": result, "output": output.String()},
			nil)
	}()
	return j
}

// worker is bin/Runner.Worker: it runs the job's step, and the hook for the job's end.
func worker(args []string) error {
	workspace, err := os.Getwd()
	if err != nil {
		return err
	}
	return errors.Join(step(args[0]), completeJob(workspace))
}

// step runs a script until it ends or the job is cancelled.
func step(script string) error {
	cmd := exec.Command("bash", "-e", script)
	cmd.Stdout, cmd.Stderr = os.Stdout, os.Stdout
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, syscall.SIGINT, syscall.SIGTERM)
	if err := cmd.Start(); err != nil {
		return err
	}
	go func() {
		<-signals
		_ = cmd.Process.Kill()
	}()
	return cmd.Wait()
}
