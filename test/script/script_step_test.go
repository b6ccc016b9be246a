package script

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
	"go.yaml.in/yaml/v3"

	"github.com/marqo-ai/ec2-github-runner/test/simulator/step"
)

// The files that GitHub gives to each step.
var stepFiles = []string{"GITHUB_OUTPUT", "GITHUB_STATE", "GITHUB_STEP_SUMMARY"}

// stepOptions are the flags of the command step.
type stepOptions struct {
	exit, within, signal, at, atCall, atActed, nth string
	file                                           string
}

func parseStep(ts *testscript.TestScript, args []string) stepOptions {
	var o stepOptions
	for len(args) > 1 {
		into, known := map[string]*string{
			"-exit": &o.exit, "-within": &o.within, "-signal": &o.signal, "-at": &o.at, "-at-call": &o.atCall,
			"-at-acted": &o.atActed, "-at-nth": &o.nth,
		}[args[0]]
		if !known {
			ts.Fatalf("step: unknown flag %s", args[0])
		}
		*into = args[1]
		args = args[2:]
	}
	if len(args) != 1 || (o.signal != "") != (o.at+o.atCall+o.atActed != "") {
		ts.Fatalf("usage: step [-exit N] [-within TIME] [-signal NAMES (-at REGEXP | -at-call NAME | -at-acted NAME " +
			"[-at-nth N])] FILE")
	}
	o.file = args[0]
	return o
}

func runStep(ts *testscript.TestScript, neg bool, args []string) {
	if neg {
		ts.Fatalf("! step is not supported: use step -exit N")
	}
	o := parseStep(ts, args)
	files := giveFiles(ts, o.file)
	run(ts, "ec2-github-runner", o, files, nil)
	for name, value := range step.ReadFile(files["GITHUB_OUTPUT"]) {
		ts.Setenv("out_"+strings.ReplaceAll(name, "-", "_"), value)
	}
}

// runPostStep runs the post step as GitHub does: the same inputs, the state that the step wrote, and new files.
func runPostStep(ts *testscript.TestScript, neg bool, args []string) {
	if neg {
		ts.Fatalf("! post is not supported: use post -exit N")
	}
	o := parseStep(ts, args)
	var states []string
	for name, value := range step.ReadFile(ts.MkAbs(o.file + ".GITHUB_STATE")) {
		states = append(states, "STATE_"+name+"="+value)
	}
	run(ts, "ec2-github-runner-post", o, giveFiles(ts, o.file+".post"), states)
}

// giveFiles creates the step's files. A script may name other paths for them.
func giveFiles(ts *testscript.TestScript, step string) map[string]string {
	sceneOf(ts).last = step
	files := map[string]string{}
	for _, name := range stepFiles {
		files[name] = ts.MkAbs(step + "." + name)
		ts.Check(os.RemoveAll(files[name]))
		if other := ts.Getenv(name); other != "" {
			files[name] = other
		}
	}
	return files
}

// run runs the program. Its output is available for stdout and stderr afterwards.
func run(ts *testscript.TestScript, program string, o stepOptions, files map[string]string, states []string) {
	command := exec.Command(lookIn(ts.Getenv("PATH"), program))
	command.Dir = ts.MkAbs(".")
	with, given := inputs(ts, o.file)
	sceneOf(ts).obey(ts, with)
	command.Env = append(append(environment(ts), with...), states...)
	paths := make([]string, 0, len(files))
	for _, name := range stepFiles {
		command.Env = append(command.Env, name+"="+files[name])
		paths = append(paths, files[name])
	}
	var log bytes.Buffer
	watch := newWatcher(ts, o, io.MultiWriter(ts.Stdout(), &log), command)
	command.Stdout, command.Stderr = watch, ts.Stderr()
	ts.Check(command.Start())
	killer := time.AfterFunc(90*time.Second, func() { _ = command.Process.Kill() })
	watch.begin(sceneOf(ts).world)
	err := command.Wait()
	killer.Stop()
	took := watch.end()
	code := 0
	var exited *exec.ExitError
	if errors.As(err, &exited) {
		code = exited.ExitCode()
	} else {
		ts.Check(err)
	}
	ts.Logf("%s ended with exit code %d after %s", program, code, took.Round(10*time.Millisecond))
	want := number(ts, cmp.Or(o.exit, "0"))
	if code != want {
		ts.Fatalf("exit code %d, want %d", code, want)
	}
	if o.signal != "" && !watch.sent {
		ts.Fatalf("no line matched %q and no call %q was made, so no signal was sent", o.at, o.atCall+o.atActed)
	}
	if o.within != "" {
		limit, err := time.ParseDuration(o.within)
		ts.Check(err)
		if took > limit {
			ts.Fatalf("it took %s, which is more than %s", took, limit)
		}
	}
	sceneOf(ts).log = log.String()
	sceneOf(ts).secrets.kept(ts, log.String(), given, paths, code)
}

var placeholder = regexp.MustCompile(`\$\{(out|world|file)_([A-Za-z0-9_.-]+)\}`)

// inputs converts a YAML file of inputs to the environment that GitHub makes of a step's `with`. given are the secrets
// among them.
func inputs(ts *testscript.TestScript, file string) (env, given []string) {
	var with map[string]string
	ts.Check(yaml.Unmarshal([]byte(ts.ReadFile(file)), &with))
	for _, name := range sorted(with) {
		value := placeholder.ReplaceAllStringFunc(with[name], func(found string) string {
			parts := placeholder.FindStringSubmatch(found)
			if parts[1] == "file" {
				return strings.TrimSuffix(ts.ReadFile(parts[2]), "\n")
			}
			return ts.Getenv(parts[1] + "_" + parts[2])
		})
		if name == "app-private-key" {
			given = append(given, appKeyLines(value)...)
		}
		env = append(env, "INPUT_"+strings.ToUpper(strings.ReplaceAll(name, " ", "_"))+"="+value)
	}
	return env, append(given, strings.TrimSpace(with["github-token"]))
}

// lookIn finds the program in the script's PATH.
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

func number(ts *testscript.TestScript, text string) int {
	n, err := strconv.Atoi(text)
	ts.Check(err)
	return n
}

// neat prints a step's output with everything that differs from run to run replaced.
func neat(ts *testscript.TestScript, args []string) string {
	if len(args) != 1 {
		ts.Fatalf("usage: neat log|output|state|summary")
	}
	last := ts.MkAbs(sceneOf(ts).last)
	var text string
	switch args[0] {
	case "log":
		text = sceneOf(ts).log
	case "output", "state":
		values := step.ReadFile(last + ".GITHUB_" + strings.ToUpper(args[0]))
		for _, name := range sorted(values) {
			text += fmt.Sprintf("%s=%s\n", name, values[name])
		}
	case "summary":
		text = ts.ReadFile(last + ".GITHUB_STEP_SUMMARY")
	default:
		ts.Fatalf("neat: unknown text %s", args[0])
	}
	for _, secret := range sceneOf(ts).secrets.all() {
		text = strings.ReplaceAll(text, secret, "SECRET")
	}
	for _, rule := range differing {
		text = rule.pattern.ReplaceAllString(text, rule.to)
	}
	return text
}

// annotations prints the annotations that GitHub would show.
func annotations(ts *testscript.TestScript, _ []string) string {
	var b strings.Builder
	for line := range strings.Lines(neat(ts, []string{"log"})) {
		if strings.HasPrefix(line, "::warning") || strings.HasPrefix(line, "::error") ||
			strings.HasPrefix(line, "hint: ") {
			b.WriteString(line)
		}
	}
	return b.String()
}

var instanceID = regexp.MustCompile(`\bi-[0-9a-f]{17}\b`)

var differing = []struct {
	pattern *regexp.Regexp
	to      string
}{
	{instanceID, "i-ID"},
	{regexp.MustCompile(`\b[0-9]+\.[0-9] s\b`), "N s"},
	{regexp.MustCompile(`(egr-[0-9a-f]{8}-[0-9]+-[0-9a-f]{6})-[0-9a-z]{8}-`), "$1-NONCE-"},
	{regexp.MustCompile(`(nonce=|nonce: )"?[0-9a-z]{8}"?`), "${1}NONCE"},
	{regexp.MustCompile(`("other":"[^"]*)-[0-9a-z]{4}"`), `${1}-NONC"`},
	{regexp.MustCompile(`[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:]{8}Z`), "TIME"},
	{regexp.MustCompile(`http://127\.0\.0\.1:[0-9]+`), "URL"},
	{regexp.MustCompile(`127\.0\.0\.1:[0-9]+`), "ADDRESS"},
}
