package main

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// tables is the output of benchstat for two runs, the second of which was edited.
const tables = `goos: linux
goarch: amd64
pkg: example.com/runner
,main,,change,,,
,sec/op,CI,sec/op,CI,vs base,P
Orphans-2,1.4e-01,2%,1.9e-01,1%,+39.00%,p=0.000 n=10
Offerings-2,1.0e-07,2%,2.0e-07,1%,+97.56%,p=0.000 n=10
Parse/runners=50-2,1.05e-07,1%,2.05e-07,1%,~,p=0.100 n=10
Gone-2,1.05e-07,1%
New-2,,,1.05e-07,1%,,
geomean,1.0e-07,,2.0e-07,,+96.40%,

,main,,change,,,
,allocs/op,CI,allocs/op,CI,vs base,P
Orphans-2,10,0%,9,0%,-10.00%,p=0.000 n=10
Offerings-2,8,0%,9,0%,+12.50%,p=0.000 n=10
geomean,1,,2,,+100.00%,
`

// TestJudge: exactly the increases beyond their unit's limit are reported: not insignificant ones, not benchmarks of
// one side only, not the mean.
func TestJudge(t *testing.T) {
	t.Parallel()
	worse, compared, err := judge(strings.NewReader(tables))
	if err != nil {
		t.Fatal(err)
	}
	want := []string{
		"example.com/runner Offerings-2: sec/op by +97.56% (p=0.000 n=10); at most +40% is allowed",
		"example.com/runner Offerings-2: allocs/op by +12.50% (p=0.000 n=10); at most +10% is allowed",
	}
	if diff := cmp.Diff(want, worse); diff != "" {
		t.Error(diff)
	}
	if compared != 5 {
		t.Errorf("compared %d, want 5", compared)
	}
}

func TestJudgeRefusesWhatItCannotRead(t *testing.T) {
	t.Parallel()
	if _, _, err := judge(strings.NewReader(",sec/op,,,,\n,sec/op,CI,sec/op,CI,vs " +
		"base,P\nX-2,1,1%,2,1%,much,p=0\n")); err == nil {
		t.Error("a change that is no number was read")
	}
}
