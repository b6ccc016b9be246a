//go:build real

package act

import (
	"crypto/x509"
	"encoding/pem"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/marqo-ai/ec2-github-runner/test/simulator"
)

// What the variables AWS_ROLE and RUNNER_APP hold.
const (
	role     = "arn:aws:iam::123456789012:role/runner"
	clientID = "Iv23demo"
)

// byOIDC is what a repository's settings and GitHub's runner give to a job that signs in at AWS by OIDC and at GitHub
// as an App.
func (c *clouds) byOIDC(t *testing.T) []string {
	t.Helper()
	words := []string{"--var", "AWS_ROLE=" + role, "--var", "RUNNER_APP=" + clientID, "--secret", "RUNNER_APP_KEY=" +
		c.key()}
	for _, each := range c.tokenEndpoint() {
		words = append(words, "--env", each)
	}
	return words
}

// tokenEndpoint is what GitHub's runner sets in a job with permissions: id-token: write.
func (c *clouds) tokenEndpoint() []string {
	_, path, _ := strings.Cut(strings.TrimPrefix(simulator.IDTokenURL, "https://"), "/")
	return []string{"ACTIONS_ID_TOKEN_REQUEST_URL=" + c.ec2.URL + "/" + path, "ACTIONS_ID_TOKEN_REQUEST_TOKEN=" +
		simulator.IDTokenBearer}
}

// key is the App's, as GitHub lets its owner download it.
func (c *clouds) key() string {
	return string(pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY",
		Bytes: x509.MarshalPKCS1PrivateKey(c.world.AppKey())}))
}

// signedIn demands that so many steps have signed in, at AWS by OIDC and at GitHub as the App, and that the log shows
// no secret of it.
func (c *clouds) signedIn(t *testing.T, log string, steps int) {
	t.Helper()
	const assume, token = "AssumeRoleWithWebIdentity", "apps/create-installation-access-token"
	if diff := cmp.Diff(map[string]int{assume: steps, token: steps}, c.count(assume, token)); diff != "" {
		t.Errorf("sign-ins (-want +got):\n%s", diff)
	}
	for line := range strings.Lines(c.key()) {
		if line = strings.TrimSpace(line); !strings.HasPrefix(line, "-----") && strings.Contains(log, line) {
			t.Fatalf("the log shows a line of the App's key: %s", line)
		}
	}
	for _, form := range []string{`ghs_\w+`, `eyJ[\w-]{10,}`, `secret-[0-9a-f]{20,}`, `session-token-[0-9a-f]{20,}`} {
		for _, line := range regexp.MustCompile(`(?m)^.*`+form+`.*$`).FindAllString(log, -1) {
			if !strings.Contains(line, "::add-mask::") {
				t.Errorf("the log shows a secret: %s", line)
			}
		}
	}
}

// openWorkflow is a repository with one workflow, which runs as it is but for the label of the start: act knows the
// machine of a job by its label alone. The action is the released form of the real image.
func openWorkflow(t *testing.T, cfg simulator.Config, text, label string) *pipeline {
	t.Helper()
	p := &pipeline{clouds: openClouds(t, cfg), repository: t.TempDir(), shelf: t.TempDir()}
	const start = "          mode: start\n"
	if label != "" {
		if strings.Count(text, start) != 1 {
			t.Fatalf("the workflow has not one start:\n%s", text)
		}
		text = strings.Replace(text, start, start+"          label: "+label+"\n", 1)
	}
	write(t, filepath.Join(p.repository, ".github", "workflows", "workflow.yml"), []byte(text), 0o644)
	p.git(t, "init", "--quiet", "--initial-branch=main")
	p.git(t, "remote", "add", "origin", p.github.URL+"/demo-org/demo.git")
	p.commit(t)
	p.layOut(t)
	return p
}

// readmeWorkflow is the first workflow of README.
func readmeWorkflow(t *testing.T) string {
	t.Helper()
	readme, err := os.ReadFile(filepath.Join(project, "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	_, rest, found := strings.Cut(string(readme), "\n```yaml\n")
	text, _, closed := strings.Cut(rest, "```\n")
	if !found || !closed || !strings.Contains(text, "role-to-assume") || !strings.Contains(text, "app-private-key") {
		t.Fatalf("README's first workflow does not sign in by itself:\n%s", text)
	}
	return text
}

// TestReadmeWorkflow: README's first workflow signs in by OIDC and as a GitHub App in its one step, and runs its job.
func TestReadmeWorkflow(t *testing.T) {
	p := openWorkflow(t, simulator.Config{}, readmeWorkflow(t), "act-readme")
	out := p.run(t, []string{"act-readme"}, append([]string{"push", "--workflows", ".github/workflows/workflow.yml"},
		p.byOIDC(t)...)...)
	if out.code != 0 {
		t.Errorf("act's exit code is %d", out.code)
	}
	if diff := cmp.Diff(map[string]int{"start": 1, "test": 1}, succeeded(out.text)); diff != "" {
		t.Errorf("jobs that succeeded (-want +got):\n%s", diff)
	}
	if !regexp.MustCompile(`(?m)\| Hello from \S+$`).MatchString(out.text) {
		t.Error("the log lacks the words of the job")
	}
	p.signedIn(t, out.text, 1)
	p.endJobs(t)
}

// TestSeparateSteps: the form with a step each for AWS and for GitHub still runs.
func TestSeparateSteps(t *testing.T) {
	text, err := os.ReadFile(filepath.Join(project, "examples", "separate-steps.yml"))
	if err != nil {
		t.Fatal(err)
	}
	p := openWorkflow(t, simulator.Config{}, string(text), "act-separate")
	out := p.run(t, []string{"act-separate"}, append([]string{"push", "--workflows", ".github/workflows/workflow.yml"},
		p.byOIDC(t)...)...)
	if out.code != 0 {
		t.Errorf("act's exit code is %d", out.code)
	}
	if diff := cmp.Diff(map[string]int{"start": 1, "test": 1}, succeeded(out.text)); diff != "" {
		t.Errorf("jobs that succeeded (-want +got):\n%s", diff)
	}
	p.signedIn(t, out.text, 1)
	p.endJobs(t)
}

// endJobs gives each runner that waits the one job that it is for, and demands that nothing is left then. act runs a
// job in a container and not on the simulated machine.
func (p *pipeline) endJobs(t *testing.T) {
	t.Helper()
	_, runners := p.world.Leftovers()
	for _, r := range runners {
		p.world.RunJob(r.Labels[len(r.Labels)-1], time.Second)
	}
	p.settledSoon(t)
}
