//go:build real

package act

import (
	"bytes"
	"encoding/pem"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/marqo-ai/ec2-github-runner/test/openapi"
	"github.com/marqo-ai/ec2-github-runner/test/simulator"
)

// clouds is a simulated world on loopback, reached as the action in its container reaches the real
// one: EC2 by AWS_ENDPOINT_URL, and GitHub by TLS at the address of an Enterprise Server, since act
// sets GITHUB_API_URL itself, as the real runner does.
type clouds struct {
	world  *simulator.World
	ec2    *httptest.Server
	github *httptest.Server
	// fromSource lets act build the action's image from the checkout's Dockerfile, as GitHub does. Elsewhere the image
	// is the one that was built from these very files already.
	fromSource bool

	mu         sync.Mutex
	complaints []string
}

func openClouds(t *testing.T, cfg simulator.Config) *clouds {
	t.Helper()
	if cfg.Speed == 0 {
		cfg.Speed = 20
	}
	cfg.Roles = []simulator.Role{{Name: "runner"}}
	cfg.Apps = []simulator.App{{
		ID: 4711, ClientID: clientID, Slug: "runner-app", Permissions: map[string]string{"administration": "write",
			"actions": "read", "metadata": "read"},
		Installations: []simulator.Installation{{ID: 8, Account: "demo-org"}},
	}}
	c := &clouds{world: simulator.New(cfg)}
	validator, err := openapi.New()
	if err != nil {
		t.Fatal(err)
	}
	c.world.OnRequest(func(req *http.Request, resp *http.Response) {
		if !strings.Contains(req.URL.Path, "/api/v3/") {
			return
		}
		sent, got := readAll(t, req.Body), readAll(t, resp.Body)
		if err := validator.Check(req, sent, resp, got); err != nil {
			c.mu.Lock()
			c.complaints = append(c.complaints, err.Error())
			c.mu.Unlock()
		}
	})
	c.ec2 = httptest.NewServer(c.world.EC2Handler())
	c.github = httptest.NewTLSServer(c.world.GitHubHandler())
	t.Cleanup(c.ec2.Close)
	t.Cleanup(c.github.Close)
	return c
}

func readAll(t *testing.T, body io.Reader) []byte {
	if body == nil {
		return nil
	}
	text, err := io.ReadAll(body)
	if err != nil {
		t.Error(err)
	}
	return text
}

// act runs a workflow of testdata in a fresh checkout of the project and returns its log.
func (c *clouds) act(t *testing.T, workflow string) output {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("testdata", workflow))
	if err != nil {
		t.Fatal(err)
	}
	return c.actText(t, text, "act-runner")
}

// actText runs a workflow whose jobs run on ubuntu-latest and on runners with these labels.
func (c *clouds) actText(t *testing.T, workflow []byte, labels ...string) output {
	t.Helper()
	dir, words := c.prepare(t, workflow, labels...)
	out := run(t, 5*time.Minute, dir, words[0], words[1:]...)
	logOnFailure(t, out)
	return out
}

// actCancelled runs a workflow and cancels it when its log matches.
func (c *clouds) actCancelled(t *testing.T, workflow []byte, marker string) output {
	t.Helper()
	dir, words := c.prepare(t, workflow)
	out := interrupted(t, 5*time.Minute, dir, regexp.MustCompile(marker), words)
	logOnFailure(t, out)
	return out
}

func logOnFailure(t *testing.T, out output) {
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("act's log:\n%s", out.text)
		}
	})
}

// prepare makes a checkout of the project with a workflow, and returns its folder and the command that runs it.
func (c *clouds) prepare(t *testing.T, workflow []byte, labels ...string) (string, []string) {
	t.Helper()
	baseImage(t, "golang")
	machine := baseImage(t, "act")
	act := must(t, 10*time.Minute, project, "scripts/tool", "--build", "act")
	act = act[strings.LastIndex(act, "\n")+1:]

	dir := checkout(t)
	release(t, filepath.Join(dir, "native"))
	if !c.fromSource {
		// act reads no .dockerignore: it would build the image anew in each checkout, half a minute of both processors.
		write(t, filepath.Join(dir, "Dockerfile"), []byte("FROM "+build(t, runtime.GOARCH)+"\n"), 0o644)
	}
	host := strings.TrimPrefix(c.github.URL, "https://")
	must(t, time.Minute, dir, "git", "remote", "add", "origin", "https://"+host+"/demo-org/demo.git")
	ca := filepath.Join(dir, "bin", "ca.pem")
	write(t, ca, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: c.github.Certificate().Raw}), 0o644)

	file := filepath.Join("bin", "workflow.yml")
	write(t, filepath.Join(dir, file), workflow, 0o644)
	words := []string{act, "push", "--workflows", file, "--no-recurse"}
	for _, label := range append([]string{"ubuntu-latest"}, labels...) {
		words = append(words, "--platform", label+"="+machine)
	}
	words = append(words, c.byOIDC(t)...)
	if !bytes.Contains(workflow, []byte("role-to-assume")) {
		words = append(words, "--env", "AWS_REGION=us-east-1", "--env", "AWS_ACCESS_KEY_ID=AKIDEXAMPLE", "--env",
			"AWS_SECRET_ACCESS_KEY=example")
	}
	return dir, append(words,
		"--github-instance", host, "--secret", "GH_PERSONAL_ACCESS_TOKEN=ghp_demo", "--secret", "RUNNER_TOKEN=ghp_demo",
		"--var", "IMAGE="+image().ID, "--var", "SUBNET="+subnet().ID, "--var", "GROUP="+
			simulator.Defaults().SecurityGroups[0].ID,
		"--var", "AWS_REGION=us-east-1", "--env", "AWS_ENDPOINT_URL="+c.ec2.URL, "--env", "SSL_CERT_FILE="+ca, "--env",
		"SSL_CERT_DIR=/none",
		"--bind", "--network", "host", "--pull=false", "--container-daemon-socket", "-", "--no-cache-server", "--rm")
}

// image and subnet are the first of the simulator's own world that fit an amd64 machine.
func image() simulator.Image {
	for _, image := range simulator.Defaults().Images {
		if image.Architecture == "x86_64" && image.Platform == "" {
			return image
		}
	}
	return simulator.Image{}
}

func subnet() simulator.Subnet { return simulator.Defaults().Subnets[0] }

// settled demands that the world is as it was before, that nobody asked for anything the services
// have not, and that GitHub's own description allows all that was said.
func (c *clouds) settled(t *testing.T) {
	t.Helper()
	instances, runners := c.world.Leftovers()
	if len(instances)+len(runners) > 0 {
		t.Errorf("left behind: instances %v, runners %v", instances, runners)
	}
	for what, list := range map[string][]string{"somebody else's, but changed": c.world.Changed(),
		"surprises": c.world.Surprises(), "against GitHub's description": c.complaints} {
		if len(list) > 0 {
			t.Errorf("%s:\n%s", what, strings.Join(list, "\n"))
		}
	}
}

// count returns how often each of the operations was asked for.
func (c *clouds) count(operations ...string) map[string]int {
	counts := map[string]int{}
	for _, call := range c.world.Calls() {
		for _, operation := range operations {
			if call.Operation == operation {
				counts[operation]++
			}
		}
	}
	return counts
}

// results reads act's log: what became of each job. A job whose label has no machine is skipped by
// act with a green exit code, and is then missing here.
func results(log string) map[string]string {
	found := map[string]string{}
	for _, match := range regexp.MustCompile(`(?m)^\[[^/\]]*/([a-z]+) *\].*Job `+
		`(succeeded|failed)`).FindAllStringSubmatch(log, -1) {
		found[match[1]] = match[2]
	}
	return found
}

// TestWorkflowStartsRunsAndStops: act builds the image from the Dockerfile that action.yml names, and starts, runs and
// stops by it.
func TestWorkflowStartsRunsAndStops(t *testing.T) {
	c := openClouds(t, simulator.Config{})
	c.fromSource = true
	out := c.act(t, "start-stop.yml")
	if out.code != 0 {
		t.Fatalf("act's exit code is %d", out.code)
	}
	if diff := cmp.Diff(map[string]string{"start": "succeeded", "job": "succeeded", "stop": "succeeded"},
		results(out.text)); diff != "" {
		t.Errorf("jobs (-want +got):\n%s", diff)
	}
	instances := c.world.Snapshot().Instances
	if len(instances) != 1 {
		t.Fatalf("%d instances were launched, want 1", len(instances))
	}
	// The job's own words, with the instance that start handed over.
	if want := "job on " + instances[0].ID + " says 42"; !strings.Contains(out.text, want) {
		t.Errorf("the log lacks the job's line %q", want)
	}
	if diff := cmp.Diff(map[string]int{"RunInstances": 1, "TerminateInstances": 1},
		c.count("RunInstances", "TerminateInstances")); diff != "" {
		t.Errorf("calls (-want +got):\n%s", diff)
	}
	for _, line := range []string{"GitHub self-hosted runner ec2-act-runner is registered and ready to use",
		"AWS EC2 instance " + instances[0].ID + " is terminated"} {
		if !strings.Contains(out.text, line) {
			t.Errorf("the log lacks %q", line)
		}
	}
	if strings.Contains(out.text, "ghp_demo") {
		t.Error("the log shows the token")
	}
	c.settled(t)
}

// A start without capacity fails its job, the job on the runner does not run, stop has nothing to do
// and is green all the same, and nothing is left.
func TestWorkflowWithoutCapacity(t *testing.T) {
	c := openClouds(t, simulator.Config{Faults: []simulator.Fault{{
		Match:  simulator.Match{Service: "ec2", Operation: "RunInstances"},
		Effect: simulator.EffectError, Code: "InsufficientInstanceCapacity", Message: "no such machine is free",
	}}})
	out := c.act(t, "start-stop.yml")
	if out.code == 0 {
		t.Error("act's exit code is 0, want a failure")
	}
	// The outputs of a start that left nothing are empty, and stop is refused without them, both as with machulav's
	// action.
	if diff := cmp.Diff(map[string]string{"start": "failed", "stop": "failed"}, results(out.text)); diff != "" {
		t.Errorf("jobs (-want +got):\n%s", diff)
	}
	for _, want := range []string{"InsufficientInstanceCapacity",
		"The 'ec2-instance-id' input is required for the 'stop' mode."} {
		if !strings.Contains(out.text, want) {
			t.Errorf("the log lacks %q", want)
		}
	}
	c.settled(t)
}
