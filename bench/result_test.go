package main

import (
	"encoding/json"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

func TestMedian(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		values []float64
		want   float64
	}{{nil, 0}, {[]float64{3}, 3}, {[]float64{9, 1, 5}, 5}, {[]float64{4, 1, 3, 2}, 2.5}} {
		if got := median(test.values); got != test.want {
			t.Errorf("median(%v) = %v, want %v", test.values, got, test.want)
		}
	}
}

// TestRatio compares pair by pair: a slow machine slows both of a pair.
func TestRatio(t *testing.T) {
	t.Parallel()
	f := Figure{Values: []float64{1, 2, 30}, Rival: []float64{2, 4, 60}}
	if got := f.ratio(); !cmp.Equal(got, 0.5, cmpopts.EquateApprox(0, 1e-9)) {
		t.Errorf("got %v, want 0.5", got)
	}
}

// TestTable shows a figure that keeps what is promised, and one that does not.
func TestTable(t *testing.T) {
	t.Parallel()
	got := table(Results{Against: "node index.js", Figures: []Figure{
		{Group: "Calls", Name: "stop", Unit: "calls", Limit: 3, Values: []float64{3, 3}, Rival: []float64{4, 4}},
		{Group: "Calls", Name: "start", Unit: "calls", Limit: 3, Values: []float64{4, 5}},
	}})
	want := `
### Calls

| what  | median | min – max | unit  | promised | rival | ours / rival |
| ----- | ------ | --------- | ----- | -------- | ----- | ------------ |
| stop  | 3      | 3 – 3     | calls | ≤ 3      | 4     | 0.75         |
| start | 4.50   | 4 – 5     | calls | over 3   |       |              |
`
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

// TestReport holds docs/performance.md against the results that it is made from.
func TestReport(t *testing.T) {
	t.Parallel()
	raw, err := os.ReadFile("results.json")
	if err != nil {
		t.Fatal(err)
	}
	var results Results
	if err := json.Unmarshal(raw, &results); err != nil {
		t.Fatal(err)
	}
	have, err := os.ReadFile("../docs/performance.md")
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(reportText(results), string(have)); diff != "" {
		t.Errorf("docs/performance.md is not what bench/results.json says; run make bench\n%s", diff)
	}
}

// TestScene runs a whole measurement with a shell in the program's place: what it calls is counted, and its end is timed.
func TestScene(t *testing.T) {
	t.Parallel()
	s, err := newScene([]string{"/bin/sh", "-c", "exit 0"}, onlineAfter(time.Second))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.close)
	if _, err := s.run(t.Context(), "start", startInputs(nil)); err != nil {
		t.Fatal(err)
	}
	if n := s.calls("ec2", 0); n != 0 {
		t.Errorf("a shell that calls nothing: %v calls", n)
	}
	bad, err := newScene([]string{"/bin/sh", "-c", "exit 1"}, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(bad.close)
	if _, err := bad.run(t.Context(), "start", startInputs(nil)); err == nil || !strings.Contains(err.Error(), "exit code 1") {
		t.Errorf("a program that fails: got %v", err)
	}
}
