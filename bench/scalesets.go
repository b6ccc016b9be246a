package main

import (
	_ "embed"
	"encoding/json"
	"fmt"
)

// scaleSetResults are those of serve's TestCosts, which writes them with -update.
//
//go:embed scalesets.json
var scaleSetResults []byte

// dayCosts is what the same jobs cost by scale sets and by a start job each. These keys are TestCosts'.
type dayCosts struct {
	Served, Started struct {
		Jobs                  int
		Queued, Before, After float64 // seconds in the median
		EC2, GitHub           float64 // calls a job
	}
}

// scaleSetText is the section of the page.
func scaleSetText(raw []byte) (string, error) {
	var d dayCosts
	if err := json.Unmarshal(raw, &d); err != nil {
		return "", fmt.Errorf("read scalesets.json: %w", err)
	}
	row := func(what, unit string, served, started float64) string {
		return fmt.Sprintf("| %s | %.2f | %.2f | %s |\n", what, served, started, unit)
	}
	text := fmt.Sprintf(`
## Scale sets against start jobs

The same %d jobs of ten hours by [scale sets](scale-sets.md), and by a start job before and a stop job after each, in
virtual time against the simulated services, by serve's TestCosts. The start and stop jobs' own runners are there at
once, and GitHub begins a job ten seconds after the one that it needs; real ones take longer.

| medians | scale sets | start jobs | unit |
| --- | --- | --- | --- |
`, d.Served.Jobs)
	text += row("queued, or step begun, to RunInstances", "s", d.Served.Queued, d.Started.Queued)
	text += row("machine online and idle before its job", "s", d.Served.Before, d.Started.Before)
	text += row("machine running after its job", "s", d.Served.After, d.Started.After)
	text += row("calls to EC2 a job", "calls", d.Served.EC2, d.Started.EC2)
	text += row("calls to GitHub a job, without polls of scale sets", "calls", d.Served.GitHub, d.Started.GitHub)
	return text, nil
}
