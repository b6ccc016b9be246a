package main

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
)

func loadReference(t *testing.T) reference {
	t.Helper()
	var ref reference
	if err := readJSON("testdata/reference.json", &ref); err != nil {
		t.Fatal(err)
	}
	return ref
}

// problems returns the parts of a statement that grant nothing, according to the reference.
func (ref reference) problems(s statement) []string {
	var list []string
	used := map[string]bool{}
	for _, action := range s.Action {
		entry, known := ref.Actions[action]
		if !known {
			list = append(list, action+": there is no such action")
			continue
		}
		types := ref.typesOf(entry, s.Resource, used)
		if len(types) == 0 && !slices.Contains(s.Resource, "*") {
			list = append(list, fmt.Sprintf("%s is on none of %v", action, s.Resource))
		}
		for _, keys := range s.Condition {
			for key := range keys {
				list = append(list, ref.lacking(action, entry, types, key)...)
			}
		}
	}
	for _, resource := range s.Resource {
		if resource != "*" && !used[resource] {
			list = append(list, fmt.Sprintf("none of %v is on %s", s.Action, resource))
		}
	}
	return list
}

// typesOf returns the resource types of an action that match one of the patterns, and records which patterns match.
func (ref reference) typesOf(entry referenceAction, patterns []string, used map[string]bool) []string {
	var types []string
	for name := range entry.Resources {
		for _, pattern := range patterns {
			if sameKind(pattern, ref.Resources[name]) {
				types, used[pattern] = append(types, name), true
			}
		}
	}
	slices.Sort(types)
	return slices.Compact(types)
}

var variable = regexp.MustCompile(`\$\{[^}]*\}`)

// sameKind reports whether a pattern can match a resource of this ARN. Placeholders of the ARN match any text;
// everything else must be equal.
func sameKind(pattern, arn string) bool {
	if pattern == "*" {
		return true
	}
	parts, want := strings.SplitN(pattern, ":", 6), strings.SplitN(arn, ":", 6)
	if len(parts) != 6 || len(want) != 6 || parts[2] != want[2] {
		return false
	}
	// A resource without an account, such as an image, has an ARN with nothing there; "*" fits nothing too.
	if want[4] == "" && parts[4] != "" && parts[4] != "*" {
		return false
	}
	form := regexp.QuoteMeta(variable.ReplaceAllString(want[5], "\x00"))
	return regexp.MustCompile("^" + strings.ReplaceAll(form, "\x00", ".+") + "$").MatchString(parts[5])
}

// lacking returns the resources for which a call of the action has no such condition key. A missing key makes a
// condition false.
func (ref reference) lacking(action string, entry referenceAction, types []string, key string) []string {
	has := func(keys []string) bool {
		return slices.ContainsFunc(keys, func(k string) bool {
			prefix, _, varies := strings.Cut(strings.ToLower(k), "${")
			return strings.EqualFold(k, key) || varies && strings.HasPrefix(strings.ToLower(key), prefix)
		})
	}
	if has(entry.Keys) {
		return nil
	}
	if len(types) == 0 {
		return []string{fmt.Sprintf("%s has no condition key %s", action, key)}
	}
	var list []string
	for _, name := range types {
		if !has(entry.Resources[name]) {
			list = append(list, fmt.Sprintf("%s on %s has no condition key %s", action, name, key))
		}
	}
	return list
}

// withARNs replaces the one placeholder that stands for a whole ARN.
func withARNs(s statement) statement {
	s.Resource = slices.Clone(s.Resource)
	for i, resource := range s.Resource {
		s.Resource[i] = strings.ReplaceAll(resource, kmsKey,
			"arn:aws:kms:us-east-1:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab")
	}
	return s
}

// TestEveryStatementGrantsSomething compares the table, and so docs/permissions.md, with the Service Authorization
// Reference.
func TestEveryStatementGrantsSomething(t *testing.T) {
	ref := loadReference(t)
	for _, r := range rights {
		for _, problem := range ref.problems(withARNs(r.statement)) {
			t.Errorf("%s: %s", r.statement.Sid, problem)
		}
	}
}

// TestReferenceBites: each way in which a statement can grant nothing is found.
func TestReferenceBites(t *testing.T) {
	ref := loadReference(t)
	on := func(action, resource, key string) statement {
		s := statement{Action: []string{action}, Resource: []string{resource}}
		if key != "" {
			s.Condition = map[string]map[string]any{"StringEquals": {key: "a"}}
		}
		return s
	}
	instance, image := "arn:aws:ec2:*:*:instance/*", "arn:aws:ec2:*:*:image/*"
	for want, s := range map[string]statement{
		"no such action":                         on("ec2:StartInstance", "*", ""),
		"is on none of":                          on("ec2:TerminateInstances", image, ""),
		"has no condition key ec2:MarketType":    on("ec2:RunInstances", instance, "ec2:MarketType"),
		"has no condition key aws:RequestTag/a":  on("ec2:TerminateInstances", instance, "aws:RequestTag/a"),
		"has no condition key aws:ResourceTag/a": on("ec2:DescribeInstances", "*", "aws:ResourceTag/a"),
		"none of [iam:PassRole] is on": {Action: []string{"iam:PassRole"},
			Resource: []string{"arn:aws:iam::1:role/a", instance}},
		"on ec2:volume has no condition key": {Action: []string{"ec2:RunInstances"}, Resource: arns("volume"),
			Condition: map[string]map[string]any{"StringEquals": {"ec2:InstanceType": "a"}}},
	} {
		if got := strings.Join(ref.problems(s), "; "); !strings.Contains(got, want) {
			t.Errorf("%v: %q, want %q", s, got, want)
		}
	}
	for _, s := range []statement{
		on("ec2:RunInstances", instance, "ec2:InstanceMarketType"), on("ec2:CreateTags", instance, "ec2:CreateAction"),
		on("ec2:DescribeInstances", "*", ""),
	} {
		if got := ref.problems(s); len(got) > 0 {
			t.Errorf("%v: %v", s, got)
		}
	}
}

// TestTemplateGrantsSomething compares what the template grants, with each of its parameters set and with none, with
// the reference.
func TestTemplateGrantsSomething(t *testing.T) {
	ref, template := loadReference(t), loadTemplate(t)
	for name, parameters := range templateSettings {
		policies, err := template.Policies(parameters)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		for policyName, document := range policies {
			var p struct{ Statement []statement }
			if err := json.Unmarshal(document, &p); err != nil {
				t.Fatal(err)
			}
			for _, s := range p.Statement {
				for _, problem := range ref.problems(s) {
					t.Errorf("%s: %s: %s: %s", name, policyName, s.Sid, problem)
				}
			}
			text := string(document)
			for _, placeholder := range []string{keptKey, keptValue, ownerRepo, accountID, machineRole, kmsKey, "${"} {
				if strings.Contains(text, placeholder) {
					t.Errorf("%s: %s has the placeholder %s", name, policyName, placeholder)
				}
			}
		}
	}
}

// TestTemplateParametersCount: each parameter changes what the template creates; one that nothing reads would have no
// effect.
func TestTemplateParametersCount(t *testing.T) {
	template := loadTemplate(t)
	made := func(with map[string]string) string {
		parameters := maps.Clone(base)
		maps.Copy(parameters, with)
		resources, err := template.Evaluate(parameters)
		if err != nil {
			t.Fatal(err)
		}
		return fmt.Sprint(resources) // with its keys sorted
	}
	for _, name := range template.Parameters() {
		value, given := other[name]
		if !given {
			t.Errorf("the test has no other value for the parameter %s", name)
			continue
		}
		without, with := map[string]string{}, map[string]string{name: value}
		if name == "ExistingTagValue" { // it narrows what Existing allows
			without["Existing"], with["Existing"] = "true", "true"
		}
		if made(with) == made(without) {
			t.Errorf("the parameter %s changes nothing", name)
		}
	}
	raw, err := os.ReadFile(templateFile)
	if err != nil {
		t.Fatal(err)
	}
	if len(raw) > 51200 {
		t.Errorf("the template has %d bytes, and CloudFormation takes 51,200 in a call", len(raw))
	}
}
