package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/marqo-ai/ec2-github-runner/ec2"
	"github.com/marqo-ai/ec2-github-runner/test/openapi"
	"github.com/marqo-ai/ec2-github-runner/test/simulator"
)

var program = sync.OnceValues(func() (string, error) {
	folder, err := os.MkdirTemp("", "bench-aws-test-")
	if err != nil {
		return "", err
	}
	path := filepath.Join(folder, "ec2-github-runner")
	built, err := exec.Command("go", "build", "-o", path, "../..").CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("%w: %s", err, built)
	}
	return path, nil
})

func TestMain(m *testing.M) {
	code := m.Run()
	if path, err := program(); err == nil {
		_ = os.RemoveAll(filepath.Dir(path))
	}
	os.Exit(code)
}

// inWorld returns a session in a simulated account, with the run's jobs waiting for their labels.
func inWorld(t *testing.T, variants ...string) (*session, *simulator.World) {
	t.Helper()
	binary, err := program()
	if err != nil {
		t.Fatal(err)
	}
	s := &session{
		binary: binary, variants: variants, runs: 2, atOnce: 2, patience: time.Minute, every: 200 * time.Millisecond,
		launch: launch{"ami-0aaaaaaaaaaaaaaa1", "ami-0aaaaaaaaaaaaaaa1", "t3.xlarge", "subnet-0aaaaaaaaaaaaaaa1",
			"sg-0aaaaaaaaaaaaaaa1"},
	}
	env := map[string]string{
		"GITHUB_REPOSITORY": "demo-org/demo", "GITHUB_RUN_ID": "4711", "GITHUB_RUN_ATTEMPT": "1",
		"GITHUB_TOKEN":      "ghp_demo",
		"RUNNERS_TOKEN":     "ghp_demo",
		"GITHUB_SERVER_URL": "https://github.com", "AWS_ACCESS_KEY_ID": "AKIADEMO", "AWS_SECRET_ACCESS_KEY": "demo",
		"AWS_REGION":                "us-east-1",
		"AWS_EC2_METADATA_DISABLED": "true", "HOME": t.TempDir(),
	}
	s.getenv = func(name string) string { return env[name] }
	config := simulator.Defaults()
	config.Speed = 20
	config.Runs = []simulator.Run{{ID: 4711}}
	config.Guests = []simulator.GuestRule{{Report: "cores=4 cpu=97 cpu_peak=100 steal=0 steal_peak=0 load=200 " +
		"memory=16567500 memory_peak=1357785 killed=0 swap=0 swap_peak=0 disk=52428800 disk_peak=971520 inodes=7"}}
	for _, label := range s.labels() {
		config.Jobs = append(config.Jobs, simulator.Job{Label: label, Run: 4711, Duration: time.Minute})
	}
	world := simulator.New(config)
	validator, err := openapi.New()
	if err != nil {
		t.Fatal(err)
	}
	hub := httptest.NewServer(validator.Handler(world.GitHubHandler(),
		func(err error) { t.Errorf("against GitHub's description: %v", err) }))
	t.Cleanup(hub.Close)
	cloud := httptest.NewServer(world.EC2Handler())
	t.Cleanup(cloud.Close)
	env["GITHUB_API_URL"], env["AWS_ENDPOINT_URL"] = hub.URL, cloud.URL
	s.cloud = func(context.Context, string) (*ec2.Client, error) {
		return nil, errors.New("no tokens are looked for here")
	}
	for name, value := range env {
		s.environ = append(s.environ, name+"="+value)
	}
	return s, world
}

// nothingLeft waits until no machine and no registration is left: a machine takes a moment to terminate itself.
func nothingLeft(t *testing.T, w *simulator.World) {
	t.Helper()
	for begun := time.Now(); ; {
		instances, runners := w.Leftovers()
		if len(instances)+len(runners) == 0 {
			break
		}
		if time.Since(begun) > 10*time.Second {
			t.Fatalf("left behind: %d instances, %d registrations", len(instances), len(runners))
		}
		<-time.After(50 * time.Millisecond)
	}
	if surprises := w.Surprises(); len(surprises) > 0 {
		t.Errorf("asked for what the simulator does not model: %v", surprises)
	}
}

// TestTokens: the report shows whether EC2 shows the client token. The simulator does, except for spot instances.
func TestTokens(t *testing.T) {
	s, world := inWorld(t, stock, spot)
	s.runs, s.cloud = 1, ec2.Load
	for _, name := range []string{"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_EC2_METADATA_DISABLED",
		"AWS_ENDPOINT_URL"} {
		t.Setenv(name, s.getenv(name))
	}
	starts, err := s.measure(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	want := "\n- stock: of 1 instances 1 show their client token, and the filter `client-token` finds 1\n" +
		"- spot: of 1 instances 0 show their client token, and the filter `client-token` finds 0\n"
	if diff := cmp.Diff(want, tokens(s.variants, starts)); diff != "" {
		t.Error(diff)
	}
	nothingLeft(t, world)
}

// TestMeasure runs every variant from plan to report: each start gets its own job, every phase is reported, and nothing
// is left.
func TestMeasure(t *testing.T) {
	t.Parallel()
	s, world := inWorld(t, stock, baked, warm, ephemeral)
	starts, err := s.measure(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if len(starts) != 8 {
		t.Errorf("%d starts, want 8", len(starts))
	}
	running := 0.0 // seconds, of all: the summary tells tenths, and in this world twenty seconds pass in one
	for _, one := range starts {
		running += one.Phases[toRunning]
		for _, phase := range phases {
			if _, told := one.Phases[phase]; !told {
				t.Errorf("%s does not tell %s: %v", one.Label, phase, one.Phases)
			}
		}
		// GitHub returns whole seconds, of which this world has twenty in one
		if len(one.Jobs) != 1 || one.Jobs[0].CPU != 97 {
			t.Errorf("%s: the job's report is %+v", one.Label, one.Jobs)
		}
		if one.Failed != "" || one.Phases[toRunning] < 0 || one.Phases[whole] < -1 {
			t.Errorf("%s: %+v", one.Label, one)
		}
	}
	if running == 0 {
		t.Error("no start tells how long its machine took to run")
	}
	for _, j := range world.Jobs() {
		if j.State != "done" {
			t.Errorf("the job of %s is %s", j.Label, j.State)
		}
	}
	nothingLeft(t, world)
	started := 0
	for _, call := range world.Calls() {
		if call.Operation == "StartInstances" {
			started++
		}
	}
	if started != 2 {
		t.Errorf("%d warm machines were started, want 2", started)
	}
}

// TestAStartFails: without capacity for one start, the other is measured, the failure is reported, and nothing is left.
func TestAStartFails(t *testing.T) {
	t.Parallel()
	s, world := inWorld(t, stock)
	world.AddFault(simulator.Fault{Match: simulator.Match{Operation: "RunInstances"}, Times: 1,
		Effect: simulator.EffectError, Code: "InsufficientInstanceCapacity"})
	starts, err := s.measure(t.Context())
	if err == nil || !strings.Contains(err.Error(), "InsufficientInstanceCapacity") {
		t.Errorf("got %v", err)
	}
	text := report(s.variants, starts)
	if !strings.Contains(text, "| starts, and how many failed | 2 | 1 |") ||
		!strings.Contains(text, "| requested → launched | ") {
		t.Errorf("the report says\n%s", text)
	}
	nothingLeft(t, world)
}

// TestCancelled: a measurement that is cancelled while its machines boot terminates them and reports it.
func TestCancelled(t *testing.T) {
	t.Parallel()
	s, world := inWorld(t, stock)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var once sync.Once
	world.OnRequest(func(req *http.Request, _ *http.Response) {
		if strings.Contains(req.Header.Get("Authorization"), "/ec2/") {
			for _, i := range world.Snapshot().Instances {
				if !i.Initial {
					once.Do(cancel)
				}
			}
		}
	})
	if _, err := s.measure(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	nothingLeft(t, world)
}

// TestClean: the workflow's last job, a process of its own, terminates what a killed measurement left, and its pool.
func TestClean(t *testing.T) {
	t.Parallel()
	s, world := inWorld(t, warm)
	if _, err := s.step(t.Context(), map[string]string{
		"mode": "start", "ec2-image-id": s.launch.image, "ec2-instance-type": s.launch.instanceType,
		"subnet-id": s.launch.subnet, "security-group-id": s.launch.group,
	}); err != nil {
		t.Fatal(err)
	}
	if err := s.fill(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := s.clean(t.Context()); err != nil {
		t.Fatal(err)
	}
	nothingLeft(t, world)
}

// TestCheck: what cannot be measured is refused at once and before any call.
func TestCheck(t *testing.T) {
	t.Parallel()
	s := &session{variants: []string{"baked", "frozen"}, runs: 1, getenv: func(string) string { return "" }}
	want := `GITHUB_REPOSITORY is not set: run it in a workflow
GITHUB_RUN_ID is not set: run it in a workflow
the variant baked needs -baked-image, the id that mode bake gives
variant "frozen" does not exist: use stock, baked, warm, ephemeral or spot
-runs and -at-once must be at least 1`
	if diff := cmp.Diff(want, s.check(false).Error()); diff != "" {
		t.Error(diff)
	}
}
