package main

import (
	"encoding/json"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.yaml.in/yaml/v3"

	"github.com/marqo-ai/ec2-github-runner/test/guide"
)

const serveTemplateFile = "../../docs/aws/scale-sets.yml"

var (
	serveBase  = map[string]string{"Scope": "demo-org", "VpcId": "vpc-1", "SubnetIds": "subnet-1"}
	serveOther = map[string]string{
		"Scope": "a/b", "VpcId": "vpc-2", "SubnetIds": "subnet-2, subnet-3", "PublicAddress": "DISABLED",
		"SetsParameter": "/a/sets", "SecretParameter": "/a/key", "Image": "registry.example/serve:1",
		"ShellImage": "registry.example/shell:1", "Warm": "true",
		"KmsKeyArns":        "arn:aws:kms:us-east-1:1:key/a, arn:aws:kms:us-east-1:1:key/b",
		"MachinePolicyArns": "arn:aws:iam::aws:policy/ReadOnlyAccess",
	}
)

func loadServeTemplate(t *testing.T) *guide.Template {
	t.Helper()
	template, err := guide.ReadTemplate(serveTemplateFile)
	if err != nil {
		t.Fatal(err)
	}
	return template
}

// TestServeTemplateGrantsTheTable: the task's role has exactly the permissions of ec2-github-runner-serve in
// docs/permissions.md; what only some users need depends on a parameter.
func TestServeTemplateGrantsTheTable(t *testing.T) {
	_, root := readTemplateFile(t, serveTemplateFile)
	want := map[string]any{}
	for _, r := range rights {
		if slices.Contains(r.modes, modeServe) {
			s := r.statement
			s.Effect = "Allow"
			want[s.Sid], _ = plain(t, s)
		}
	}
	got := statementsOf(t, root, map[string]string{"ScaleSetsPolicy": "", "WarmPolicy": "WithWarm",
		"MachineRolePolicy": "WithMachineRole", "KeysPolicy": "WithKeys"})
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("the table (-) and the template (+):\n%s", diff)
	}
	attached := []any{"ScaleSetsPolicy", []any{"WithWarm", "WarmPolicy", "AWS::NoValue"},
		[]any{"WithMachineRole", "MachineRolePolicy", "AWS::NoValue"}, []any{"WithKeys", "KeysPolicy", "AWS::NoValue"}}
	if diff := cmp.Diff(attached, at(t, root, "Resources", "Role", "Properties", "ManagedPolicyArns")); diff != "" {
		t.Errorf("the role has: want (-), got (+)\n%s", diff)
	}
}

// TestServeTemplateGrantsSomething compares what the task's role and the execution role grant, with each parameter set
// and with none, with the Service Authorization Reference.
func TestServeTemplateGrantsSomething(t *testing.T) {
	ref, template := loadReference(t), loadServeTemplate(t)
	for name, parameters := range eachSetting(serveBase, serveOther) {
		made, err := template.Evaluate(parameters)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		checked := 0
		for resource, value := range made {
			if at(t, value, "Type") != "AWS::IAM::ManagedPolicy" {
				continue
			}
			checked++
			raw, err := json.Marshal(at(t, value, "Properties", "PolicyDocument"))
			if err != nil {
				t.Fatal(err)
			}
			var p struct{ Statement []statement }
			if err := json.Unmarshal(raw, &p); err != nil {
				t.Fatal(err)
			}
			for _, s := range p.Statement {
				for _, problem := range ref.problems(s) {
					t.Errorf("%s: %s: %s: %s", name, resource, s.Sid, problem)
				}
			}
			for _, placeholder := range []string{scopeName, accountID, machineRole, kmsKey, "${"} {
				if strings.Contains(string(raw), placeholder) {
					t.Errorf("%s: %s has the placeholder %s", name, resource, placeholder)
				}
			}
		}
		if checked < 2 {
			t.Errorf("%s: %d policies", name, checked)
		}
	}
}

// TestExecutionRole: ECS may only read the two parameters and write the log. Neither is in the environment of the
// program's container.
func TestExecutionRole(t *testing.T) {
	made, err := loadServeTemplate(t).Evaluate(serveBase)
	if err != nil {
		t.Fatal(err)
	}
	const of = "arn:aws:ssm:us-east-1:123456789012:parameter/ec2-github-runner/"
	want := []any{
		map[string]any{"Sid": "ReadParameters", "Effect": "Allow", "Action": []any{"ssm:GetParameters"},
			"Resource": []any{of + "sets.yml", of + "secret"}},
		map[string]any{"Sid": "WriteLog", "Effect": "Allow",
			"Action":   []any{"logs:CreateLogStream", "logs:PutLogEvents"},
			"Resource": []any{"arn:aws:logs:us-east-1:123456789012:log-group:LogGroup:log-stream:*"}},
	}
	if diff := cmp.Diff(want, at(t, made, "ExecutionPolicy", "Properties", "PolicyDocument", "Statement")); diff != "" {
		t.Errorf("want (-), got (+)\n%s", diff)
	}
	if diff := cmp.Diff([]any{"ExecutionPolicy"}, at(t, made, "ExecutionRole", "Properties",
		"ManagedPolicyArns")); diff != "" {
		t.Errorf("the role has: want (-), got (+)\n%s", diff)
	}
	program := at(t, made, "Task", "Properties", "ContainerDefinitions").([]any)[1].(map[string]any)
	if program["Secrets"] != nil {
		t.Errorf("the program's environment has %v", program["Secrets"])
	}
}

// TestServeTemplateParametersCount: each parameter changes what the template creates, inbound traffic is not allowed,
// and CloudFormation accepts the text: it has no YAML aliases.
// https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/template-formats.html
func TestServeTemplateParametersCount(t *testing.T) {
	template := loadServeTemplate(t)
	usual, err := template.Evaluate(serveBase)
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range template.Parameters() {
		with, err := template.Evaluate(eachSetting(serveBase, serveOther)[name])
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if cmp.Equal(with, usual) {
			t.Errorf("the parameter %s changes nothing", name)
		}
	}
	if in := at(t, usual, "SecurityGroup", "Properties").(map[string]any)["SecurityGroupIngress"]; in != nil {
		t.Errorf("it lets in %v", in)
	}
	for _, file := range []string{templateFile, serveTemplateFile} {
		raw, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		var node yaml.Node
		if err := yaml.Unmarshal(raw, &node); err != nil {
			t.Fatal(err)
		}
		if line := aliasIn(&node); line > 0 {
			t.Errorf("%s:%d: an alias", file, line)
		}
	}
}

// aliasIn returns the line of the first alias in a node, or 0.
func aliasIn(node *yaml.Node) int {
	if node.Kind == yaml.AliasNode {
		return node.Line
	}
	for _, each := range node.Content {
		if line := aliasIn(each); line > 0 {
			return line
		}
	}
	return 0
}
