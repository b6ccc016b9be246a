package action

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.yaml.in/yaml/v3"
)

// nameAndDefault is an input in a contract.
type nameAndDefault struct{ Name, Default string }

// declared returns the inputs of the program.
func declared() (list []nameAndDefault) {
	for _, known := range catalogue {
		list = append(list, nameAndDefault{known.name, known.fallback})
	}
	return list
}

// contract is the content of action.yml.
type contract struct {
	inputs  []nameAndDefault
	outputs []string
	Runs    struct {
		Using          string
		Image          string
		PostEntrypoint string `yaml:"post-entrypoint"`
	}
}

func readContract(t *testing.T) contract {
	t.Helper()
	raw, err := os.ReadFile("../action.yml")
	if err != nil {
		t.Fatal(err)
	}
	var c contract
	if err := yaml.Unmarshal(raw, &c); err != nil {
		t.Fatal(err)
	}
	var nodes struct{ Inputs, Outputs yaml.Node }
	if err := yaml.Unmarshal(raw, &nodes); err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(nodes.Inputs.Content); i += 2 {
		var about struct {
			Description, Default string
			Required             *bool
		}
		if err := nodes.Inputs.Content[i+1].Decode(&about); err != nil {
			t.Fatal(err)
		}
		name := nodes.Inputs.Content[i].Value
		if len(about.Description) < 20 || !strings.HasSuffix(about.Description, ".") &&
			!strings.Contains(about.Description,
				"Example:") {
			t.Errorf("input %s is described by %q", name, about.Description)
		}
		// Only mode and token are required in every mode.
		if want := name == "mode"; about.Required == nil || *about.Required != want {
			t.Errorf("input %s: required must be %t", name, want)
		}
		c.inputs = append(c.inputs, nameAndDefault{name, about.Default})
	}
	for i := 0; i < len(nodes.Outputs.Content); i += 2 {
		var about struct{ Description string }
		if err := nodes.Outputs.Content[i+1].Decode(&about); err != nil || len(about.Description) < 20 {
			t.Errorf("output %s is described by %q: %v", nodes.Outputs.Content[i].Value, about.Description, err)
		}
		c.outputs = append(c.outputs, nodes.Outputs.Content[i].Value)
	}
	return c
}

// TestActionYML compares action.yml with the program: names, order, defaults and descriptions.
func TestActionYML(t *testing.T) {
	t.Parallel()
	c := readContract(t)
	if diff := cmp.Diff(declared(), c.inputs); diff != "" {
		t.Errorf("the inputs of the program (-) and of action.yml (+):\n%s", diff)
	}
	if diff := cmp.Diff(outputNames(t), c.outputs); diff != "" {
		t.Errorf("the outputs of the program (-) and of action.yml (+):\n%s", diff)
	}
	if c.Runs.Using != "docker" || strings.ContainsAny(c.Runs.PostEntrypoint, " \t") ||
		!strings.HasPrefix(c.Runs.PostEntrypoint, "/") || !strings.HasSuffix(c.Runs.PostEntrypoint, "-post") {
		t.Errorf("runs %+v: a container, and a post-entrypoint that is one absolute path by which main.go "+
			"tells the post step", c.Runs)
	}
}

// outputNames reads the constants out* of this package, in the order in which they stand.
func outputNames(t *testing.T) []string {
	t.Helper()
	entries, err := os.ReadDir(".")
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, entry := range entries {
		if !strings.HasSuffix(entry.Name(), ".go") || strings.HasSuffix(entry.Name(), "_test.go") {
			continue
		}
		file, err := parser.ParseFile(token.NewFileSet(), entry.Name(), nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(file, func(n ast.Node) bool {
			spec, ok := n.(*ast.ValueSpec)
			if !ok || len(spec.Values) != 1 || !strings.HasPrefix(spec.Names[0].Name, "out") ||
				spec.Names[0].Name[3:4] != strings.ToUpper(spec.Names[0].Name[3:4]) {
				return true
			}
			if value, ok := spec.Values[0].(*ast.BasicLit); ok && value.Kind == token.STRING {
				name, err := strconv.Unquote(value.Value)
				if err != nil {
					t.Fatal(err)
				}
				names = append(names, name)
			}
			return true
		})
	}
	return names
}

// TestMachulavsInputs: the 28 inputs of the contract come first, with machulav's defaults.
func TestMachulavsInputs(t *testing.T) {
	t.Parallel()
	theirs := strings.Fields(`mode github-token availability-zones-config ec2-image-id ec2-instance-type subnet-id ` +
		`security-group-id label ec2-instance-id
		iam-role-name aws-resource-tags runner-home-dir pre-runner-script market-type block-device-mappings ` +
		`startup-quiet-period-seconds
		startup-retry-interval-seconds startup-timeout-minutes run-runner-as-service run-runner-as-user ` +
		`ec2-volume-size ` +
		`ec2-device-name ec2-volume-type
		metadata-options packages use-jit runner-group-id runner-debug`)
	defaults := map[string]string{
		"aws-resource-tags": "[]", "startup-timeout-minutes": "5", "run-runner-as-service": "false", "packages": "[]",
		"use-jit":         "false",
		"runner-group-id": "1", "runner-debug": "false",
	}
	for i, name := range theirs {
		if want := (nameAndDefault{name, defaults[name]}); i >= len(machulavInputs) || declared()[i] != want {
			t.Errorf("input %d is %+v, want %+v", i, declared()[i], want)
		}
	}
	if len(theirs) != 28 || len(machulavInputs) != 28 {
		t.Errorf("%d inputs", len(theirs))
	}
	outputs := outputNames(t)
	if !slices.Equal(outputs[:3], []string{"label", "ec2-instance-id", "region"}) {
		t.Errorf("outputs %v", outputs)
	}
}
