package action

import (
	"testing"

	"go.yaml.in/yaml/v3"
)

// TestRunsOn: YAML reads the printed value as the label.
func TestRunsOn(t *testing.T) {
	for _, label := range []string{"build", "build-42", "42", "4e2", "true", "null", "a: b", "#x", `a"b\c`, "- x",
		"[x]",
		"{x}", "a b", "*x", "~", "k3x9a", "0x1f", "ä"} {
		var read struct {
			RunsOn any `yaml:"runs-on"`
		}
		if err := yaml.Unmarshal([]byte("runs-on: "+runsOn(label)), &read); err != nil || read.RunsOn != label {
			t.Errorf("%q is printed as %s and read as %v: %v", label, runsOn(label), read.RunsOn, err)
		}
	}
}
