package main

import (
	"fmt"
	"strings"

	"github.com/marqo-ai/ec2-github-runner/bench/stats"
)

// report returns the results as Markdown: p50 and p95 in seconds for each phase and variant, over the starts with a
// value.
func report(variants []string, starts []start) string {
	var b strings.Builder
	b.WriteString("### From launch to the first step of a job\n\n| phase |")
	for _, v := range variants {
		fmt.Fprintf(&b, " %s p50 | p95 |", v)
	}
	b.WriteString("\n|---|" + strings.Repeat("---|---|", len(variants)) + "\n")
	for _, phase := range phases {
		fmt.Fprintf(&b, "| %s |", phase)
		for _, v := range variants {
			values := valuesOf(starts, v, phase)
			if len(values) == 0 {
				b.WriteString(" – | – |")
				continue
			}
			fmt.Fprintf(&b, " %.1f s | %.1f s |", stats.Quantile(values, 0.5), stats.Quantile(values, 0.95))
		}
		b.WriteString("\n")
	}
	b.WriteString("| starts, and how many failed |")
	for _, v := range variants {
		all, failed := 0, 0
		for _, s := range starts {
			if s.Variant == v {
				all++
				if s.Failed != "" {
					failed++
				}
			}
		}
		fmt.Fprintf(&b, " %d | %d |", all, failed)
	}
	b.WriteString("\n\nThe kernel's phases are by the machine's own clock; GitHub reports steps in whole seconds.\n")
	b.WriteString(usage(variants, starts))
	b.WriteString(tokens(variants, starts))
	return b.String()
}

// valuesOf returns a phase's seconds in the completed starts of a variant.
func valuesOf(starts []start, variant, phase string) []float64 {
	var values []float64
	for _, s := range starts {
		if value, told := s.Phases[phase]; told && s.Variant == variant && s.Failed == "" {
			values = append(values, value)
		}
	}
	return values
}
