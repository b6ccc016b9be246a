package action

import (
	"errors"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/marqo-ai/ec2-github-runner/machine"
)

// groupEnv is the environment of a start with the input runners, or another one.
func groupEnv(pairs ...string) func(string) string {
	env := map[string]string{
		"INPUT_MODE": "start", "INPUT_GITHUB-TOKEN": "t", "GITHUB_REPOSITORY": "o/r", "INPUT_EC2-IMAGE-ID": "ami-1",
		"INPUT_EC2-INSTANCE-TYPE": "t3.xlarge",
		"INPUT_SUBNET-ID":         "subnet-1", "INPUT_SECURITY-GROUP-ID": "sg-1",
	}
	for i := 0; i < len(pairs); i += 2 {
		env[inputEnv(pairs[i])] = pairs[i+1]
	}
	return func(name string) string { return env[name] }
}

// TestRunnersAreTakenAsWritten: scalars that YAML would read as numbers, dates or booleans stay text.
func TestRunnersAreTakenAsWritten(t *testing.T) {
	t.Parallel()
	request, err := Parse(groupEnv("runners", `
- &base {name: 1.10, label: 2026-01-01, ec2-volume-size: 050, spot-max-price: 0.10, market-type: spot}
- {name: 007, label: "yes", count: 2, ec2-instance-type: [t3.large, m5.large], packages: [git, 1.0]}
- <<: *base
  name: merged
  label: on
  pre-runner-script: |
    echo one
    echo two
`))
	if err != nil {
		t.Fatal(err)
	}
	type seen struct{ Name, Label, Types, SpotMax, Script, Packages string }
	var got []seen
	for _, g := range request.Start.Groups {
		got = append(got, seen{g.Name, g.Label, strings.Join(g.InstanceTypes, " "), g.SpotMax, g.PreRunnerScript,
			strings.Join(g.Packages, " ")})
	}
	want := []seen{
		{"1.10", "2026-01-01", "t3.xlarge", "0.10", "", ""},
		{"007", "yes", "t3.large m5.large", "", "", "git 1.0"},
		{"merged", "on", "t3.xlarge", "0.10", "echo one\necho two", ""},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("groups (-want +got):\n%s", diff)
	}
}

// TestLaunchParametersAreTakenAsWritten: a key name that looks like a number or a date, and YAML's booleans.
func TestLaunchParametersAreTakenAsWritten(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"{KeyName: 1.10, PrivateIpAddress: 10.0.0.1}":          "",
		"{KeyName: 2026-01-01, Monitoring: {Enabled: True}}":   "",
		"{CpuOptions: {CoreCount: 2}, EbsOptimized: \"true\"}": "",
		"{a: &a [*a]}":      "Failed to parse launch-parameters: anchor 'a' value contains itself",
		"KeyName":           "Failed to parse launch-parameters: the value must be an object, not \"KeyName\"",
		"{KeyName: {1: 2}}": "Failed to parse launch-parameters: KeyName must be a single value, not an object",
	} {
		_, err := Parse(groupEnv("launch-parameters", text))
		if want == "" && err != nil || want != "" && (err == nil || err.Error() != want) {
			t.Errorf("%s: %v, want %q", text, err, want)
		}
	}
}

// FuzzRunners: any list is either read or refused, and the runners that are read have different names and labels.
func FuzzRunners(f *testing.F) {
	for _, seed := range []string{
		"[{name: a}, {name: b, count: 3}]", "- name: a\n  launch-parameters: {KeyName: k}\n", "[]", "{}", "a", "[null]",
		"&a [*a]", "[{name: a, name: b}]",
		"[{name: a, aws-resource-tags: [{Key: a, Value: 1}]}]", "[{name: {a: b}}]", "[{? [a] : b}]",
		"- &a {name: x}\n- {<<: *a, name: y}",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		request, err := Parse(groupEnv("runners", text))
		var invalid *InvalidError
		if err != nil && !errors.As(err, &invalid) {
			t.Fatalf("error %v is no InvalidError", err)
		}
		if err != nil {
			return
		}
		names, labels := map[string]bool{}, map[string]bool{}
		for _, g := range request.Start.Groups {
			if g.Label != "" && labels[g.Label] || strings.TrimSpace(text) != "" && (g.Name == "" || names[g.Name]) {
				t.Fatalf("runner %q with label %q is there twice, or has no name", g.Name, g.Label)
			}
			names[g.Name], labels[g.Label] = true, true
		}
	})
}

// TestNamesOfMachine: package machine reads the inputs that the table declares for the machine, with the same defaults.
func TestNamesOfMachine(t *testing.T) {
	t.Parallel()
	r := newReader(with("architecture", "", "ec2-image-id", "ami-1"))
	read := map[string]bool{}
	r.reads = func(name string) { read[name] = true }
	r.inputs().Machine("us-east-1")
	if diff := cmp.Diff(slices.Sorted(maps.Keys(read)), machine.Names()); diff != "" {
		t.Errorf("read (-), known to package machine (+):\n%s", diff)
	}
	for _, name := range machine.Names() {
		if got, want := machine.Default(name), inputOf(name).fallback; got != want {
			t.Errorf("%s: package machine has the default %q, the table of inputs %q", name, got, want)
		}
	}
}
