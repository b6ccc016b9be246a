package main

import (
	"strings"
	"testing"
)

// TestScaleSetText: each figure is in its column.
func TestScaleSetText(t *testing.T) {
	t.Parallel()
	text, err := scaleSetText([]byte(`{
		"served": {"jobs": 500, "queued": 0.25, "before": 1, "after": 3.5,
			"ec2": 3, "github": 6},
		"started": {"queued": 0.5, "before": 10, "after": 11, "ec2": 12,
			"github": 30},
		"ways": {"cold": {"jobs": 300, "waited": 25, "late": 26, "wasted": 22}, "warm": {"waited": 11.6},
			"min": {"wasted": 333}},
		"latency": {"median": 0.5, "most": 0.6}, "storm": {"most": 99, "seconds": 220, "allowed": 200},
		"day": {"jobs": 5000, "sets": 20, "processes": 4, "ec2": 2.5, "github": 5.9, "polls": 8.6},
		"idle": {"sets": 50, "memory": 31, "cpu": 0.09}}`))
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"The same 500 jobs", "to RunInstances | 0.25 | 0.50 | s |",
		"idle before its job | 1.00 | 10.00 | s |", "after its job | 3.50 | 11.00 | s |",
		"calls to EC2 a job | 3.00 | 12.00 | calls |", "polls of scale sets | 6.00 | 30.00 | calls |",
		"| cold | 25.0 s | 26.0 s | 22 s a job |", "| `warm: 5` | 11.6 s |",
		"| `min: 3` | 0.0 s | 0.0 s | 333 s a job |",
		"median | 0.50 | 1 | s |", "slowest | 0.60 | 2 | s |", "same time | 99 | 100 |", "rounds take | 1.10 | 1.15 |",
		"a day of 5000 jobs in 20 sets with faults, outages and 4 processes: calls to EC2 a job | 2.50 | 6 |",
		"beside 8.6 polls | 5.90 | 6 |", "50 idle sets: peak memory | 31.0 | 40 |", "processor time | 0.09 | 0.5 |"} {
		if !strings.Contains(text, want) {
			t.Errorf("the section lacks %q:\n%s", want, text)
		}
	}
	if _, err := scaleSetText([]byte("{")); err == nil {
		t.Error("half a file is read")
	}
}
