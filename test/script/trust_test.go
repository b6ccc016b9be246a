package script

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/marqo-ai/ec2-github-runner/test/guide"
	"github.com/marqo-ai/ec2-github-runner/test/simulator"
	"github.com/marqo-ai/ec2-github-runner/test/simulator/step"
)

// templateRole returns the role that docs/aws/ec2-github-runner.yml creates for the repository demo-org/demo with the
// numbers 1 and 2.
func templateRole(t *testing.T, subject string) simulator.Role {
	t.Helper()
	template, err := guide.ReadTemplate("docs/aws/ec2-github-runner.yml")
	if err != nil {
		t.Fatal(err)
	}
	parameters := map[string]string{
		"Repository": "demo-org/demo", "OwnerId": "1", "RepositoryId": "2",
		"OidcProviderArn": "arn:aws:iam::123456789012:oidc-provider/token.actions.githubusercontent.com",
	}
	if subject != "" {
		parameters["Subject"] = subject
	}
	made, err := template.Evaluate(parameters)
	if err != nil {
		t.Fatal(err)
	}
	properties := made["Role"].(map[string]any)["Properties"].(map[string]any)
	trust, err := json.Marshal(properties["AssumeRolePolicyDocument"])
	if err != nil {
		t.Fatal(err)
	}
	return simulator.Role{Name: "runner", Trust: string(trust)}
}

// pageRole returns a role with the trust policy of docs/permissions.md.
func pageRole(t *testing.T) simulator.Role {
	t.Helper()
	page, err := os.ReadFile("docs/permissions.md")
	if err != nil {
		t.Fatal(err)
	}
	_, section, _ := strings.Cut(string(page), "\n## OIDC trust policy\n")
	found := regexp.MustCompile("(?s)```json\n(.*?)```").FindStringSubmatch(section)
	if found == nil {
		t.Fatal("docs/permissions.md has no trust policy")
	}
	text := strings.NewReplacer("ACCOUNT", "123456789012", "OWNER-ID", "1", "REPO-ID", "2", "OWNER", "demo-org", "REPO",
		"demo").Replace(found[1])
	return simulator.Role{Name: "runner", Trust: text}
}

// TestTrustPolicies: the roles of the CloudFormation template and of docs/permissions.md allow the action to sign in
// from the repository's jobs, with either form of their subject, and from no others.
// https://docs.github.com/en/actions/reference/security/oidc#immutable-subject-claims
func TestTrustPolicies(t *testing.T) {
	t.Parallel()
	program, err := exec.LookPath("ec2-github-runner")
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		role    simulator.Role
		subject string
		want    bool
	}{
		"template, names":              {templateRole(t, ""), "repo:demo-org/demo:ref:refs/heads/main", true},
		"template, numbers":            {templateRole(t, ""), "repo:demo-org@1/demo@2:environment:ci", true},
		"template, a later repository": {templateRole(t, ""), "repo:demo-org@1/demo@3:ref:refs/heads/main", false},
		"template, another owner":      {templateRole(t, ""), "repo:other-org/demo:ref:refs/heads/main", false},
		"template, a longer name":      {templateRole(t, ""), "repo:demo-org/demo-2:ref:refs/heads/main", false},
		"template, a branch": {templateRole(t, "ref:refs/heads/main"), "repo:demo-org/demo:ref:refs/heads/main",
			true},
		"template, a branch by numbers": {templateRole(t, "ref:refs/heads/main"),
			"repo:demo-org@1/demo@2:ref:refs/heads/main", true},
		"template, another branch": {templateRole(t, "ref:refs/heads/main"), "repo:demo-org/demo:ref:refs/heads/x",
			false},
		"permissions.md, names":            {pageRole(t), "repo:demo-org/demo:pull_request", true},
		"permissions.md, numbers":          {pageRole(t), "repo:demo-org@1/demo@2:ref:refs/heads/main", true},
		"permissions.md, another":          {pageRole(t), "repo:demo-org/other:ref:refs/heads/main", false},
		"permissions.md, other numbers":    {pageRole(t), "repo:demo-org@1/demo@22:ref:refs/heads/main", false},
		"permissions.md, an owner's twin":  {pageRole(t), "repo:demo-org@11/demo@2:ref:refs/heads/main", false},
		"permissions.md, upper-case names": {pageRole(t), "repo:Demo-Org/demo:ref:refs/heads/main", false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			world := simulator.New(simulator.Config{Speed: 50, Roles: []simulator.Role{c.role},
				OIDC: simulator.OIDC{Subject: c.subject}})
			server, err := simulator.Listen(world)
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = server.Close() }()
			r := step.Runner{
				Command: []string{program}, Folder: t.TempDir(), Server: server, Region: "us-east-1",
				Repository: "demo-org/demo",
				Run:        "1",
			}
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			defer cancel()
			var log bytes.Buffer
			running, err := r.Start(ctx, "sweep", map[string]string{
				"mode": "sweep", "github-token": "ghp_demo", "aws-region": "us-east-1",
				"role-to-assume": "arn:aws:iam::123456789012:role/runner",
			}, &log)
			if err != nil {
				t.Fatal(err)
			}
			result, err := running.Wait()
			if err != nil {
				t.Fatal(err)
			}
			if got := result.Exit == 0; got != c.want {
				t.Errorf("exit code %d, want success %t:\n%s", result.Exit, c.want, log.String())
			}
			if !c.want && !strings.Contains(log.String(), c.subject) {
				t.Errorf("the refusal does not show the subject %s:\n%s", c.subject, log.String())
			}
		})
	}
}
