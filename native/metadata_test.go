// Package native is the action for jobs without Docker: a small JavaScript launcher of the program that the container
// action runs. Its only Go code are these tests, which compare its action.yml with the container action's.
package native

import (
	"flag"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.yaml.in/yaml/v3"
)

var update = flag.Bool("update", false, "write action.yml anew")

// want returns the metadata of this action: those of the container action, except for name, description and runs.
func want(t *testing.T) string {
	t.Helper()
	container, err := os.ReadFile("../action.yml")
	if err != nil {
		t.Fatal(err)
	}
	head, rest, found := strings.Cut(string(container), "\nauthor:")
	if !found || strings.Count(head, "\n") != 1 {
		t.Fatalf("../action.yml does not begin with name, description and author: %q", head)
	}
	body, _, found := strings.Cut(rest, "\nruns:\n")
	if !found {
		t.Fatal("../action.yml has no runs")
	}
	return "# Generated from ../action.yml: go test ./native -update\n" +
		"name: EC2 runner for GitHub Actions, without Docker\n" +
		"description: Start GitHub Actions runners on your own EC2 machines, from jobs that have no Docker\n" +
		"author:" + body + "\nruns:\n  using: node24\n  main: main.js\n  post: post.js\n"
}

func TestMetadataIsThatOfTheContainerAction(t *testing.T) {
	t.Parallel()
	text := want(t)
	if *update {
		if err := os.WriteFile("action.yml", []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile("action.yml")
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(text, string(got)); diff != "" {
		t.Errorf("action.yml: go test ./native -update (-want +got):\n%s", diff)
	}
	var both [2]struct {
		Inputs, Outputs map[string]any
		Runs            map[string]string
	}
	for i, path := range []string{"../action.yml", "action.yml"} {
		raw, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if err := yaml.Unmarshal(raw, &both[i]); err != nil {
			t.Fatal(err)
		}
	}
	if diff := cmp.Diff(both[0].Inputs, both[1].Inputs); diff != "" || len(both[1].Inputs) < 28 {
		t.Errorf("%d inputs (-container +native):\n%s", len(both[1].Inputs), diff)
	}
	if diff := cmp.Diff(both[0].Outputs, both[1].Outputs); diff != "" || len(both[1].Outputs) < 3 {
		t.Errorf("%d outputs (-container +native):\n%s", len(both[1].Outputs), diff)
	}
	// post always runs by default, even after a cancelled step; a condition could only prevent that.
	if diff := cmp.Diff(map[string]string{"using": "node24", "main": "main.js", "post": "post.js"},
		both[1].Runs); diff != "" {
		t.Errorf("runs (-want +got):\n%s", diff)
	}
}

// TestLauncherIsSmall: users read the launcher to decide whether they trust it, so it stays short and loads no
// third-party code.
func TestLauncherIsSmall(t *testing.T) {
	t.Parallel()
	lines := 0
	for _, path := range []string{"launch.js", "main.js", "post.js"} {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		lines += strings.Count(string(text), "\n")
		for line := range strings.Lines(string(text)) {
			_, module, requires := strings.Cut(line, "require('")
			if requires && !strings.HasPrefix(module, "node:") && !strings.HasPrefix(module, "./launch.js'") {
				t.Errorf("%s loads %q", path, strings.TrimSpace(line))
			}
		}
		if strings.Contains(string(text), "spawnSync(") {
			t.Errorf("%s waits in a way that keeps signals from the program", path)
		}
	}
	if lines > 60 {
		t.Errorf("the launcher has %d lines, more than 60", lines)
	}
}
