package doctor

import (
	"os"
	"regexp"
	"strings"
	"testing"
)

// TestPageListsTheExistingChecks: docs/check.md lists the checks that only a start of existing machines has.
func TestPageListsTheExistingChecks(t *testing.T) {
	raw, err := os.ReadFile("../docs/check.md")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(raw), "<!-- existing checks -->\n")
	table, _, found := strings.Cut(rest, "<!-- /existing checks -->")
	if !found {
		t.Fatal("docs/check.md has no table of checks for existing machines")
	}
	all := map[string]bool{}
	for _, check := range (&examination{}).checks() {
		all[check.Name()] = true
	}
	for _, check := range (&examination{request: Request{Existing: &Existing{}}}).checks() {
		if !all[check.Name()] && !strings.Contains(table, "| "+check.Name()+" |") {
			t.Errorf("docs/check.md does not tell of %s", check.Name())
		}
	}
}

// TestPageListsTheChecks compares the table in docs/check.md with the list of checks and its order.
func TestPageListsTheChecks(t *testing.T) {
	raw, err := os.ReadFile("../docs/check.md")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(raw), "<!-- checks -->\n")
	table, _, found := strings.Cut(rest, "<!-- /checks -->")
	if !found {
		t.Fatal("docs/check.md has no table of checks")
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
		t.Errorf("docs/check.md lists %s, and the checks are %s", got, want)
	}
}

// TestPageListsTheFindings: docs/check.md contains the name of every finding in the report of a script.
func TestPageListsTheFindings(t *testing.T) {
	page, err := os.ReadFile("../docs/check.md")
	if err != nil {
		t.Fatal(err)
	}
	script, err := os.ReadFile("../test/script/testdata/check_report.txtar")
	if err != nil {
		t.Fatal(err)
	}
	found := regexp.MustCompile(`"check":"([^"]+)"`).FindAllStringSubmatch(string(script), -1)
	for _, name := range found {
		if !strings.Contains(string(page), "\n| "+name[1]+" |") && !strings.Contains(string(page), "`"+name[1]+"`") {
			t.Errorf("docs/check.md does not name the finding %s", name[1])
		}
	}
	if len(found) < 20 {
		t.Errorf("the script's report has %d findings", len(found))
	}
}
