package main

import (
	"encoding/json"
	"fmt"
	"os"
	"strings"
)

// writeReport makes docs/performance.md from results: no figure in it is typed by hand.
func writeReport(results, path string) error {
	raw, err := os.ReadFile(results) //nolint:gosec // named on the command line
	if err != nil {
		return err
	}
	var r Results
	if err := json.Unmarshal(raw, &r); err != nil {
		return fmt.Errorf("read %s: %w", results, err)
	}
	return os.WriteFile(path, []byte(reportText(r)), 0o644) //nolint:gosec // a public file
}

func reportText(r Results) string {
	var b strings.Builder
	fmt.Fprintf(&b, `# What it costs

Made by `+"`make bench`"+` from bench/results.json; no figure here is typed by hand.

Measured on %s, %s, %d runs of each, against the simulated EC2 and GitHub at the speed of the real ones: RunInstances answers in 1.5 s, other calls to EC2 in
0.1 s, GitHub in 0.15 s, and an instance runs 5 s after its launch. So the figures show what this program adds to what the clouds take.
**Not measured here:** AWS itself, github.com, and the boot of a real image.
`, r.Machine, r.Go, r.Runs)
	if r.Against != "" {
		fmt.Fprintf(&b, "\nThe rival ran in the same run, pair by pair: `%s`.\n", r.Against)
	}
	b.WriteString(table(r))
	return b.String()
}
