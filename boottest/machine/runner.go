//go:build boottest

package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/marqo-ai/ec2-github-runner/boottest/plan"
)

// post calls the stand-in GitHub; a status other than 2xx is an httpError.
func post(path string, ask map[string]string, answer io.Writer) error {
	body, err := json.Marshal(ask)
	if err != nil {
		return err
	}
	resp, err := http.Post("http://"+inner+path, "application/json", bytes.NewReader(body))
	if err != nil {
		return err
	}
	defer func() { _ = resp.Body.Close() }()
	if resp.StatusCode > 299 {
		return httpError(resp.StatusCode)
	}
	if answer != nil {
		_, err = io.Copy(answer, resp.Body)
	}
	return err
}

type httpError int

func (e httpError) Error() string { return fmt.Sprintf("http status %d", int(e)) }

// exit ends the program with one of the codes that run.sh knows.
func exit(code int, why string) error {
	fmt.Println(why)
	os.Exit(code)
	return nil
}

// listener is bin/Runner.Listener.
func listener(args []string) error {
	self, err := os.Executable()
	if err != nil {
		return err
	}
	home := filepath.Dir(filepath.Dir(self))
	version, err := os.ReadFile(filepath.Join(home, "bin", "version"))
	if err != nil {
		return err
	}
	switch args[0] {
	case "--version":
		fmt.Print(string(version))
		return nil
	case "configure":
		return configure(home, args[1:])
	case "run":
		return listen(home, strings.TrimSpace(string(version)), args[1:])
	}
	return fmt.Errorf("Runner.Listener: unknown verb %s", args[0])
}

func configure(home string, args []string) error {
	ask := map[string]string{}
	for i := 0; i < len(args); i++ {
		switch key := strings.TrimPrefix(args[i], "--"); key {
		case "unattended", "replace", "ephemeral":
			ask[key] = "true"
		case "url", "token", "labels", "name", "runnergroup":
			i++
			ask[key] = args[i]
		default:
			return fmt.Errorf("unrecognized command-line input: %s", args[i])
		}
	}
	var id bytes.Buffer
	if err := post("/register", ask, &id); err != nil {
		return fmt.Errorf("register: %w", err)
	}
	for _, name := range []string{".runner", ".credentials", ".credentials_rsaparams"} {
		if err := os.WriteFile(filepath.Join(home, name), id.Bytes(), 0o600); err != nil {
			return err
		}
	}
	fmt.Println("√ Runner successfully added")
	return nil
}

// identity is the registration's id, from the JIT configuration or the files of config.sh.
func identity(home string, args []string) (string, error) {
	jit := os.Getenv("ACTIONS_RUNNER_INPUT_JITCONFIG")
	_ = os.Unsetenv("ACTIONS_RUNNER_INPUT_JITCONFIG")
	if len(args) == 2 && args[0] == "--jitconfig" {
		jit = args[1]
	}
	if jit != "" {
		return jit, os.WriteFile(filepath.Join(home, ".runner"), []byte(jit), 0o600)
	}
	id, err := os.ReadFile(filepath.Join(home, ".runner"))
	return string(id), err
}

func listen(home, version string, args []string) error {
	id, err := identity(home, args)
	if err != nil {
		return exit(1, "An error occurred: Not configured. Run config.(sh/cmd) to configure the runner.")
	}
	log := diagnostics(home)
	var ephemeral bytes.Buffer
	var status httpError
	err = post("/session", map[string]string{"id": id, "version": version, "home": home}, &ephemeral)
	switch {
	case errors.As(err, &status) && status == http.StatusUpgradeRequired:
		return exit(7, "Runner version v"+version+" is deprecated and cannot receive messages.")
	case errors.As(err, &status):
		return exit(2, "Registration "+"was not found or is not medium trust.")
	case err != nil:
		return exit(2, err.Error())
	}
	fmt.Println("\n√ Connected to GitHub")
	line := time.Now().UTC().Format("2006-01-02 15:04:05Z") + ": Listening for Jobs"
	fmt.Println(line)
	fmt.Fprintln(log, "[INFO Terminal] WRITE LINE: "+line)

	signals := make(chan os.Signal, 1)
	signal.Notify(signals, syscall.SIGINT, syscall.SIGTERM)
	go func() {
		<-signals
		_ = post("/event", map[string]string{"what": "listener told to stop"}, nil)
		os.Exit(0)
	}()
	for {
		var answer bytes.Buffer
		if err := post("/message", map[string]string{"id": id}, &answer); err != nil || answer.Len() == 0 {
			continue
		}
		var job plan.Job
		if err := json.Unmarshal(answer.Bytes(), &job); err != nil {
			return err
		}
		work(home, id, job)
		if ephemeral.String() == "true" {
			return nil
		}
	}
}

// diagnostics opens the log that the real runner keeps beside its output.
func diagnostics(home string) io.Writer {
	dir := filepath.Join(home, "_diag")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return io.Discard
	}
	file, err := os.Create(filepath.Join(dir, "Runner_"+time.Now().UTC().Format("20060102-150405")+"-utc.log"))
	if err != nil {
		return io.Discard
	}
	return file
}

// work runs one job in a Runner.Worker and reports how it ended.
func work(home, id string, job plan.Job) {
	fmt.Printf("%s: Running job: %s\n", time.Now().UTC().Format("2006-01-02 15:04:05Z"), job.Name)
	dir := filepath.Join(home, "_work")
	_ = os.MkdirAll(dir, 0o755)
	script := filepath.Join(dir, job.Name+".sh")
	_ = os.WriteFile(script, []byte(job.Script), 0o700)
	cmd := exec.Command(filepath.Join(home, "bin", "Runner.Worker"), script)
	cmd.Dir = dir
	output, err := cmd.Output()
	result := "succeeded"
	if err != nil {
		result = "failed"
	}
	fmt.Printf("%s: Job %s completed with result: %s\n", time.Now().UTC().Format("2006-01-02 15:04:05Z"), job.Name, result)
	_ = post("/done", map[string]string{"id": id, "name": job.Name, "result": result, "output": string(output)}, nil)
}

// worker is bin/Runner.Worker: it runs the job's step.
func worker(args []string) error {
	cmd := exec.Command("bash", "-e", args[0])
	cmd.Stdout, cmd.Stderr = os.Stdout, os.Stdout
	return cmd.Run()
}
