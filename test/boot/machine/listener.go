//go:build linux

package main

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/signal"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/marqo-ai/ec2-github-runner/test/boot/plan"
)

// The exit codes of Runner.Listener. (actions/runner, Runner.Common/Constants.cs)
const (
	exitTerminated      = 1
	exitRetryable       = 2
	exitUpdating        = 3
	exitRunOnceUpdating = 4
	exitConflict        = 5
	exitDeprecated      = 7
)

// How the listener retries after GitHub's refusals. The real one asks for a session every 30 s, and after a session
// conflict for at most 4 minutes, by the number of attempts: here everything is ten times faster.
const (
	retryInterval = 3 * time.Second
	conflictLimit = 24 * time.Second
)

// settings is the content of .runner.
type settings struct {
	AgentID       string `json:"AgentId"`
	AgentName     string
	Ephemeral     flag
	DisableUpdate flag
	WorkFolder    string
}

// flag is a boolean that may be written as a string, as in just-in-time configurations.
type flag bool

func (f *flag) UnmarshalJSON(text []byte) error {
	value, err := strconv.ParseBool(strings.ToLower(strings.Trim(string(text), `"`)))
	*f = flag(value)
	return err
}

// runner is a folder with the runner's software, and its listener.
type runner struct {
	home, version string
	settings      settings
	log           io.Writer
	session       string
	updating      chan bool
	job           atomic.Pointer[runningJob]
}

// listener is bin/Runner.Listener.
func listener(args []string) error {
	self, err := os.Executable()
	if err != nil {
		return err
	}
	r := &runner{home: filepath.Dir(filepath.Dir(self))}
	if !haveICU() {
		fmt.Fprintln(os.Stderr, "Process terminated. Couldn't find a valid ICU package installed on the system.")
		os.Exit(134)
	}
	version, err := os.ReadFile(filepath.Join(filepath.Dir(self), "version"))
	if err != nil {
		return err
	}
	r.version = strings.TrimSpace(string(version))
	r.loadEnvironment()
	switch args[0] {
	case "--version":
		fmt.Println(r.version)
		return nil
	case "configure":
		return r.configure(args[1:])
	case "remove":
		return r.forget()
	case "run":
		os.Exit(r.run(args[1:]))
	}
	return fmt.Errorf("Runner.Listener: unknown verb %s", args[0])
}

// haveICU reports whether .NET would start: it needs ICU's libraries, unless it is told to do without.
func haveICU() bool {
	if os.Getenv("DOTNET_SYSTEM_GLOBALIZATION_INVARIANT") == "1" {
		return true
	}
	for _, pattern := range []string{"/usr/lib*/libicuuc.so*", "/usr/lib/*/libicuuc.so*"} {
		if found, err := filepath.Glob(pattern); err == nil && len(found) > 0 {
			return true
		}
	}
	return false
}

// loadEnvironment reads .env into the environment of the listener and of all jobs.
func (r *runner) loadEnvironment() {
	text, _ := os.ReadFile(filepath.Join(r.home, ".env"))
	for line := range strings.Lines(string(text)) {
		if key, value, found := strings.Cut(strings.TrimSuffix(line, "\n"), "="); found && key != "" {
			_ = os.Setenv(key, value)
		}
	}
}

// run is the command run: it returns the exit code.
func (r *runner) run(args []string) int {
	_ = post("/event", map[string]string{"what": "listener starts"}, nil)
	if err := writeJIT(r.home, args); err != nil {
		fmt.Println(err)
		return exitTerminated
	}
	if !configured(r.home) {
		fmt.Println("An error occurred: Not configured. Run config.(sh/cmd) to configure the runner.")
		return exitTerminated
	}
	r.log = diagnostics(r.home)
	text, err := os.ReadFile(filepath.Join(r.home, ".runner"))
	if err == nil {
		err = json.Unmarshal(text, &r.settings)
	}
	if err != nil {
		// Only the file of a migrated registration: the settings themselves are missing.
		fmt.Println("An error occurred: Value cannot be null. (Parameter 'configuredSettings')")
		return exitRetryable
	}
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, syscall.SIGINT, syscall.SIGTERM)
	go func() {
		<-signals
		_ = post("/event", map[string]string{"what": "listener told to stop"}, nil)
		r.job.Load().cancel()
		r.endSession()
		os.Exit(0)
	}()
	if code := r.connect(); code != 0 {
		return code
	}
	code := r.listen()
	r.endSession()
	return code
}

// writeJIT writes the files of a just-in-time configuration, if there is one.
func writeJIT(home string, args []string) error {
	jit := os.Getenv("ACTIONS_RUNNER_INPUT_JITCONFIG")
	_ = os.Unsetenv("ACTIONS_RUNNER_INPUT_JITCONFIG")
	if len(args) == 2 && args[0] == "--jitconfig" {
		jit = args[1]
	}
	if jit == "" {
		return nil
	}
	var files map[string][]byte
	text, err := base64.StdEncoding.DecodeString(jit)
	if err == nil {
		err = json.Unmarshal(text, &files)
	}
	for name, content := range files {
		err = errors.Join(err, os.WriteFile(filepath.Join(home, filepath.Base(name)), content, 0o600))
	}
	return err
}

// connect opens a session: first for a migrated registration, if there is one, then for the ordinary one.
func (r *runner) connect() int {
	if text, err := os.ReadFile(filepath.Join(r.home, ".runner_migrated")); err == nil {
		var moved settings
		if json.Unmarshal(text, &moved) == nil && r.openSession(moved.AgentID) == nil {
			r.settings = moved
			return r.online()
		}
	}
	conflicts := 0
	for {
		err := r.openSession(r.settings.AgentID)
		var status httpError
		switch {
		case err == nil:
			return r.online()
		case errors.As(err, &status) && status == http.StatusUpgradeRequired:
			fmt.Println("An error occurred: Runner version v" + r.version +
				" is deprecated and cannot receive messages.")
			if os.Getenv("ACTIONS_RUNNER_RETURN_VERSION_DEPRECATED_EXIT_CODE") == "1" {
				return exitDeprecated
			}
			return exitTerminated
		case errors.As(err, &status) && status == http.StatusConflict:
			fmt.Println("A session for this runner already exists.")
			if conflicts++; time.Duration(conflicts)*retryInterval >= conflictLimit {
				fmt.Println("Stop retry on SessionConflictException.")
				return exitConflict
			}
		case errors.As(err, &status) && status == http.StatusNotFound:
			fmt.Println("The runner no longer exists on the server. Please reconfigure the runner.")
			fmt.Println("Failed to create session. " + err.Error())
			return exitTerminated
		default:
			fmt.Println("Runner connect error: " + err.Error() + ". Retrying until reconnected.")
		}
		after(context.Background(), retryInterval)
	}
}

func (r *runner) openSession(id string) error {
	var session bytes.Buffer
	err := post("/session", map[string]string{"id": id, "version": r.version, "home": r.home}, &session)
	r.session = session.String()
	return err
}

func (r *runner) endSession() { _ = post("/session/end", map[string]string{"session": r.session}, nil) }

func (r *runner) online() int {
	fmt.Println("\n√ Connected to GitHub")
	line := time.Now().UTC().Format("2006-01-02 15:04:05Z") + ": Listening for Jobs"
	fmt.Println(line)
	fmt.Fprintln(r.log, "[INFO Terminal] WRITE LINE: "+line)
	return 0
}

// listen handles GitHub's messages. While an update is downloaded it takes no job; GitHub offers it again.
func (r *runner) listen() int {
	for {
		if code, ended := r.ended(); ended {
			return code
		}
		message, err := r.next()
		if err != nil {
			var status httpError
			if errors.As(err, &status) && status == http.StatusNotFound {
				fmt.Println("The runner no longer exists on the server. Cleaning up local configuration.")
				r.job.Load().cancel()
				_ = r.forget()
				return 0
			}
			after(context.Background(), retryInterval)
			continue
		}
		switch {
		case message.Refresh != "" && r.updating == nil:
			r.updating = make(chan bool, 1)
			go func(done chan<- bool, job *runningJob) { done <- r.update(message.Refresh, job) }(r.updating,
				r.job.Load())
		case message.Job != nil && r.updating == nil && r.job.Load() == nil:
			if post("/acquire", map[string]string{"session": r.session, "name": message.Job.Name}, nil) == nil {
				r.job.Store(r.work(*message.Job))
			}
		}
	}
}

// ended reports whether the listener must end: after an update, or after the one job of a single-use runner.
func (r *runner) ended() (code int, ended bool) {
	select {
	case applied := <-r.updating:
		r.updating = nil
		if r.settings.Ephemeral {
			return exitRunOnceUpdating, applied
		}
		return exitUpdating, applied
	case <-r.job.Load().done():
		r.job.Store(nil)
		if r.settings.Ephemeral {
			_ = r.forget()
		}
		return 0, bool(r.settings.Ephemeral)
	default:
		return 0, false
	}
}

// next waits for GitHub's next message for a while.
func (r *runner) next() (plan.Message, error) {
	var message plan.Message
	var answer bytes.Buffer
	ask := map[string]string{
		"session": r.session, "disableUpdate": fmt.Sprint(r.settings.DisableUpdate), "version": r.version,
		"busy": fmt.Sprint(r.job.Load() != nil), "updating": fmt.Sprint(r.updating != nil),
	}
	if err := post("/message", ask, &answer); err != nil || answer.Len() == 0 {
		return message, err
	}
	return message, json.Unmarshal(answer.Bytes(), &message)
}

// diagnostics opens the log that the real runner writes in addition to its output.
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
