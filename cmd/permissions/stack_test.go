package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.yaml.in/yaml/v3"
)

const templateFile = "../../docs/aws/ec2-github-runner.yml"

// policyLimit is IAM's limit for a policy, in characters without white space.
// https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html
const policyLimit = 6144

func readTemplate(t *testing.T) (text string, root map[string]any) {
	t.Helper()
	return readTemplateFile(t, templateFile)
}

func readTemplateFile(t *testing.T, file string) (text string, root map[string]any) {
	t.Helper()
	raw, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var node yaml.Node
	if err := yaml.Unmarshal(raw, &node); err != nil {
		t.Fatal(err)
	}
	return string(raw), resolved(t, &node).(map[string]any)
}

// resolved returns a node of the template with CloudFormation's functions resolved to the placeholders of
// docs/permissions.md.
func resolved(t *testing.T, node *yaml.Node) any {
	t.Helper()
	values := strings.NewReplacer("${AWS::Partition}", "aws", "${AWS::AccountId}", accountID, "${Repository}",
		ownerRepo, "${Scope}", scopeName, "${Subject}", "*",
		"${Owner}", "OWNER", "${Name}", "REPO", "${OwnerId}", "OWNER-ID", "${RepositoryId}", "REPO-ID")
	switch {
	case node.Kind == yaml.DocumentNode:
		return resolved(t, node.Content[0])
	case node.Tag == "!Sub" && node.Kind == yaml.SequenceNode:
		return values.Replace(node.Content[0].Value)
	case node.Tag == "!Sub":
		return values.Replace(node.Value)
	case node.Tag == "!Ref" && node.Value == "Repository":
		return ownerRepo
	case node.Tag == "!Ref" && node.Value == "Scope":
		return scopeName
	case node.Tag == "!Ref" && node.Value == "ExistingTagValue":
		return keptValue
	case node.Tag == "!Ref" && node.Value == "AWS::AccountId":
		return accountID
	case node.Tag == "!Ref" && node.Value == "KmsKeyArns":
		return []any{kmsKey}
	case node.Tag == "!GetAtt" && node.Value == "MachineRole.Arn":
		return "arn:aws:iam::" + accountID + ":role/" + machineRole
	case node.Kind == yaml.MappingNode:
		m := map[string]any{}
		for i := 0; i < len(node.Content); i += 2 {
			m[strings.Replace(node.Content[i].Value, "aws:ResourceTag/"+existingTag, "aws:ResourceTag/"+keptKey,
				1)] = resolved(t, node.Content[i+1])
		}
		return m
	case node.Kind == yaml.SequenceNode:
		list := []any{}
		for _, each := range node.Content {
			list = append(list, resolved(t, each))
		}
		return list
	}
	return node.Value
}

// at follows the keys of a mapping.
func at(t *testing.T, value any, keys ...string) any {
	t.Helper()
	for _, key := range keys {
		m, isMap := value.(map[string]any)
		if !isMap || m[key] == nil {
			t.Fatalf("there is no %s of %v", key, keys)
		}
		value = m[key]
	}
	return value
}

// plain returns a value as JSON would have it.
func plain(t *testing.T, value any) (any, int) {
	t.Helper()
	raw, err := json.Marshal(value)
	if err != nil {
		t.Fatal(err)
	}
	var made any
	if err := json.Unmarshal(raw, &made); err != nil {
		t.Fatal(err)
	}
	return made, len(raw)
}

// TestTemplatesAreCurrent: make permissions-page would not change the templates.
func TestTemplatesAreCurrent(t *testing.T) {
	files, err := filepath.Glob("../../docs/aws/*")
	if err != nil || len(files) != len(templates) {
		t.Fatalf("docs/aws has %v (%v), want %d templates", files, err, len(templates))
	}
	for _, file := range files {
		text, _ := readTemplateFile(t, file)
		known := templates[filepath.Base(file)]
		want, err := known.stack(text)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, text); diff != "" {
			t.Errorf("%s is not what the table says; run make permissions-page\n%s", file, diff)
		}
		if _, err := known.stack(strings.Replace(text, "/statements: "+known.groups[1], "", 1)); err == nil {
			t.Errorf("%s without a mark was taken", file)
		}
	}
}

// TestTemplateGrantsTheTable reads the template independently of how it is written: its policies together contain each
// statement of docs/permissions.md once, except those of scale sets, with the same actions, resources and conditions,
// and none is too long for IAM.
func TestTemplateGrantsTheTable(t *testing.T) {
	_, root := readTemplate(t)
	want := map[string]any{}
	for _, r := range rights {
		if groupOf(r) == "" {
			continue
		}
		s := r.statement
		s.Effect = "Allow"
		want[s.Sid], _ = plain(t, s)
	}
	got := statementsOf(t, root, map[string]string{
		"RunnersPolicy": "", "ImagesPolicy": "WithImages", "PoolPolicy": "WithPool", "ExistingPolicy": "WithExisting",
		"MachineRolePolicy": "WithMachineRole",
		"KeysPolicy":        "WithKeys",
	})
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("the table (-) and the template (+):\n%s", diff)
	}
}

// statementsOf returns the statements of a template's policies by Sid. Each policy must have the named condition, and
// be short enough for IAM.
func statementsOf(t *testing.T, root map[string]any, policies map[string]string) map[string]any {
	t.Helper()
	got := map[string]any{}
	for name, conditional := range policies {
		resource := at(t, root, "Resources", name).(map[string]any)
		if condition, _ := resource["Condition"].(string); condition != conditional {
			t.Errorf("%s has the condition %q, want %q", name, condition, conditional)
		}
		document := at(t, resource, "Properties", "PolicyDocument")
		if _, size := plain(t, document); size > policyLimit-600 { // ARNs with real numbers and names are longer
			t.Errorf("%s has %d characters, and IAM takes %d", name, size, policyLimit)
		}
		statements, isList := at(t, document, "Statement").([]any)
		if !isList || len(statements) == 0 {
			t.Fatalf("%s has no statements", name)
		}
		for _, s := range statements {
			sid := at(t, s, "Sid").(string)
			if got[sid] != nil {
				t.Errorf("%s is granted twice", sid)
			}
			got[sid], _ = plain(t, s)
		}
	}
	return got
}

// TestTemplateTrustsAsThePageSays: the trust policy of the template is that of docs/permissions.md.
func TestTemplateTrustsAsThePageSays(t *testing.T) {
	_, root := readTemplate(t)
	text, err := page()
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(text, "## OIDC trust policy")
	_, rest, _ = strings.Cut(rest, "```json\n")
	block, _, found := strings.Cut(rest, "```")
	if !found {
		t.Fatal("the page has no trust policy")
	}
	var want any
	if err := json.Unmarshal([]byte(block), &want); err != nil {
		t.Fatal(err)
	}
	got, _ := plain(t, at(t, root, "Resources", "Role", "Properties", "AssumeRolePolicyDocument"))
	for _, document := range []any{want, got} {
		principal := at(t, document.(map[string]any)["Statement"].([]any)[0], "Principal").(map[string]any)
		if principal["Federated"] == nil {
			t.Errorf("nobody is trusted by %v", document)
		}
		principal["Federated"] = "the provider"
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("the page (-) and the template (+):\n%s", diff)
	}
}

// TestGroups: what only some users need depends on a parameter, and what a start needs does not.
func TestGroups(t *testing.T) {
	for sid, want := range map[string]string{
		"LaunchTagged": groupRunners, "TerminateOwn": groupRunners, "TagOwn": groupRunners, "ReadQuotas": groupRunners,
		"CreateImages": groupImages, "DescribeTemplates": groupImages, "StartPoolMachines": groupPool,
		"StartExisting": groupExisting, "PassRole": groupRole,
		"LaunchForScaleSets": "", "TerminateOfScaleSets": "",
	} {
		for _, r := range rights {
			if r.statement.Sid == sid {
				if got := groupOf(r); got != want {
					t.Errorf("%s is of %s, want %s", sid, got, want)
				}
			}
		}
	}
}

// TestTemplateLetsNothingIn: the machines can only send by HTTPS and, with a parameter, by HTTP; no rule allows inbound
// traffic.
func TestTemplateLetsNothingIn(t *testing.T) {
	_, root := readTemplate(t)
	group := at(t, root, "Resources", "SecurityGroup", "Properties").(map[string]any)
	if group["SecurityGroupIngress"] != nil {
		t.Errorf("it lets in %v", group["SecurityGroupIngress"])
	}
	for name, resource := range at(t, root, "Resources").(map[string]any) {
		if kind := at(t, resource, "Type").(string); strings.Contains(kind, "Ingress") {
			t.Errorf("%s is a %s", name, kind)
		}
	}
	rule := func(port string, description string) map[string]any {
		return map[string]any{"Description": description, "IpProtocol": "tcp", "FromPort": port, "ToPort": port,
			"CidrIp": "0.0.0.0/0"}
	}
	want := []any{rule("443", "HTTPS"), map[string]any{"Fn::If": []any{"WithHttp", rule("80", "package archives"),
		"AWS::NoValue"}}}
	if diff := cmp.Diff(want, group["SecurityGroupEgress"]); diff != "" {
		t.Errorf("it lets out: want (-), got (+)\n%s", diff)
	}
	for _, subnet := range []string{"SubnetA", "SubnetB"} {
		if public := at(t, root, "Resources", subnet, "Properties", "MapPublicIpOnLaunch"); public != "true" {
			t.Errorf("machines of %s have no public address", subnet)
		}
	}
}

// TestTemplateAttaches: the role has each policy, those of a parameter only if it is set.
func TestTemplateAttaches(t *testing.T) {
	_, root := readTemplate(t)
	want := []any{
		"RunnersPolicy",
		[]any{"WithImages", "ImagesPolicy", "AWS::NoValue"}, []any{"WithPool", "PoolPolicy", "AWS::NoValue"},
		[]any{"WithExisting", "ExistingPolicy", "AWS::NoValue"}, []any{"WithMachineRole", "MachineRolePolicy",
			"AWS::NoValue"},
		[]any{"WithKeys", "KeysPolicy", "AWS::NoValue"},
	}
	if diff := cmp.Diff(want, at(t, root, "Resources", "Role", "Properties", "ManagedPolicyArns")); diff != "" {
		t.Errorf("want (-), got (+)\n%s", diff)
	}
	conditions := at(t, root, "Conditions").(map[string]any)
	for switchName, parameter := range map[string]string{"WithImages": "Images", "WithPool": "Pool",
		"WithExisting": "Existing", "WithHttp": "HttpEgress"} {
		if diff := cmp.Diff([]any{parameter, "true"}, conditions[switchName]); diff != "" {
			t.Errorf("%s: want (-), got (+)\n%s", switchName, diff)
		}
	}
}

// TestProviderStays: roles of other repositories trust the account's only provider, so it outlives the stack.
func TestProviderStays(t *testing.T) {
	_, root := readTemplate(t)
	for _, policy := range []string{"DeletionPolicy", "UpdateReplacePolicy"} {
		if got := at(t, root, "Resources", "OidcProvider", policy); got != "Retain" {
			t.Errorf("%s is %v", policy, got)
		}
	}
}

// TestSessionsLastLongEnough: a role's sessions end after an hour by default, and a bake may take longer.
// https://docs.aws.amazon.com/IAM/latest/APIReference/API_CreateRole.html
func TestSessionsLastLongEnough(t *testing.T) {
	made, err := loadTemplate(t).Evaluate(base)
	if err != nil {
		t.Fatal(err)
	}
	if got := at(t, made, "Role", "Properties", "MaxSessionDuration"); got != "14400" {
		t.Errorf("a session lasts %v seconds", got)
	}
}
