package main

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

const aSummary = "### EC2 runner `build` is ready after 31.0 s\n\n```mermaid\ntimeline\n    0.0 s : requested\n    " +
	"0.5 s : registration ready\n    2.5 s : launched\n" +
	"    8.0 s : running\n    31.0 s : online\n```\n\n| instance | boot script | seconds since boot " +
	"|\n|---|---|---|\n" +
	"| `i-0a` | `boot script started` | 9.5 s |\n| `i-0a` | `the runner is online` | 20.0 s |\n\n"

// TestRead reads the phases from a start's summary, and adds the job's first step.
func TestRead(t *testing.T) {
	t.Parallel()
	var s start
	s.read(aSummary)
	begun := time.Date(2026, 11, 1, 12, 0, 0, 0, time.UTC)
	s.worked(begun, begun.Add(33*time.Second))
	want := map[string]float64{toLaunched: 2.5, toRunning: 5.5, bootScript: 9.5, bootDone: 20, toOnline: 23,
		toFirstStep: 2, whole: 33}
	if diff := cmp.Diff(want, s.Phases); diff != "" {
		t.Error(diff)
	}
}

// TestReadWithoutConsole: unknown phases are missing rather than zero.
func TestReadWithoutConsole(t *testing.T) {
	t.Parallel()
	var s start
	s.read("```mermaid\ntimeline\n    0.0 s : requested\n    2.5 s : launched\n    31.0 s : online\n```\n")
	if diff := cmp.Diff(map[string]float64{toLaunched: 2.5}, s.Phases); diff != "" {
		t.Error(diff)
	}
}

func TestReport(t *testing.T) {
	t.Parallel()
	var starts []start
	for n := range 5 {
		starts = append(starts, start{Variant: stock, Phases: map[string]float64{toLaunched: float64(n + 1)}})
	}
	starts = append(starts, start{Variant: stock, Phases: map[string]float64{toLaunched: 1000}, Failed: "no capacity"})
	if err := starts[0].readReports(`[{"runner-name":"ec2-a","jobs":[{"cpu-percent":50,"memory-peak-kib":1048576,` +
		`"disk-peak-kib":3145728,"killed-processes":0,"limits":[]},{"cpu-percent":97,"memory-peak-kib":16252928,` +
		`"disk-peak-kib":3145728,"killed-processes":3,"limits":["memory"]}]},{"jobs":[]}]`); err != nil {
		t.Fatal(err)
	}
	if err := starts[1].readReports("no JSON"); err == nil {
		t.Error("an output that is no JSON is read")
	}
	want := `### From launch to the first step of a job

| phase | stock p50 | p95 | warm p50 | p95 |
|---|---|---|---|---|
| requested → launched | 3.0 s | 4.8 s | – | – |
| launched → running | – | – | – | – |
| kernel → boot script | – | – | – | – |
| kernel → last phase of the boot script | – | – | – | – |
| running → online | – | – | – | – |
| online → first step of the job | – | – | – | – |
| requested → first step of the job | – | – | – | – |
| starts, and how many failed | 6 | 1 | 0 | 0 |

The kernel's phases are by the machine's own clock; GitHub reports steps in whole seconds.

### What the jobs used

| of the machine | stock p50 | most | warm p50 | most |
|---|---|---|---|---|
| processors busy, of all | 73.5 % | 97.0 % | – | – |
| memory, at its peak | 8.2 GiB | 15.5 GiB | – | – |
| disk, at its peak | 3.0 GiB | 3.0 GiB | – | – |
| jobs that reported, and how many met a limit | 2 | 1 | 0 | 0 |
`
	if diff := cmp.Diff(want, report([]string{stock, warm}, starts)); diff != "" {
		t.Error(diff)
	}
}
