package main

import (
	"encoding/json"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/marqo-ai/ec2-github-runner/ec2"
)

// byEC2 are the actions that EC2 performs on behalf of the caller: for the role of machines, spot's own role, keys, and
// an image that a parameter names.
var byEC2 = []string{
	"iam:PassRole", "iam:CreateServiceLinkedRole", "kms:CreateGrant", "kms:Decrypt", "kms:DescribeKey",
	"kms:GenerateDataKeyWithoutPlaintext", "kms:ReEncryptFrom", "kms:ReEncryptTo", "ssm:GetParameters",
}

// TestTableIsComplete: the table contains exactly the calls that the program can make.
func TestTableIsComplete(t *testing.T) {
	can := slices.DeleteFunc(slices.Clone(ec2.OptionalReads), ofEC2) // the calls to other services
	can = append(can, byEC2...)
	api := reflect.TypeFor[ec2.API]()
	for i := range api.NumMethod() {
		can = append(can, "ec2:"+api.Method(i).Name)
	}
	var listed []string
	for _, r := range rights {
		listed = append(listed, r.statement.Action...)
	}
	slices.Sort(can)
	slices.Sort(listed)
	if diff := cmp.Diff(can, slices.Compact(listed)); diff != "" {
		t.Errorf("the calls that the program can make (-) and those of the table (+):\n%s", diff)
	}
}

func ofEC2(action string) bool { return strings.HasPrefix(action, "ec2:") }

// TestOptionalReads holds the reads of the features against ec2.OptionalReads: no more, no less. Only a bake may need
// one of them without a feature.
func TestOptionalReads(t *testing.T) {
	var listed []string
	for _, r := range rights {
		for _, action := range r.statement.Action {
			switch {
			case !reads(action) || slices.Contains(byEC2, action):
			case r.feature != always:
				listed = append(listed, action)
			case slices.Contains(ec2.OptionalReads, action) && !slices.Equal(r.modes, []string{"bake"}):
				t.Errorf("%s is optional, and %v cannot do without it", action, r.modes)
			}
		}
	}
	slices.Sort(listed)
	if diff := cmp.Diff(ec2.OptionalReads, slices.Compact(listed)); diff != "" {
		t.Errorf("the optional reads of ec2 (-) and of the features (+):\n%s", diff)
	}
}

// reads reports whether an action changes nothing.
func reads(action string) bool {
	_, verb, _ := strings.Cut(action, ":")
	return strings.HasPrefix(verb, "Describe") || strings.HasPrefix(verb, "Get")
}

// TestPage: docs/permissions.md is what the table generates; make permissions-page writes it.
func TestPage(t *testing.T) {
	want, err := page()
	if err != nil {
		t.Fatal(err)
	}
	got, err := os.ReadFile("../../docs/permissions.md")
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, string(got)); diff != "" {
		t.Errorf("docs/permissions.md is not what the table says; run make permissions-page\n%s", diff)
	}
}

// TestNothingIsWide: what changes something is limited to our tags, to what a launch uses, or to one role.
func TestNothingIsWide(t *testing.T) {
	sids := map[string]bool{}
	for _, r := range rights {
		s := r.statement
		if sids[s.Sid] {
			t.Errorf("two statements are called %s, which IAM refuses", s.Sid)
		}
		sids[s.Sid] = true
		for _, action := range s.Action {
			bound := s.Condition != nil || s.Sid == "LaunchWithResources"
			if !reads(action) && (!bound || slices.Contains(s.Resource, "*")) {
				t.Errorf("%s allows %s without a condition", s.Sid, action)
			}
		}
	}
}

func TestPrintsThePolicyAskedFor(t *testing.T) {
	var out strings.Builder
	if err := run([]string{"-repository", "a/b", "-account", "1", "-role", "r", "-features", "role,regions", "start",
		"stop"}, &out); err != nil {
		t.Fatal(err)
	}
	var p policy
	if err := json.Unmarshal([]byte(out.String()), &p); err != nil {
		t.Fatal(err)
	}
	var sids []string
	for _, s := range p.Statement {
		sids = append(sids, s.Sid)
	}
	want := []string{"LaunchWithResources", "LaunchTagged", "TagAtLaunch", "TerminateOwn", "DescribeInstances",
		"DescribeRegions", "PassRole"}
	if diff := cmp.Diff(want, sids); diff != "" {
		t.Errorf("want (-), got (+):\n%s", diff)
	}
	for _, part := range []string{`"a/b"`, `"arn:aws:iam::1:role/r"`} {
		if !strings.Contains(out.String(), part) {
			t.Errorf("%s is not in the policy:\n%s", part, out.String())
		}
	}
	if strings.Contains(out.String(), ownerRepo) || strings.Contains(out.String(), accountID) {
		t.Errorf("a placeholder is left:\n%s", out.String())
	}
}

func TestRefusesWhatIsNone(t *testing.T) {
	for _, args := range [][]string{{}, {"begin"}, {"-features", "magic", "start"}} {
		if err := run(args, &strings.Builder{}); err == nil {
			t.Errorf("%v: got no error", args)
		}
	}
}
