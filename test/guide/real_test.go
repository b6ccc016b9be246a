//go:build real

package guide

import (
	"bytes"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.yaml.in/yaml/v3"

	"github.com/marqo-ai/ec2-github-runner/test/simulator"
	ghstep "github.com/marqo-ai/ec2-github-runner/test/simulator/step"
)

// The results of the steps that need an account.
var given = []string{"owner_id=1001", "owner_type=User", "repository_id=2002"}

// newcomer is a user who follows the guide in a clone of their own.
type newcomer struct {
	folder string
	env    []string
}

// TestGuide follows the guide from its first command to its last.
func TestGuide(t *testing.T) {
	moto := os.Getenv("EGR_MOTO_URL")
	if moto == "" {
		t.Fatal("EGR_MOTO_URL is not set: run this test with scripts/test-real guide")
	}
	list := readGuide(t)
	n := arrive(t, moto)
	last := len(list) - 1
	if !list[last].run || !strings.Contains(list[last].command, "delete-stack") {
		t.Fatal("the guide's last block does not delete the stack")
	}

	out := n.bash(t, strings.Join(given, "\n")+"\n"+script(list[:last], false)+
		"declare -p role subnets security_group image repository >vars\n")
	vars := n.vars(t)
	for name, form := range map[string]string{
		"role": `^arn:aws:iam::\d+:role/.+`, "subnets": `^subnet-\w+ subnet-\w+$`, "security_group": `^sg-\w+$`,
		"image": `^ami-\w+$`,
	} {
		if !regexp.MustCompile(form).MatchString(vars[name]) {
			t.Errorf("%s is %q\n%s", name, vars[name], out)
		}
	}
	t.Run("trust", func(t *testing.T) { n.trust(t) })
	t.Run("workflow", func(t *testing.T) { n.lint(t) })
	t.Run("app", func(t *testing.T) { formOfApp(t, out) })
	t.Run("check", func(t *testing.T) { n.check(t, moto, vars) })

	// moto's CloudFormation leaves the route table behind and then cannot delete its network.
	n.bash(t, `set -euo pipefail
		for table in $(aws ec2 describe-route-tables --query 'RouteTables[?Associations[?SubnetId]].RouteTableId' `+
		`--output text); do
			for association in $(aws ec2 describe-route-tables --route-table-ids "$table" --query `+
		`'RouteTables[].Associations[?SubnetId][].RouteTableAssociationId' --output text); do
				aws ec2 disassociate-route-table --association-id "$association"
			done
			aws ec2 delete-route-table --route-table-id "$table"
		done`)
	if out := n.bash(t, "set -euo pipefail\n"+list[last].command); strings.Contains(out, "error") {
		t.Errorf("the stack is not deleted\n%s", out)
	}
	if left := n.bash(t, "aws cloudformation describe-stacks --query 'Stacks[].StackStatus' --output "+
		"text"); strings.TrimSpace(left) != "" {
		t.Errorf("a stack is left: %s", left)
	}
}

// TestGuideOfAnAccountWithProvider: an account that has GitHub's OIDC provider gets no second one.
func TestGuideOfAnAccountWithProvider(t *testing.T) {
	list := readGuide(t)
	n := arrive(t, os.Getenv("EGR_MOTO_URL"))
	arn := strings.TrimSpace(n.bash(t, "aws iam create-open-id-connect-provider --url "+
		"https://token.actions.githubusercontent.com --client-id-list sts.amazonaws.com --query "+
		"OpenIDConnectProviderArn --output text"))
	at := slices.IndexFunc(list, func(s step) bool { return strings.Contains(s.command, "create-stack") })
	n.bash(t, strings.Join(given, "\n")+"\n"+script(list[:at+1], false)+"declare -p provider >vars\n")
	if got := n.vars(t)["provider"]; got != arn {
		t.Errorf("the guide finds the provider %q, want %q", got, arn)
	}
	document := n.bash(t, "aws iam list-roles --query "+
		"'Roles[0].AssumeRolePolicyDocument.Statement[0].Principal.Federated' --output text")
	if strings.TrimSpace(document) != arn {
		t.Errorf("the role trusts %s, want %s", document, arn)
	}
}

// TestGuideShell checks all commands of the guide, also those that cannot be run here.
func TestGuideShell(t *testing.T) {
	file := filepath.Join(t.TempDir(), "guide.sh")
	if err := os.WriteFile(file, []byte(script(readGuide(t), true)), 0o600); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command("shellcheck", file).CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}

// TestTemplateLint: cfn-lint knows CloudFormation's resources and properties, which moto ignores.
func TestTemplateLint(t *testing.T) {
	if out, err := exec.Command("cfn-lint", "--non-zero-exit-code", "informational",
		"../../docs/aws/ec2-github-runner.yml", "../../docs/aws/scale-sets.yml").CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}

// arrive returns a newcomer with an empty account and a clone of an empty repository.
func arrive(t *testing.T, moto string) *newcomer {
	t.Helper()
	n := &newcomer{folder: t.TempDir()}
	n.env = []string{
		"PATH=" + os.Getenv("PATH"), "HOME=" + n.folder, "AWS_ENDPOINT_URL=" + moto, "AWS_ACCESS_KEY_ID=AKIAGUIDE",
		"AWS_SECRET_ACCESS_KEY=guide",
		"AWS_EC2_METADATA_DISABLED=true", "AWS_PAGER=", "GIT_CONFIG_NOSYSTEM=1",
		"GIT_AUTHOR_NAME=a", "GIT_AUTHOR_EMAIL=a@example.com", "GIT_COMMITTER_NAME=a",
		"GIT_COMMITTER_EMAIL=a@example.com",
	}
	template, err := filepath.Abs("../../docs/aws/ec2-github-runner.yml")
	if err != nil {
		t.Fatal(err)
	}
	n.bash(t, "curl -fsS -X POST \"$AWS_ENDPOINT_URL/moto-api/reset\" && git init --quiet && cp '"+template+"' .")
	n.env = append(n.env, "AWS_DEFAULT_REGION=us-east-1")
	return n
}

// bash runs a script in the clone and returns its output.
func (n *newcomer) bash(t *testing.T, text string) string {
	t.Helper()
	command := exec.CommandContext(t.Context(), "bash", "-c", text)
	command.Dir, command.Env = n.folder, n.env
	out, err := command.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s\n%s", err, text, out)
	}
	return string(out)
}

// vars returns the shell variables that a script has written.
func (n *newcomer) vars(t *testing.T) map[string]string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(n.folder, "vars"))
	if err != nil {
		t.Fatal(err)
	}
	list := map[string]string{}
	for _, line := range regexp.MustCompile(`(?m)^declare -- (\w+)="(.*)"$`).FindAllStringSubmatch(string(text), -1) {
		list[line[1]] = line[2]
	}
	return list
}

// trust checks who may assume the role, as AWS has understood the template.
func (n *newcomer) trust(t *testing.T) {
	got := n.bash(t, `aws iam list-roles --query `+
		`'Roles[0].AssumeRolePolicyDocument.Statement[0].Condition.`+
		`StringLike."token.actions.githubusercontent.com:sub"' `+
		`--output text`)
	if want := "repo:my-org/my-repo:*\trepo:my-org@1001/my-repo@2002:*"; strings.TrimSpace(got) != want {
		t.Errorf("the role trusts %q, want %q", got, want)
	}
}

// formOfApp checks the address, printed by the guide, of GitHub's form for a new App.
func formOfApp(t *testing.T, out string) {
	found := regexp.MustCompile(`(?m)^https://github\.com/settings/apps/new\?.*$`).FindString(out)
	address, err := url.Parse(found)
	if err != nil || found == "" {
		t.Fatalf("the guide prints no address of the form: %v\n%s", err, out)
	}
	want := url.Values{
		"name": {"ec2-runners-2002"}, "url": {"https://github.com/my-org/my-repo"}, "public": {"false"},
		"webhook_active": {"false"},
		"administration": {"write"}, "actions": {"read"},
	}
	if diff := cmp.Diff(want, address.Query()); diff != "" {
		t.Errorf("the form (-want +got):\n%s", diff)
	}
}

const writtenWorkflow = ".github/workflows/ec2.yml"

// lint checks that the workflow that the guide has written is valid and committed.
func (n *newcomer) lint(t *testing.T) {
	tool, err := filepath.Abs("../../scripts/tool")
	if err != nil {
		t.Fatal(err)
	}
	command := exec.Command(tool, "actionlint", filepath.Join(n.folder, writtenWorkflow))
	if out, err := command.CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
	if got := n.bash(t, "git show --name-only --format= HEAD"); strings.TrimSpace(got) != writtenWorkflow {
		t.Errorf("the guide commits %q", got)
	}
}

// check runs the workflow's own check by the real program, on what the template has created in moto.
func (n *newcomer) check(t *testing.T, moto string, vars map[string]string) {
	// Three properties that moto's CloudFormation does not read; cmd/permissions and cfn-lint check the template for
	// them.
	n.bash(t, "set -euo pipefail\nsubnets='"+vars["subnets"]+"' security_group='"+vars["security_group"]+"'\n"+`
		table=$(aws ec2 describe-route-tables --filters Name=route.destination-cidr-block,Values=0.0.0.0/0 `+
		`Name=route.gateway-id,Values='igw-*' --query 'RouteTables[0].RouteTableId' --output text)
		for subnet in $subnets; do
			aws ec2 modify-subnet-attribute --subnet-id "$subnet" --map-public-ip-on-launch
			aws ec2 associate-route-table --route-table-id "$table" --subnet-id "$subnet"
		done
		aws ec2 revoke-security-group-egress --group-id "$security_group" --protocol all --cidr 0.0.0.0/0
		aws ec2 authorize-security-group-egress --group-id "$security_group" --protocol tcp --port 443 --cidr `+
		`0.0.0.0/0`)
	binary := filepath.Join(t.TempDir(), "ec2-github-runner")
	if out, err := exec.Command("go", "build", "-o", binary, "../..").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	t.Run(
		"as an App",
		func(t *testing.T) { n.checkBy(t, binary, moto, vars, "github app", func(map[string]string) {}) },
	)
	t.Run("by a token", func(t *testing.T) {
		n.checkBy(t, binary, moto, vars, "github token", func(inputs map[string]string) { // as section 4 says
			delete(inputs, "app-client-id")
			delete(inputs, "app-private-key")
			inputs["github-token"] = "ghp_guide"
		})
	})
}

// checkBy runs the check with the inputs of the written workflow, changed by the caller; signIn is the name of the
// check of the sign-in at GitHub. moto simulates EC2 and STS, the simulator GitHub, with the App as created by the
// guide's address.
func (n *newcomer) checkBy(t *testing.T, binary, moto string, vars map[string]string, signIn string,
	change func(map[string]string)) {
	config := simulator.Defaults()
	config.Repositories = []string{vars["repository"]}
	config.Tokens = []simulator.Token{{Value: "ghp_guide", Login: "newcomer", Admin: []string{vars["repository"]}}}
	owner, _, _ := strings.Cut(vars["repository"], "/")
	config.Apps = []simulator.App{{
		ID: 1, ClientID: "Iv23guide", Slug: "ec2-runners-2002", Owner: owner,
		Permissions:   map[string]string{"administration": "write", "actions": "read", "metadata": "read"},
		Installations: []simulator.Installation{{ID: 2, Account: owner, Repositories: []string{vars["repository"]}}},
	}}
	world := simulator.New(config)
	vars["key"] = string(pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY",
		Bytes: x509.MarshalPKCS1PrivateKey(world.AppKey())}))
	server, err := simulator.Listen(world)
	if err != nil {
		t.Fatal(err)
	}
	defer server.Close()
	var log bytes.Buffer
	at := *server
	at.EC2URL = moto
	r := &ghstep.Runner{Command: []string{binary}, Folder: t.TempDir(), Server: &at, Region: "us-east-1",
		Repository: vars["repository"], Run: "1"}
	inputs := n.inputs(t, "check", vars)
	change(inputs)
	running, err := r.Start(t.Context(), "check", inputs, &log)
	if err != nil {
		t.Fatal(err)
	}
	result, err := running.Wait()
	if err != nil {
		t.Fatal(err)
	}
	var report struct {
		Findings []struct{ Check, About, Result, Reason string }
	}
	if err := json.Unmarshal([]byte(result.Outputs["report"]), &report); err != nil {
		t.Fatalf("%v\n%s", err, log.String())
	}
	good := map[string]int{}
	for _, f := range report.Findings {
		switch f.Result {
		case "ok":
			good[f.Check]++
		case "failed":
			t.Errorf("%s (%s): %s", f.Check, f.About, f.Reason)
		}
	}
	for _, name := range []string{"credentials", "launch", "image", "subnet", "security group", "internet access",
		"type fits image", "type in zone", signIn, "manage runners"} {
		if good[name] == 0 {
			t.Errorf("the check %q is not ok", name)
		}
	}
	if t.Failed() || result.Exit != 0 {
		t.Errorf("exit code %d\n%s", result.Exit, log.String())
	}
}

// inputs returns the inputs of the written workflow's step of a mode, with values for variables and secrets.
func (n *newcomer) inputs(t *testing.T, mode string, vars map[string]string) map[string]string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(n.folder, writtenWorkflow))
	if err != nil {
		t.Fatal(err)
	}
	var workflow struct {
		Jobs map[string]struct {
			Steps []struct {
				With map[string]string `yaml:"with"`
			} `yaml:"steps"`
		} `yaml:"jobs"`
	}
	if err := yaml.Unmarshal(text, &workflow); err != nil {
		t.Fatal(err)
	}
	values := strings.NewReplacer("${{ vars.AWS_ROLE }}", vars["role"], "${{ vars.AWS_REGION }}", "us-east-1",
		"${{ vars.RUNNER_APP }}", "Iv23guide", "${{ secrets.RUNNER_APP_KEY }}", vars["key"], "${{ vars.RUNNER_IMAGE }}",
		vars["image"],
		"${{ vars.RUNNER_SUBNETS }}", vars["subnets"], "${{ vars.RUNNER_SECURITY_GROUP }}", vars["security_group"])
	for _, s := range workflow.Jobs["start"].Steps {
		if s.With["mode"] != mode {
			continue
		}
		inputs := map[string]string{}
		for name, value := range s.With {
			inputs[name] = values.Replace(value)
			if strings.Contains(inputs[name], "${{") {
				t.Errorf("the input %s is %s", name, value)
			}
		}
		return inputs
	}
	t.Fatalf("the workflow has no step of mode %s", mode)
	return nil
}
