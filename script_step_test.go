package main

import (
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
	"go.yaml.in/yaml/v3"
)

// The files that GitHub gives to each step.
var stepFiles = []string{"GITHUB_OUTPUT", "GITHUB_STATE", "GITHUB_STEP_SUMMARY"}

// stepOptions are the flags of the command step.
type stepOptions struct {
	exit       string
	signal, at string
	file       string
}

func parseStep(ts *testscript.TestScript, args []string) stepOptions {
	var o stepOptions
	for len(args) > 1 {
		switch args[0] {
		case "-exit":
			o.exit = args[1]
		case "-signal":
			o.signal = args[1]
		case "-at":
			o.at = args[1]
		default:
			ts.Fatalf("step knows no flag %s", args[0])
		}
		args = args[2:]
	}
	if len(args) != 1 {
		ts.Fatalf("usage: step [-exit N] [-signal NAME -at REGEXP] FILE")
	}
	o.file = args[0]
	return o
}

func runStep(ts *testscript.TestScript, neg bool, args []string) {
	if neg {
		ts.Fatalf("say which exit code: step -exit N")
	}
	o := parseStep(ts, args)
	sceneOf(ts).steps++
	for _, name := range stepFiles {
		path := ts.MkAbs(fmt.Sprintf("%s.%s", o.file, name))
		ts.Check(os.RemoveAll(path))
		if ts.Getenv(name) == "" || strings.Contains(ts.Getenv(name), name) {
			ts.Setenv(name, path)
		}
	}
	run(ts, "ec2-github-runner", o, nil)
	for name, value := range readFileCommands(ts.Getenv("GITHUB_OUTPUT")) {
		ts.Setenv("out_"+strings.ReplaceAll(name, "-", "_"), value)
	}
}

// runPostStep runs the post step as GitHub does: the same inputs, the states that the step wrote, nothing else.
func runPostStep(ts *testscript.TestScript, neg bool, args []string) {
	if neg {
		ts.Fatalf("say which exit code: post -exit N")
	}
	o := parseStep(ts, args)
	var states []string
	for name, value := range readFileCommands(ts.MkAbs(o.file + ".GITHUB_STATE")) {
		states = append(states, "STATE_"+name+"="+value)
	}
	run(ts, "ec2-github-runner-post", o, states)
}

// run runs the program. Its output is there for stdout and stderr afterwards.
func run(ts *testscript.TestScript, program string, o stepOptions, states []string) {
	path, err := exec.LookPath(program)
	if err != nil { // testscript puts the programs into its own PATH
		path = lookIn(ts.Getenv("PATH"), program)
	}
	command := exec.Command(path) //nolint:gosec // this test binary under another name
	command.Dir = ts.MkAbs(".")
	command.Env = append(append(environment(ts), inputs(ts, o.file)...), states...)
	for _, name := range stepFiles {
		command.Env = append(command.Env, name+"="+ts.Getenv(name))
	}
	watch := &watcher{out: ts.Stdout(), process: command}
	if o.signal != "" {
		watch.at, watch.signal = compile(ts, o.at), signals[o.signal]
	}
	command.Stdout, command.Stderr = watch, ts.Stderr()
	begun := time.Now()
	ts.Check(command.Start())
	killer := time.AfterFunc(time.Minute, func() { _ = command.Process.Kill() })
	err = command.Wait()
	killer.Stop()
	code := 0
	var exited *exec.ExitError
	if errors.As(err, &exited) {
		code = exited.ExitCode()
	} else {
		ts.Check(err)
	}
	ts.Logf("%s ended with exit code %d after %s", program, code, time.Since(begun).Round(10*time.Millisecond))
	if want := exitCode(ts, o.exit); code != want {
		ts.Fatalf("exit code %d, want %d", code, want)
	}
	if o.signal != "" && !watch.sent {
		ts.Fatalf("no line matched %q, so no signal was sent", o.at)
	}
}

// signals are those that GitHub's runner sends to a step, and the one that nobody can handle.
var signals = map[string]os.Signal{"INT": syscall.SIGINT, "TERM": syscall.SIGTERM, "KILL": syscall.SIGKILL}

// watcher passes output on, and sends the signal at the first line that matches.
type watcher struct {
	mu      sync.Mutex
	out     io.Writer
	process *exec.Cmd
	at      *regexp.Regexp
	signal  os.Signal
	seen    bytes.Buffer
	sent    bool
}

func (w *watcher) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.at != nil && !w.sent {
		w.seen.Write(p)
		if w.at.Match(w.seen.Bytes()) {
			w.sent = true
			if err := w.process.Process.Signal(w.signal); err != nil {
				return 0, err
			}
		}
	}
	return w.out.Write(p)
}

// inputs turns a YAML file of inputs into the environment that GitHub makes of a step's `with`.
func inputs(ts *testscript.TestScript, file string) []string {
	var with map[string]string
	ts.Check(yaml.Unmarshal([]byte(ts.ReadFile(file)), &with))
	var env []string
	for _, name := range sorted(with) {
		value := os.Expand(with[name], func(variable string) string {
			if value, ok := strings.CutPrefix(variable, "out_"); ok {
				return ts.Getenv("out_" + value)
			}
			return "$" + variable // not ours: it may be part of a shell script
		})
		env = append(env, "INPUT_"+strings.ToUpper(name)+"="+value)
	}
	return env
}

// readFileCommands reads the form of GITHUB_OUTPUT and GITHUB_STATE; of two values with one name the later counts.
func readFileCommands(path string) map[string]string {
	values := map[string]string{}
	text, err := os.ReadFile(path) //nolint:gosec // a file of the script
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

func lookIn(path, program string) string {
	for _, folder := range filepath.SplitList(path) {
		if found, err := exec.LookPath(filepath.Join(folder, program)); err == nil {
			return found
		}
	}
	return program
}

func compile(ts *testscript.TestScript, pattern string) *regexp.Regexp {
	compiled, err := regexp.Compile("(?m)" + pattern)
	ts.Check(err)
	return compiled
}

// unzip undoes the compression that cloud-init undoes.
func unzip(ts *testscript.TestScript, data []byte) []byte {
	if !bytes.HasPrefix(data, []byte{0x1f, 0x8b}) {
		return data
	}
	reader, err := gzip.NewReader(bytes.NewReader(data))
	ts.Check(err)
	plain, err := io.ReadAll(reader)
	ts.Check(err)
	return plain
}
