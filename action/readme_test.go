package action

import (
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.yaml.in/yaml/v3"
)

var update = flag.Bool("update", false, "write what is made from something else")

// TestReadmeTables holds the tables of inputs and outputs in README.md against action.yml; -update writes them anew.
func TestReadmeTables(t *testing.T) {
	raw, err := os.ReadFile("../action.yml")
	if err != nil {
		t.Fatal(err)
	}
	var contract struct {
		Inputs  yaml.Node `yaml:"inputs"`
		Outputs yaml.Node `yaml:"outputs"`
	}
	if err := yaml.Unmarshal(raw, &contract); err != nil {
		t.Fatal(err)
	}
	readme, err := os.ReadFile("../README.md")
	if err != nil {
		t.Fatal(err)
	}
	want := replaceBetween(t, string(readme), "inputs", inputsTable(t, contract.Inputs))
	want = replaceBetween(t, want, "outputs", outputsTable(t, contract.Outputs))
	if *update {
		if err := os.WriteFile("../README.md", []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if diff := cmp.Diff(want, string(readme)); diff != "" {
		t.Errorf("README.md is not what action.yml says; run go test ./action -run TestReadmeTables -update\n%s", diff)
	}
}

type described struct {
	Description string `yaml:"description"`
	Default     string `yaml:"default"`
	Required    bool   `yaml:"required"`
}

// eachOf calls f for each entry in the order of the file.
func eachOf(t *testing.T, node yaml.Node, f func(name string, entry described)) {
	t.Helper()
	for i := 0; i+1 < len(node.Content); i += 2 {
		var entry described
		if err := node.Content[i+1].Decode(&entry); err != nil {
			t.Fatal(err)
		}
		f(node.Content[i].Value, entry)
	}
}

func inputsTable(t *testing.T, node yaml.Node) string {
	var b strings.Builder
	b.WriteString("| input | default | what it says |\n| --- | --- | --- |\n")
	eachOf(t, node, func(name string, entry described) {
		fallback := "–"
		switch {
		case entry.Required:
			fallback = "required"
		case entry.Default != "":
			fallback = "`" + entry.Default + "`"
		}
		fmt.Fprintf(&b, "| `%s` | %s | %s |\n", name, fallback, strings.TrimSpace(entry.Description))
	})
	return b.String()
}

func outputsTable(t *testing.T, node yaml.Node) string {
	var b strings.Builder
	b.WriteString("| output | what it says |\n| --- | --- |\n")
	eachOf(t, node, func(name string, entry described) {
		fmt.Fprintf(&b, "| `%s` | %s |\n", name, strings.TrimSpace(entry.Description))
	})
	return b.String()
}

// replaceBetween replaces what stands between the two marks of a name.
func replaceBetween(t *testing.T, text, name, table string) string {
	t.Helper()
	head, rest, opened := strings.Cut(text, "<!-- "+name+" -->\n")
	_, tail, closed := strings.Cut(rest, "<!-- /"+name+" -->")
	if !opened || !closed {
		t.Fatalf("README.md has no marks for %s", name)
	}
	return head + "<!-- " + name + " -->\n" + table + "<!-- /" + name + " -->" + tail
}
