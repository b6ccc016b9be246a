//go:build real

package act

import (
	"bytes"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/marqo-ai/ec2-github-runner/bench/stats"
	"github.com/marqo-ai/ec2-github-runner/test/simulator"
)

var update = flag.Bool("update", false, "write bench/signin.json, for docs/performance.md")

// realActions is a folder with checkouts of the actions of others, by the last parts of their names, to be run in place
// of the stand-ins.
var realActions = os.Getenv("EGR_ACTIONS")

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

// signInPairs is how often each form runs.
const signInPairs = 10

// signInJobs are jobs that run one after the other: of each pair one with the form of one step and one with that of
// three, which goes first in turn.
func signInJobs(t *testing.T) (text string, order []string) {
	t.Helper()
	example, err := os.ReadFile(filepath.Join(project, "examples", "separate-steps.yml"))
	if err != nil {
		t.Fatal(err)
	}
	one, three := startOf(t, readmeWorkflow(t)), startOf(t, string(example))
	var b strings.Builder
	b.WriteString("name: sign-in\non: push\njobs:\n")
	for i := range signInPairs {
		names := []string{fmt.Sprintf("one%d", i), fmt.Sprintf("three%d", i)}
		if i%2 == 1 {
			names[0], names[1] = names[1], names[0]
		}
		for _, name := range names {
			fmt.Fprintf(&b, "  %s:\n    runs-on: ubuntu-latest\n", name)
			if len(order) > 0 {
				fmt.Fprintf(&b, "    needs: %s\n", order[len(order)-1])
			}
			order = append(order, name)
			if strings.HasPrefix(name, "one") {
				b.WriteString(one)
			} else {
				b.WriteString(three)
			}
		}
	}
	return b.String(), order
}

// startOf are the steps of a workflow's start job, with their head.
func startOf(t *testing.T, text string) string {
	t.Helper()
	found := regexp.MustCompile(`(?s)\n  start:\n.*?(\n    steps:\n.*?)\n  test:\n`).FindStringSubmatch(text)
	if found == nil {
		t.Fatalf("the workflow has no start job before its test:\n%s", text)
	}
	return strings.TrimPrefix(found[1], "\n") + "\n"
}

// stamped keeps the lines that are written, each with the time of its end.
type stamped struct {
	mu    sync.Mutex
	rest  []byte
	lines []stampedLine
}

type stampedLine struct {
	at   time.Time
	text string
}

func (s *stamped) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.rest = append(s.rest, p...)
	for {
		line, rest, found := bytes.Cut(s.rest, []byte("\n"))
		if !found {
			return len(p), nil
		}
		s.lines = append(s.lines, stampedLine{time.Now(), string(line)})
		s.rest = bytes.Clone(rest)
	}
}

// when is the time of the first line that begins with a job's name and matches.
func (s *stamped) when(t *testing.T, job, pattern string) time.Time {
	t.Helper()
	wanted := regexp.MustCompile(`^\[[^\]]*/` + job + ` *\].*` + pattern)
	for _, line := range s.lines {
		if wanted.MatchString(line.text) {
			return line.at
		}
	}
	t.Fatalf("the log has no line %q of the job %s", pattern, job)
	return time.Time{}
}

// form is what was measured of one way to sign in: seconds, by pair, and calls before the launch.
type form struct {
	launch, job []float64
	calls       int
}

// compare is what bench/signin.go reads of two forms' seconds.
func compare(one, three []float64) map[string]stats.Summary {
	saved := make([]float64, len(one))
	for i := range one {
		saved[i] = three[i] - one[i]
	}
	return map[string]stats.Summary{
		"one": stats.Summarize(one), "three": stats.Summarize(three), "saved": stats.Summarize(saved),
	}
}

// TestSignInAgainstThreeSteps measures a job whose one step signs in against one with a step each for AWS and for
// GitHub before it: both launch, and what one step does is done sooner and with no call more.
func TestSignInAgainstThreeSteps(t *testing.T) {
	text, order := signInJobs(t)
	moment := 100 * time.Millisecond
	cfg := simulator.Config{Speed: 1, Unlimited: true, Timing: simulator.Timing{
		Running: moment, Boot: moment, Download: moment, Config: moment, Listen: moment, InstanceVisible: moment,
		RunnerVisible: moment,
	}}
	p := openWorkflow(t, cfg, text, "")
	log := &stamped{}
	before := load(t)
	p.measured(t, log)
	busy := max(before, load(t))
	forms := map[string]*form{"one": {}, "three": {}}
	launches := p.launchTimes()
	if len(launches) != len(order) {
		t.Fatalf("%d launches, want %d", len(launches), len(order))
	}
	for i, job := range order {
		begun, ended := log.when(t, job, "Run Main"), log.when(t, job, "Job succeeded")
		f := forms[strings.TrimRight(job, "0123456789")]
		f.launch = append(f.launch, launches[i].Sub(begun).Seconds())
		f.job = append(f.job, ended.Sub(begun).Seconds())
		f.calls = p.callsBetween(begun, launches[i])
	}
	one, three := forms["one"], forms["three"]
	for i := range signInPairs {
		t.Logf("pair %d: launch after %.2f s and %.2f s, the job %.2f s and %.2f s", i, one.launch[i], three.launch[i],
			one.job[i], three.job[i])
		if one.launch[i] >= three.launch[i] {
			t.Errorf("pair %d: one step launches after %.2f s, and three after %.2f s", i, one.launch[i],
				three.launch[i])
		}
	}
	if one.calls > three.calls {
		t.Errorf("one step makes %d calls before the launch, and three %d", one.calls, three.calls)
	}
	if *update {
		p.save(t, *one, *three, busy)
	}
}

// load is how many processes wanted a processor, on average over the last five minutes.
func load(t *testing.T) float64 {
	t.Helper()
	text, err := os.ReadFile("/proc/loadavg")
	if err != nil {
		t.Fatal(err)
	}
	average, err := strconv.ParseFloat(strings.Fields(string(text))[1], 64)
	if err != nil {
		t.Fatal(err)
	}
	return average
}

// measured runs the workflow with its log stamped.
func (p *pipeline) measured(t *testing.T, log io.Writer) {
	t.Helper()
	words := p.command(t, nil, append([]string{"push", "--workflows", ".github/workflows/workflow.yml"},
		p.byOIDC(t)...)...)
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, words[0], words[1:]...)
	cmd.Dir, cmd.Env, cmd.WaitDelay = p.repository, os.Environ(), 5*time.Second
	cmd.Stdout, cmd.Stderr = log, log
	if err := cmd.Run(); err != nil {
		var all strings.Builder
		for _, line := range log.(*stamped).lines {
			all.WriteString(line.text + "\n")
		}
		t.Fatalf("act: %v\n%s", err, all.String())
	}
}

// launchTimes are when RunInstances was called, dry runs left out.
func (c *clouds) launchTimes() (list []time.Time) {
	for _, call := range c.world.Calls() {
		if call.Operation == "RunInstances" && call.Params["DryRun"] != "true" {
			list = append(list, call.Time)
		}
	}
	return list
}

func (c *clouds) callsBetween(from, to time.Time) (n int) {
	for _, call := range c.world.Calls() {
		if call.Time.After(from) && call.Time.Before(to) {
			n++
		}
	}
	return n
}

// save writes the results for the page.
func (p *pipeline) save(t *testing.T, one, three form, busy float64) {
	t.Helper()
	machine := baseImage(t, "act")
	node := must(t, time.Minute, project, "docker", "run", "--rm", "--network", "none", "--entrypoint", "node", machine,
		"--version")
	var actions []string
	for _, uses := range p.uses(t) {
		if name, _, _ := strings.Cut(uses, "@"); name != "marqo-ai/ec2-github-runner" {
			actions = append(actions, name+p.version(t, name))
		}
	}
	raw, err := json.MarshalIndent(map[string]any{
		"machine": fmt.Sprintf("%s/%s, %d processors", runtime.GOOS, runtime.GOARCH, runtime.NumCPU()), "engine": "act",
		"node":    node,
		"actions": actions, "load": busy, "launch": compare(one.launch, three.launch),
		"job": compare(one.job, three.job), "calls": map[string]int{"one": one.calls, "three": three.calls},
	}, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(project, "bench", "signin.json"), append(raw, '\n'), 0o644)
}

// version is what the page says of an action of others: its version, or that a stand-in was run.
func (p *pipeline) version(t *testing.T, name string) string {
	t.Helper()
	if realActions == "" || !exists(filepath.Join(realActions, filepath.Base(name))) {
		return " (a stand-in with its calls)"
	}
	text, err := os.ReadFile(filepath.Join(p.repository, ".github", "workflows", "workflow.yml"))
	if err != nil {
		t.Fatal(err)
	}
	return " " + regexp.MustCompile(regexp.QuoteMeta(name) +
		`@[0-9a-f]{40} # (v\S+)`).FindStringSubmatch(string(text))[1]
}
