package main

import (
	_ "embed"
	"encoding/json"
	"fmt"
)

// scaleSetResults are the results of serve's tests, which write them with -update.
//
//go:embed scalesets.json
var scaleSetResults []byte

// scaleSetFigures are the measurements of serve's tests, with their keys.
type scaleSetFigures struct {
	Served, Started struct { // TestCosts
		Jobs                  int
		Queued, Before, After float64 // seconds in the median
		EC2, GitHub           float64 // calls a job
	}
	Ways    map[string]way                                              // TestWays
	Latency struct{ Median, Most float64 }                              // TestLatency, seconds
	Storm   struct{ Most, Seconds, Allowed float64 }                    // TestTwoHundredJobs
	Day     struct{ Jobs, Sets, Processes, EC2, GitHub, Polls float64 } // TestDay
	Idle    struct{ Sets, Memory, CPU float64 }                         // TestIdleProcess, MiB and percent of a core
}

// way is the cost of a way to keep machines ready: seconds waited in the median and in the slowest 5 %, and wasted
// seconds a job.
type way struct {
	Jobs                 int
	Waited, Late, Wasted float64
}

// scaleSetText returns the page's part about scale sets.
func scaleSetText(raw []byte) (string, error) {
	var f scaleSetFigures
	if err := json.Unmarshal(raw, &f); err != nil {
		return "", fmt.Errorf("read scalesets.json: %w", err)
	}
	return f.limits() + f.ways() + f.againstStartJobs(), nil
}

// limits returns the section about what was promised.
func (f scaleSetFigures) limits() string {
	return fmt.Sprintf(`
## Scale sets

[Scale sets](scale-sets.md) in virtual time against the simulated services, whose limits are the published ones, and the
last two rows with the real program over HTTP, without TLS. `+"`go test ./serve -day -update`"+` measures them anew.

| what | measured | limit | unit |
| --- | --- | --- | --- |
| assigned to RunInstances, median | %.2f | 1 | s |
| assigned to RunInstances, the slowest | %.2f | 2 | s |
| 200 jobs at once, max 100: machines at the same time | %.0f | 100 | machines |
| 200 jobs at once, max 100: all done, as a ratio of what EC2's limit and two rounds take | %.2f | 1.15 | |
| a day of %.0f jobs in %.0f sets with faults, outages and %.0f processes: calls to EC2 a job | %.2f | 6 | calls |
| the same day: calls to GitHub a job, beside %.1f polls | %.2f | 6 | calls |
| %.0f idle sets: peak memory | %.1f | 40 | MiB |
| %.0f idle sets: processor time | %.2f | 0.5 | %% of a core |
`, f.Latency.Median, f.Latency.Most, f.Storm.Most, f.Storm.Seconds/f.Storm.Allowed, f.Day.Jobs, f.Day.Sets,
		f.Day.Processes, f.Day.EC2, f.Day.Polls, f.Day.GitHub, f.Idle.Sets, f.Idle.Memory, f.Idle.Sets, f.Idle.CPU)
}

// waysText introduces the section about machines that are kept ready.
const waysText = `
## Cold, warm and idle machines

The same %d jobs of ten hours in one set: with a machine launched for each, with five stopped machines kept ready
(warm), and with three idle runners kept online (min). A machine runs without a job while it boots, waits, prepares
itself for later, or powers off.

| | waited, median | waited, slowest twentieth | machines ran without a job |
| --- | --- | --- | --- |
`

// ways returns the section about machines that are kept ready.
func (f scaleSetFigures) ways() string {
	text := fmt.Sprintf(waysText, f.Ways["cold"].Jobs)
	for _, row := range []struct{ key, title string }{
		{"cold", "cold"}, {"warm", "`warm: 5`"}, {"min", "`min: 3`"},
	} {
		w := f.Ways[row.key]
		text += fmt.Sprintf("| %s | %.1f s | %.1f s | %.0f s a job |\n", row.title, w.Waited, w.Late, w.Wasted)
	}
	return text
}

// againstStartJobs returns the section that compares them with start jobs.
func (f scaleSetFigures) againstStartJobs() string {
	row := func(what, unit string, served, started float64) string {
		return fmt.Sprintf("| %s | %.2f | %.2f | %s |\n", what, served, started, unit)
	}
	text := fmt.Sprintf(`
## Scale sets against start jobs

The same %d jobs of ten hours by scale sets, and by a start job before and a stop job after each, in virtual time
against the simulated services. The start and stop jobs' own runners are there at once, and GitHub begins a job ten
seconds after the one that it needs; real ones take longer.

| medians | scale sets | start jobs | unit |
| --- | --- | --- | --- |
`, f.Served.Jobs)
	text += row("queued, or step begun, to RunInstances", "s", f.Served.Queued, f.Started.Queued)
	text += row("machine online and idle before its job", "s", f.Served.Before, f.Started.Before)
	text += row("machine running after its job", "s", f.Served.After, f.Started.After)
	text += row("calls to EC2 a job", "calls", f.Served.EC2, f.Started.EC2)
	text += row("calls to GitHub a job, without polls of scale sets", "calls", f.Served.GitHub, f.Started.GitHub)
	return text
}
