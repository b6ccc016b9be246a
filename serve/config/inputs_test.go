package config

import (
	"os"
	"slices"
	"testing"

	"go.yaml.in/yaml/v3"
)

// TestEveryInput: every input of the action is a key of a set's machine, or has its place or its reason.
func TestEveryInput(t *testing.T) {
	t.Parallel()
	raw, err := os.ReadFile("../../action.yml")
	if err != nil {
		t.Fatal(err)
	}
	var action struct {
		Inputs map[string]any `yaml:"inputs"`
	}
	if err := yaml.Unmarshal(raw, &action); err != nil {
		t.Fatal(err)
	}
	if len(action.Inputs) < 60 {
		t.Fatalf("action.yml has %d inputs", len(action.Inputs))
	}
	for name := range action.Inputs {
		if !slices.Contains(MachineKeys(), name) && elsewhere(name, besideMachine) == "" {
			t.Errorf("input %s is no key of a machine and has no hint", name)
		}
	}
	for name := range otherwise {
		if _, ok := action.Inputs[name]; !ok && name != "token" && name != "app-id" || slices.Contains(MachineKeys(),
			name) {
			t.Errorf("%s is no input of the action, or is a key of a machine", name)
		}
	}
}

// TestAPIURL: the address of the REST API, as GitHub's client of scale sets has it.
func TestAPIURL(t *testing.T) {
	t.Parallel()
	for address, want := range map[string][2]string{
		"https://github.com/o/r":              {"https://api.github.com", "o/r"},
		"https://github.com/enterprises/e":    {"https://api.github.com", "enterprises/e"},
		"https://octo.ghe.com/o":              {"https://api.octo.ghe.com", "o"},
		"https://ghes.example.com:8443/o":     {"https://ghes.example.com:8443/api/v3", "o"},
		"http://127.0.0.1:8080/demo-org/demo": {"http://127.0.0.1:8080/api/v3", "demo-org/demo"},
	} {
		g := GitHub{URL: address}
		if got := [2]string{g.APIURL(), g.Scope().String()}; got != want {
			t.Errorf("%s: got %q, want %q", address, got, want)
		}
	}
}
