package script

import (
	"bytes"
	"context"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"maps"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/marqo-ai/ec2-github-runner/test/simulator"
	"github.com/marqo-ai/ec2-github-runner/test/simulator/step"
)

// example is a workflow that users copy, with its jobs in the order of the file.
type example struct {
	path, text string
	workflow   workflow
	order      []string
}

const ours = "marqo-ai/ec2-github-runner@v2"

// readExamples reads all of them: single files, those of the example repository, and those on the question pages.
func readExamples(t *testing.T) []example {
	t.Helper()
	var list []example
	for _, pattern := range []string{"examples/*.yml", "examples/marqo/.github/workflows/*.yml"} {
		paths, err := filepath.Glob(pattern)
		if err != nil || len(paths) < 6 {
			t.Fatalf("%s: %v, %v", pattern, paths, err)
		}
		for _, path := range paths {
			text, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			list = append(list, parseExample(t, path, string(text)))
		}
	}
	return append(list, readPages(t, "docs/questions/*.md")...)
}

func parseExample(t *testing.T, path, text string) example {
	t.Helper()
	var ordered struct {
		Jobs yaml.Node `yaml:"jobs"`
	}
	e := example{path: path, text: text}
	for _, into := range []any{&ordered, &e.workflow} {
		if err := yaml.Unmarshal([]byte(text), into); err != nil {
			t.Fatalf("%s: %v", path, err)
		}
	}
	for i := 0; i < len(ordered.Jobs.Content); i += 2 {
		e.order = append(e.order, ordered.Jobs.Content[i].Value)
	}
	return e
}

// readContract reads the action's inputs, true for the required ones, and its outputs.
func readContract(t *testing.T) (inputs map[string]bool, outputs map[string]bool) {
	t.Helper()
	text, err := os.ReadFile("action.yml")
	if err != nil {
		t.Fatal(err)
	}
	var contract struct {
		Inputs map[string]struct {
			Required bool `yaml:"required"`
		} `yaml:"inputs"`
		Outputs map[string]any `yaml:"outputs"`
	}
	if err := yaml.Unmarshal(text, &contract); err != nil {
		t.Fatal(err)
	}
	inputs, outputs = map[string]bool{}, map[string]bool{}
	for name, input := range contract.Inputs {
		inputs[name] = input.Required
	}
	for name := range contract.Outputs {
		outputs[name] = true
	}
	return inputs, outputs
}

// TestExamplesAreCareful: each example begins with a comment on what it shows, has minimal permissions and timeouts,
// and pins foreign actions to a commit.
func TestExamplesAreCareful(t *testing.T) {
	t.Parallel()
	pinned := regexp.MustCompile(`^[\w.-]+/[\w.-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+$`)
	readme, err := os.ReadFile("examples/README.md")
	if err != nil {
		t.Fatal(err)
	}
	commits := map[string]string{}
	for _, e := range readExamples(t) {
		if !regexp.MustCompile(`^# [A-Z][^\n]{20,}\n(# [^\n]+\n){0,2}name: `).MatchString(e.text) {
			t.Errorf("%s does not begin with a comment of one to three lines on what it shows", e.path)
		}
		if name := strings.TrimPrefix(e.path, "examples/"); !strings.Contains(string(readme), "("+name+")") &&
			!strings.HasPrefix(name, "marqo/") && !e.inPage() {
			t.Errorf("examples/README.md does not list %s", name)
		}
		for _, line := range regexp.MustCompile(`(?m)^[ -]*uses: +(.+)$`).FindAllStringSubmatch(e.text, -1) {
			action, commit, _ := strings.Cut(line[1], "@")
			if strings.HasPrefix(line[1], "./") || strings.HasPrefix(line[1], "marqo-ai/ec2-github-runner") {
				continue
			}
			if other, seen := commits[action]; !pinned.MatchString(line[1]) || seen && other != commit {
				t.Errorf("%s: %s is not pinned as owner/name@commit # vX.Y.Z, the same everywhere", e.path, line[1])
			}
			commits[action] = commit
		}
		if e.workflow.Permissions == nil || strings.Contains(fmt.Sprint(e.workflow.Permissions), "write") {
			t.Errorf("%s: the permissions of all jobs are %v", e.path, e.workflow.Permissions)
		}
		if !strings.Contains(e.text, "\nconcurrency:\n") && !strings.Contains(e.text, "workflow_call:") {
			t.Errorf("%s: it has no concurrency group", e.path)
		}
		for name, job := range e.workflow.Jobs {
			checkExampleJob(t, e.path+" "+name, job)
		}
	}
	own, err := os.ReadFile(".github/workflows/ci.yml")
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(own), "actions/checkout@"+commits["actions/checkout"]) {
		t.Errorf("the examples check out by %s, but ci.yml by another version", commits["actions/checkout"])
	}
}

func checkExampleJob(t *testing.T, where string, job workflowJob) {
	t.Helper()
	oidc := job.Uses != ""
	for _, s := range job.Steps {
		if s.With["role-to-assume"] != nil {
			oidc = true
		}
		if strings.HasPrefix(s.Uses, "actions/checkout@") && s.With["persist-credentials"] != false {
			t.Errorf("%s: the checkout keeps its token (set persist-credentials: false)", where)
		}
		if strings.Contains(s.Run, "${{") {
			t.Errorf("%s: a script contains an expression: pass it by env", where)
		}
	}
	if job.Uses == "" && job.Timeout == nil {
		t.Errorf("%s has no timeout-minutes", where)
	}
	for right, level := range job.Permissions {
		if level == "write" && (right != "id-token" || !oidc) {
			t.Errorf("%s: the permission %s: write is not needed", where, right)
		}
	}
	if oidc && job.Permissions["id-token"] != "write" {
		t.Errorf("%s: it assumes a role without id-token: write", where)
	}
}

// separate matches the examples that show credentials by steps of their own.
var separate = regexp.MustCompile(`^(examples/separate-steps\.yml|docs/three-jobs\.md#\d+)$`)

// TestExamplesSignIn: each step that uses the action signs in by itself, in all examples but those that show the other
// form.
func TestExamplesSignIn(t *testing.T) {
	t.Parallel()
	others := regexp.MustCompile(`^(aws-actions/configure-aws-credentials|actions/create-github-app-token)@`)
	apart := map[string]bool{}
	for _, e := range slices.Concat(readExamples(t), readPages(t, "README.md"), readPages(t, "docs/*.md")) {
		for name, job := range e.workflow.Jobs {
			where := e.path + " " + name
			ours, theirs := false, false
			for _, s := range job.Steps {
				theirs = theirs || others.MatchString(s.Uses)
				if !strings.HasPrefix(s.Uses, "marqo-ai/ec2-github-runner@") {
					continue
				}
				ours = true
				if theirs {
					continue
				}
				if s.With["aws-region"] == nil || s.With["role-to-assume"] == nil && s.Env["AWS_ACCESS_KEY_ID"] == "" {
					t.Errorf("%s: the step does not sign in at AWS", where)
				}
				if s.With["app-client-id"] == nil || s.With["app-private-key"] == nil {
					t.Errorf("%s: the step does not sign in at GitHub as an App", where)
				}
			}
			if ours && theirs {
				apart[e.path] = true
				if !separate.MatchString(e.path) {
					t.Errorf("%s: another step gets the credentials", where)
				}
			}
		}
	}
	if len(apart) != 2 {
		t.Errorf("the other form is shown by %v, want examples/separate-steps.yml and docs/three-jobs.md",
			slices.Sorted(maps.Keys(apart)))
	}
}

// TestExamplesRouting: no job that starts or stops machines can run on a machine of ours, which it may be about to
// terminate: it runs on GitHub's runners, or requests a label of its own, since our machines have self-hosted, their
// system and their architecture.
func TestExamplesRouting(t *testing.T) {
	t.Parallel()
	for _, e := range readExamples(t) {
		for name, job := range e.workflow.Jobs {
			for _, s := range job.Steps {
				if s.Uses == ours && !isElsewhere(job.RunsOn) {
					t.Errorf("%s: job %s runs on %v, which machines of ours may have too", e.path, name, job.RunsOn)
				}
			}
		}
	}
	for runsOn, want := range map[any]bool{"ubuntu-24.04": true, "ubuntu-slim": true, "self-hosted": false,
		"linux":                            false,
		"${{ needs.start.outputs.label }}": false} {
		if got := isElsewhere(runsOn); got != want {
			t.Errorf("%v: %t", runsOn, got)
		}
	}
}

// isElsewhere reports whether a job with these labels can never run on a machine of ours.
func isElsewhere(runsOn any) bool {
	labels, isList := runsOn.([]any)
	if !isList {
		labels = []any{runsOn}
	}
	return slices.ContainsFunc(labels, func(l any) bool {
		label := strings.ToLower(fmt.Sprint(l))
		return !strings.Contains(label, "${{") && !slices.Contains([]string{"self-hosted", "linux", "x64", "arm64",
			"<nil>"},
			label)
	})
}

// TestExamplesRun runs the action's steps of each example by the real program, in a world that has everything they
// name. Nothing may be left, and a machine without a stop must end with its job.
func TestExamplesRun(t *testing.T) {
	t.Parallel()
	inputs, outputs := readContract(t)
	ran := map[string]bool{}
	for _, e := range slices.Concat(readExamples(t), readPages(t, "README.md"), readPages(t, "docs/*.md")) {
		modes := e.modes()
		if len(modes) == 0 {
			continue
		}
		for _, mode := range modes {
			ran[mode] = true
		}
		t.Run(strings.TrimPrefix(e.path, "examples/"), func(t *testing.T) {
			t.Parallel()
			stage := openStage(t)
			if strings.Contains(e.text, "app-client-id: ") {
				stage.values["secrets.RUNNER_TOKEN"] = "" // a repository has one or the other
			}
			// What people keep as secrets, in addition to the inputs below.
			masks := step.NewMasks("us-east-1", "us-east-1a", "123456789012")
			var pool map[string]string
			for _, name := range e.order {
				job := e.workflow.Jobs[name]
				for _, s := range job.Steps {
					if s.Uses != ours {
						continue
					}
					with := map[string]string{}
					for input, value := range s.With {
						if _, known := inputs[input]; !known {
							t.Errorf("the action has no input %s", input)
						}
						with[input] = stage.fill(t, fmt.Sprint(value))
						if slices.Contains(keptSecret, input) {
							masks.Add(with[input])
						}
					}
					for input, required := range inputs {
						if required && with[input] == "" {
							t.Errorf("the step does not set %s", input)
						}
					}
					if with["mode"] == "pool" {
						pool = with
					}
					for output, value := range stage.run(t, name, with) {
						stage.values["steps."+s.ID+".outputs."+output] = value
					}
				}
				for output, value := range job.Outputs {
					from := regexp.MustCompile(`steps\.\w+\.outputs\.([\w-]+)`).FindStringSubmatch(value)
					if from == nil ||
						!outputs[from[1]] {
						t.Errorf("the action has no output %s", value)
					}
					whole := stage.fill(t, value)
					arrived := masks.JobOutput(whole)
					if arrived != whole && output != "region" {
						t.Errorf("the output %s of job %s is dropped, since it contains the secret %q: %s", output,
							name, masks.Hides(whole), whole)
					}
					stage.values["needs."+name+".outputs."+output] = arrived
				}
			}
			if pool != nil {
				if said := stage.values["steps..outputs.pool"]; !strings.Contains(said, `"size":`+pool["pool-size"]) ||
					!strings.Contains(said, `"launched":`+pool["pool-size"]) {
					t.Errorf("the pool is %s", said)
				}
				pool["pool-size"] = "0"
				stage.run(t, "empty", pool)
			}
			stage.settle(t, slices.Contains(modes, "stop"))
		})
	}
	for _, mode := range []string{"start", "stop", "sweep", "check", "bake", "pool"} {
		if !ran[mode] {
			t.Errorf("no example shows mode %s", mode)
		}
	}
}

// keptSecret are inputs whose values people keep as secrets, so that GitHub masks them and drops outputs that contain
// them.
var keptSecret = []string{"ec2-image-id", "ec2-instance-type", "subnet-id", "security-group-id", "iam-role-name",
	"region"}

// modes returns the modes of the example's steps, in order.
func (e example) modes() (modes []string) {
	for _, name := range e.order {
		for _, s := range e.workflow.Jobs[name].Steps {
			if s.Uses == ours {
				modes = append(modes, fmt.Sprint(s.With["mode"]))
			}
		}
	}
	return modes
}

// stage is a world with everything that the examples name, and the values of their expressions.
type stage struct {
	world  *simulator.World
	runner step.Runner
	values map[string]string
}

func openStage(t *testing.T, changes ...func(*simulator.Config)) *stage {
	t.Helper()
	cfg := simulator.Config{Speed: 50}
	cfg.Tokens = []simulator.Token{
		{Value: "ghp_demo", Login: "demo-user", Admin: []string{"demo-org/demo"}, Actions: true},
		{Value: "ghs_demo", Login: "app", Admin: []string{"demo-org/demo", "my-org"}, Actions: true},
	}
	cfg.Roles = []simulator.Role{{Name: "runner"}}
	cfg.Apps = []simulator.App{{
		ID: 4711, ClientID: "Iv23demo", Slug: "runner-app", Permissions: map[string]string{"administration": "write",
			"actions": "read", "metadata": "read"},
		Installations: []simulator.Installation{
			{ID: 8, Account: "demo-org"},
			{ID: 9, Account: "my-org", Permissions: map[string]string{"organization_self_hosted_runners": "write",
				"metadata": "read"}},
		},
	}}
	cfg.RunnerGroups = []simulator.RunnerGroup{{Scope: "my-org", ID: 5, Name: "ec2"}}
	cfg.More.InstanceTypes = []simulator.InstanceType{{Name: "g6.xlarge", Architecture: "x86_64", VCPUs: 4,
		MemoryMiB: 16384, GPU: "L4"}}
	near, group := simulator.Defaults().Subnets[0], simulator.Defaults().SecurityGroups[0]
	for i := range 2 {
		subnet, sg := near, group
		subnet.ID, sg.ID, sg.Name = fmt.Sprintf("subnet-0123456789abcdef%d", i), fmt.Sprintf("sg-0123456789abcdef%d",
			i),
			fmt.Sprintf("example-%d", i)
		subnet.CIDR = fmt.Sprintf("172.31.%d.0/20", 128+16*i)
		cfg.More.Subnets, cfg.More.SecurityGroups = append(cfg.More.Subnets, subnet), append(cfg.More.SecurityGroups,
			sg)
	}
	stock := simulator.Image{Region: "us-east-1", Owner: "self", Architecture: "x86_64", RootDevice: "/dev/sda1",
		Created: time.Now().Add(-24 * time.Hour).UTC().Format("2006-01-02T15:04:05.000Z")}
	for i, architecture := range []string{"", "arm64", "cuda", "amd64"} {
		image := stock
		image.ID, image.Name = fmt.Sprintf("ami-0123456789abcdef%d", i), "example-"+architecture
		if architecture != "" {
			image.Tags = map[string]string{"ec2-github-runner:architecture": architecture}
		}
		if architecture == "arm64" {
			image.Architecture = "arm64"
		}
		cfg.More.Images = append(cfg.More.Images, image)
	}
	cfg.Instances = []simulator.InstanceSeed{{ID: "i-0123456789abcdef0", State: "stopped", Runner: "gpu-box",
		Tags: map[string]string{"Role": "gpu-runner"}}}
	cfg.Runners = []simulator.RunnerSeed{{Name: "gpu-box", ID: 77, Labels: []string{"self-hosted", "Linux", "X64",
		"gpu"},
		Offline: true}}
	for _, change := range changes {
		change(&cfg)
	}
	world := simulator.New(cfg)
	server, err := simulator.Listen(world)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = server.Close() })
	program, err := exec.LookPath("ec2-github-runner")
	if err != nil {
		t.Fatal(err)
	}
	workspace, err := filepath.Abs("examples/marqo")
	if err != nil {
		t.Fatal(err)
	}
	tls := httptest.NewTLSServer(nil)
	defer tls.Close()
	return &stage{
		world: world,
		runner: step.Runner{
			Command: []string{"env", "GITHUB_WORKSPACE=" + workspace, program}, Folder: t.TempDir(), Server: server,
			Region: "us-east-1", Repository: "demo-org/demo", Run: "4711",
		},
		values: map[string]string{
			"false": "false", "inputs.force": "",
			"needs.test.result == 'failure' && 30": "", "0": "0", // its job has succeeded
			"secrets.RUNNER_TOKEN": "ghp_demo", "steps.app.outputs.token": "ghs_demo", "vars.RUNNER_APP": "Iv23demo",
			"secrets.RUNNER_APP_KEY": appKey(world), "vars.AWS_ROLE": "arn:aws:iam::123456789012:role/runner",
			"vars.AWS_REGION":            "us-east-1",
			"vars.RUNNER_SUBNETS":        "subnet-0123456789abcdef0 subnet-0123456789abcdef1",
			"vars.RUNNER_SECURITY_GROUP": "sg-0123456789abcdef0", "vars.RUNNER_IMAGE": "ami-0123456789abcdef0",
			"vars.RUNNER_GPU_IMAGE": "ami-0123456789abcdef2",
			"github.run_id":         "4711", "inputs.architecture": "amd64", "inputs.environment": "py3-local_os",
			"vars.PRIVATE_CA": string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE",
				Bytes: tls.Certificate().Raw})),
		},
	}
}

// appKey returns the private key of the world's App, as downloaded from GitHub.
func appKey(world *simulator.World) string {
	return string(pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY",
		Bytes: x509.MarshalPKCS1PrivateKey(world.AppKey())}))
}

// fill replaces expressions by values; of A || B it takes the first that is not empty.
func (s *stage) fill(t *testing.T, text string) string {
	t.Helper()
	return regexp.MustCompile(`\$\{\{ (.+?) \}\}`).ReplaceAllStringFunc(text, func(found string) string {
		var value string
		for _, name := range strings.Split(found[4:len(found)-3], " || ") {
			key := ""
			if parts := regexp.MustCompile(`^fromJSON\((.+)\)\.(\w+)$`).FindStringSubmatch(name); parts != nil {
				name, key = parts[1], parts[2]
			}
			each, known := s.values[name]
			if !known {
				t.Errorf("%s has no value", name)
			}
			if key != "" {
				var object map[string]string
				if err := json.Unmarshal([]byte(each), &object); err != nil {
					t.Errorf("read %s: %v", name, err)
				}
				each = object[key]
			}
			if value == "" {
				value = each
			}
		}
		return value
	})
}

func (s *stage) run(t *testing.T, name string, with map[string]string) map[string]string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	var log bytes.Buffer
	running, err := s.runner.Start(ctx, name, with, &log)
	if err != nil {
		t.Fatal(err)
	}
	result, err := running.Wait()
	if err != nil || result.Exit != 0 || strings.Contains(log.String(), "::warning") {
		t.Errorf("mode %s: %v, exit code %d, want success without warnings:\n%s", with["mode"], err, result.Exit,
			log.String())
	}
	return result.Outputs
}

// settle fails the test unless nothing is left; a machine that no step stops gets its one job first.
func (s *stage) settle(t *testing.T, stopped bool) {
	t.Helper()
	if !stopped {
		_, runners := s.world.Leftovers()
		for _, runner := range runners {
			s.world.RunJob(runner.Labels[len(runner.Labels)-1], time.Second)
		}
	}
	deadline, ticks := time.After(20*time.Second), time.NewTicker(20*time.Millisecond)
	defer ticks.Stop()
	for {
		instances, runners := s.world.Leftovers()
		if len(instances)+len(runners) == 0 {
			break
		}
		select {
		case <-ticks.C:
		case <-deadline:
			t.Fatalf("left behind: instances %v, runners %v", instances, runners)
		}
	}
	if changed := append(s.world.Changed(), s.world.Surprises()...); len(changed) > 0 {
		t.Errorf("changed foreign things, or called what the simulator does not model: %v", changed)
	}
}
