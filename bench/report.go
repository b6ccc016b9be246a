package main

import (
	"fmt"
	"os"
	"strings"

	"github.com/marqo-ai/ec2-github-runner/test/simulator"
)

// writeReport generates docs/performance.md from results: no figure in it is typed by hand.
func writeReport(results, path string) error {
	r, err := readResults(results)
	if err != nil {
		return err
	}
	text, err := reportText(r)
	if err != nil {
		return err
	}
	return os.WriteFile(path, []byte(text), 0o644) //nolint:gosec // a public file
}

// reportText returns the page.
func reportText(r Results) (string, error) {
	var b strings.Builder
	fmt.Fprintf(&b, `# Performance

Made by `+"`make bench`"+` from bench/results.json; no figure here is typed by hand.

%s## What was measured, and where

| what | where | how |
| --- | --- | --- |
| this page: calls, waiting, start-up, rollback, growth | %s, %s, against the simulated EC2 and GitHub | `+
		"`make bench`"+`, %d runs of each |
| CPU-bound functions: parsing, offerings, user data, orphans | ubuntu-24.04, compared with the main branch | `+
		"`scripts/benchstat BASE`"+`, in ci.yml |
| signing in by one step against three | this project's image and a workflow engine, against the simulated services | `+
		"`TestSignInAgainstThreeSteps`"+` in test/act, see [below](#one-step-against-three) |
| the boot of the user data, under systemd and cloud-init | a container | `+"`make test-real`"+`, `+
		`see [its figures](../test/boot/README.md#measured) |
| **not measured**: launch, boot and first step on AWS and github.com | your account | the workflow bench-aws.yml, `+
		`see [below](#on-aws) |

`, growth{r}.inShort(), r.Machine, r.Go, r.Runs)
	timing := simulator.Defaults().Timing
	fmt.Fprintf(&b, `The simulated services use published latencies and rate limits: RunInstances answers in %s, `+
		`other `+
		`calls to EC2 in %s, GitHub in %s, an instance
runs %s after its launch, and its runner is online after %s by registration token, unless stated otherwise. So the
figures show what this program adds to the time that EC2 and GitHub take. Start-ups are timed while nothing else
runs; measurements that mostly wait run concurrently, in real time. "promised" is the limit for the median.

## Measured
`, timing.RunInstances, timing.EC2, timing.GitHub, timing.Running, timing.Boot+timing.Download+timing.Config+
		timing.Listen)
	b.WriteString(rivalText(r))
	b.WriteString(table(r))
	b.WriteString(growthText(growth{r}))
	signIn, err := signInText(signInResults)
	b.WriteString(signIn)
	if err != nil {
		return "", err
	}
	scaleSets, err := scaleSetText(scaleSetResults)
	b.WriteString(scaleSets)
	b.WriteString(awsText)
	return b.String(), err
}

func rivalText(r Results) string {
	if r.Against == "" {
		return ""
	}
	var b strings.Builder
	fmt.Fprintf(&b, `
"The other" is %s. It got the same inputs in the same run, in pairs: directly one after the other, in alternating
order. The last column is the median of the pairs' ratios. A group without this column measures what that action
cannot do.
`, r.Against)
	for _, trouble := range r.troubles() {
		fmt.Fprintf(&b, "\nIt failed %d times in: %s\n", r.Trouble[trouble], trouble)
	}
	return b.String()
}

const awsText = `
## On AWS

The workflow [bench-aws.yml](../.github/workflows/bench-aws.yml) measures the same in a real account: it starts
runners from a stock image, from a baked one, from a warm pool, ephemeral ones and spot, gives each a job, reads the
phases from the start's summary and from GitHub's list of jobs, prints p50 and p95 of launch → running → boot script
→ online → first step, reports whether EC2 shows the client token of the instances (for spot this is not known), and
terminates everything that it started. Its logic is tested against the simulator; this page contains no figures of a
real account.
`
