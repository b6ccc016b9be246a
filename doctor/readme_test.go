package doctor

import (
	"os"
	"strings"
	"testing"
)

// TestReadmeListsTheChecks holds README's table against the list of checks: all of them, in their order.
func TestReadmeListsTheChecks(t *testing.T) {
	raw, err := os.ReadFile("../README.md")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(raw), "<!-- checks -->\n")
	table, _, found := strings.Cut(rest, "<!-- /checks -->")
	if !found {
		t.Fatal("README.md has no table of checks")
	}
	var listed []string
	for line := range strings.Lines(table) {
		name, _, _ := strings.Cut(strings.TrimPrefix(line, "| "), " |")
		listed = append(listed, name)
	}
	listed = listed[2:] // heading and rule
	var names []string
	for _, check := range (&examination{}).checks() {
		names = append(names, check.Name())
	}
	if got, want := strings.Join(listed, ", "), strings.Join(names, ", "); got != want {
		t.Errorf("README.md lists %s, and the checks are %s", got, want)
	}
}
