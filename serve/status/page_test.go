package status

import (
	"os"
	"regexp"
	"strings"
	"testing"
)

// TestDocumentation: docs/scale-sets.md has every metric.
func TestDocumentation(t *testing.T) {
	t.Parallel()
	const path, begin, end = "../../docs/scale-sets.md", "<!-- metrics -->\n", "<!-- /metrics -->"
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	before, rest, _ := strings.Cut(string(raw), begin)
	got, after, found := strings.Cut(rest, end)
	if !found {
		t.Fatal("the page has no marks for metrics")
	}
	want := "| metric | type | labels | what it is |\n| --- | --- | --- | --- |\n"
	for _, m := range List {
		labels := ""
		if m.Labels != "" {
			labels = "`" + strings.ReplaceAll(m.Labels, ",", "`, `") + "`"
		}
		want += "| `" + m.Name + "` | " + m.Type + " | " + labels + " | " + m.Help + " |\n"
	}
	if *update {
		if err := os.WriteFile(path, []byte(before+begin+want+end+after), 0o600); err != nil {
			t.Fatal(err)
		}
		return
	}
	if got != want {
		t.Errorf("the page has\n%s\nand the program\n%s\n(-update writes it)", got, want)
	}
}

// TestExamples: the alerts and the dashboard of examples/scale-set name metrics that there are, and the dashboard shows
// what an operator asks for first. test/prometheus reads them by Prometheus' own parsers.
func TestExamples(t *testing.T) {
	t.Parallel()
	used := map[string]bool{}
	for _, file := range []string{"alerts.yml", "dashboard.json"} {
		raw, err := os.ReadFile("../../examples/scale-set/" + file)
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range regexp.MustCompile(prefix+`(\w+)`).FindAllStringSubmatch(string(raw), -1) {
			used[name[1]] = true
		}
	}
	for _, m := range List {
		if _, shown := used[m.Name]; !shown && m.Type == "histogram" {
			shown = used[m.Name+"_bucket"]
			delete(used, m.Name+"_bucket")
			if !shown {
				t.Errorf("%s is used nowhere", m.Name)
			}
		}
		if !used[m.Name] && m.Type != "histogram" && m.Name != jobsAssigned && m.Name != reloadTime {
			t.Errorf("%s is used nowhere", m.Name)
		}
		delete(used, m.Name)
	}
	for name := range used {
		t.Errorf("there is no metric %s", name)
	}
}
