package main

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestTable: a figure within its limit, and one beyond it; a group without a rival has no column for one.
func TestTable(t *testing.T) {
	t.Parallel()
	got := table(Results{Against: "node index.js", Figures: []Figure{
		{Group: "Calls", Name: "stop", Unit: "calls", Limit: 3, Values: []float64{3, 3}, Rival: []float64{4, 4}},
		{Group: "Calls", Name: "start", Unit: "calls", Limit: 3, Values: []float64{4, 5}},
		{Group: "Sizes", Name: "program", Unit: "MB", Values: []float64{12.5}},
	}})
	want := `
### Calls

| what  | median | min – max | unit  | promised | the other | min – max | ours / the other's |
| ----- | ------ | --------- | ----- | -------- | --------- | --------- | ------------------ |
| stop  | 3      | 3         | calls | ≤ 3      | 4         | 4         | 0.75               |
| start | 4.50   | 4 – 5     | calls | over 3   |           |           |                    |

### Sizes

| what    | median | min – max | unit | promised |
| ------- | ------ | --------- | ---- | -------- |
| program | 12.50  | 12.50     | MB   |          |
`
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

// TestOrder: figures are recorded in random order and reported in the order of the plan, sizes last.
func TestOrder(t *testing.T) {
	t.Parallel()
	var r Results
	b := &bench{}
	list := b.plan()
	r.Figures = append(r.Figures, Figure{Group: groupSizes, Name: "program"})
	for i := len(list) - 1; i >= 0; i-- {
		for j := len(list[i].rows) - 1; j >= 0; j-- {
			r.Figures = append(r.Figures, Figure{Group: list[i].group, Name: list[i].rows[j].name})
		}
	}
	r.sort(list)
	var want []string
	for _, m := range list {
		want = append(want, m.group)
	}
	if diff := cmp.Diff(append(want, groupSizes), groups(r)); diff != "" {
		t.Error(diff)
	}
	if got := r.Figures[0].Name; got != list[0].rows[0].name {
		t.Errorf("the first row is %q", got)
	}
}

// TestKeep: measuring some groups keeps the others in the file.
func TestKeep(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "results.json")
	earlier := `{"against": "node index.js", "figures": [
		{"group": "Start-up", "name": "a", "ours": {"runs": 9, "median": 1}},
		{"group": "Calls", "name": "b", "ours": {"runs": 9, "median": 2}}]}`
	if err := os.WriteFile(path, []byte(earlier), 0o600); err != nil {
		t.Fatal(err)
	}
	r := Results{Figures: []Figure{{Group: "Calls", Name: "b", Values: []float64{3}}}}
	r.keep(path, "Calls")
	if got := r.figure("Start-up", "a"); got == nil || got.Ours.Median != 1 {
		t.Errorf("what was not measured is %+v", got)
	}
	if got := r.figure("Calls", "b"); got == nil || got.summarize().Ours.Median != 3 {
		t.Errorf("what was measured is %+v", got)
	}
	if r.Against != "node index.js" {
		t.Errorf("the other action is called %q", r.Against)
	}
}

// TestReport: docs/performance.md is what the results generate.
func TestReport(t *testing.T) {
	t.Parallel()
	results, err := readResults("results.json")
	if err != nil {
		t.Fatal(err)
	}
	have, err := os.ReadFile("../docs/performance.md")
	if err != nil {
		t.Fatal(err)
	}
	want, err := reportText(results)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, string(have)); diff != "" {
		t.Errorf("docs/performance.md is not what bench/results.json says; run go run ./bench -report "+
			"docs/performance.md\n%s", diff)
	}
}

// TestResultsAreWhole: the file contains every figure of the plan, each measured at least ten times, except those that
// need docker and the sizes.
func TestResultsAreWhole(t *testing.T) {
	t.Parallel()
	results, err := readResults("results.json")
	if err != nil {
		t.Fatal(err)
	}
	b := &bench{}
	for _, m := range b.plan() {
		for _, r := range m.rows {
			f := results.figure(m.group, r.name)
			switch {
			case f == nil:
				t.Errorf("%s, %s: not measured", m.group, r.name)
			case f.Ours.Runs < 10:
				t.Errorf("%s, %s: %d runs, want at least 10", m.group, r.name, f.Ours.Runs)
			}
		}
	}
}
