package main

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/marqo-ai/ec2-github-runner/bench/stats"
)

// jobReport is what a machine had and used during its job: the fields of an element of stop's output job-reports that
// the table needs.
type jobReport struct {
	CPU    float64  `json:"cpu-percent"`
	Memory float64  `json:"memory-peak-kib"`
	Disk   float64  `json:"disk-peak-kib"`
	Killed int      `json:"killed-processes"`
	Limits []string `json:"limits"`
}

// readReports reads the job reports from stop's output. There are none if the console could not be read.
func (s *start) readReports(output string) error {
	if output == "" {
		return nil
	}
	var machines []struct {
		Jobs []jobReport `json:"jobs"`
	}
	if err := json.Unmarshal([]byte(output), &machines); err != nil {
		return fmt.Errorf("read the output job-reports: %w", err)
	}
	for _, m := range machines {
		s.Jobs = append(s.Jobs, m.Jobs...)
	}
	return nil
}

const kibPerGiB = 1 << 20

// usageRows are the rows of the table, each with a job's value.
var usageRows = []struct {
	name, unit string
	of         func(jobReport) float64
}{
	{"processors busy, of all", "%", func(j jobReport) float64 { return j.CPU }},
	{"memory, at its peak", "GiB", func(j jobReport) float64 { return j.Memory / kibPerGiB }},
	{"disk, at its peak", "GiB", func(j jobReport) float64 { return j.Disk / kibPerGiB }},
}

// usage returns a table of what the jobs used of their machines: the median and the maximum for each variant.
func usage(variants []string, starts []start) string {
	var b strings.Builder
	b.WriteString("\n### What the jobs used\n\n| of the machine |")
	for _, v := range variants {
		fmt.Fprintf(&b, " %s p50 | most |", v)
	}
	b.WriteString("\n|---|" + strings.Repeat("---|---|", len(variants)) + "\n")
	for _, row := range usageRows {
		fmt.Fprintf(&b, "| %s |", row.name)
		for _, v := range variants {
			var values []float64
			for _, j := range jobsOf(starts, v) {
				values = append(values, row.of(j))
			}
			if len(values) == 0 {
				b.WriteString(" – | – |")
				continue
			}
			fmt.Fprintf(&b, " %.1f %s | %.1f %s |", stats.Quantile(values, 0.5), row.unit, stats.Quantile(values, 1),
				row.unit)
		}
		b.WriteString("\n")
	}
	b.WriteString("| jobs that reported, and how many met a limit |")
	for _, v := range variants {
		jobs, limited := jobsOf(starts, v), 0
		for _, j := range jobs {
			if len(j.Limits) > 0 || j.Killed > 0 {
				limited++
			}
		}
		fmt.Fprintf(&b, " %d | %d |", len(jobs), limited)
	}
	b.WriteString("\n")
	return b.String()
}

func jobsOf(starts []start, variant string) (jobs []jobReport) {
	for _, s := range starts {
		if s.Variant == variant {
			jobs = append(jobs, s.Jobs...)
		}
	}
	return jobs
}
