package status

import (
	"os"
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
