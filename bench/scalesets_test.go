package main

import (
	"strings"
	"testing"
)

// TestScaleSetText: each figure stands in its column.
func TestScaleSetText(t *testing.T) {
	t.Parallel()
	text, err := scaleSetText([]byte(`{
		"served": {"jobs": 500, "queued": 0.25, "before": 1, "after": 3.5,
			"ec2": 3, "github": 6},
		"started": {"queued": 0.5, "before": 10, "after": 11, "ec2": 12,
			"github": 30}}`))
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"The same 500 jobs", "to RunInstances | 0.25 | 0.50 | s |",
		"idle before its job | 1.00 | 10.00 | s |", "after its job | 3.50 | 11.00 | s |",
		"calls to EC2 a job | 3.00 | 12.00 | calls |", "polls of scale sets | 6.00 | 30.00 | calls |"} {
		if !strings.Contains(text, want) {
			t.Errorf("the section lacks %q:\n%s", want, text)
		}
	}
	if _, err := scaleSetText([]byte("{")); err == nil {
		t.Error("half a file is read")
	}
}
