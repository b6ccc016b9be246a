package main

import (
	"fmt"
	"os"
	"strings"

	"github.com/marqo-ai/ec2-github-runner/simulator"
)

// writeReport makes docs/performance.md from results: no figure in it is typed by hand.
func writeReport(results, path string) error {
	r, err := readResults(results)
	if err != nil {
		return err
	}
	return os.WriteFile(path, []byte(reportText(r)), 0o644) //nolint:gosec // a public file
}

// reportText is the page.
func reportText(r Results) string {
	var b strings.Builder
	fmt.Fprintf(&b, `# What it costs

Made by `+"`make bench`"+` from bench/results.json; no figure here is typed by hand.

## What was measured where

| what | where | how |
| --- | --- | --- |
| calls, waiting, start-up, roll-back, growth: this page | %s, %s, against the simulated EC2 and GitHub | `+"`make bench`"+`, %d runs of each |
| what is pure and hot: parsing, offerings, user data, orphans | ubuntu-24.04, against the main branch | `+"`scripts/benchstat BASE`"+`, in ci.yml |
| the boot of the user data, under systemd and cloud-init | a container | `+"`make test-real`"+` |
| **not measured**: launch, boot and first step on AWS and github.com | an account of yours | the workflow bench-aws.yml, see [below](#on-aws) |

`, r.Machine, r.Go, r.Runs)
	timing := simulator.Defaults().Timing
	fmt.Fprintf(&b, `The simulated clouds are as slow as the real ones are published to be: RunInstances answers in %s, other calls to EC2 in %s, GitHub in %s, an instance
runs %s after its launch, and where nothing else is said its runner is online after %s by registration token. Their limits are the published ones. So the
figures show what this program adds to what the clouds take. Start-ups are timed while nothing else runs; what only waits runs side by side, in real time.
"promised" is what the median has to keep.

## Measured
`, timing.RunInstances, timing.EC2, timing.GitHub, timing.Running, timing.Boot+timing.Download+timing.Config+timing.Listen)
	b.WriteString(rivalText(r))
	b.WriteString(table(r))
	b.WriteString(growthText(growth{r}))
	b.WriteString(awsText)
	return b.String()
}

func rivalText(r Results) string {
	if r.Against == "" {
		return ""
	}
	var b strings.Builder
	fmt.Fprintf(&b, `
"The other" is %s. It got the same inputs in the same run, pair by pair: one right after the other, each first in turn. The last column is the median of the
pairs' ratios. Where a group has no such column, there is nothing in it that it could do.
`, r.Against)
	for _, trouble := range r.troubles() {
		fmt.Fprintf(&b, "\nIt failed %d times in: %s\n", r.Trouble[trouble], trouble)
	}
	return b.String()
}

const awsText = `
## On AWS

The workflow [bench-aws.yml](../.github/workflows/bench-aws.yml) measures the same with an account: it starts runners from a stock image, from a baked one, from
a warm pool, ephemeral ones and spot, gives each a job, reads the phases from the start's own summary and from GitHub's list of jobs, prints p50 and p95 of
launch → running → boot script → online → first step, says whether EC2 shows the client token of the instances (of spot nobody has seen it), and ends all that it started. Its logic is tested against the simulator; no figures of a real account are
part of this page.
`
