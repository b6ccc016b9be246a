package main

import (
	"fmt"
	"slices"
	"strings"

	"github.com/marqo-ai/ec2-github-runner/bench/stats"
)

// table returns the results as a Markdown table for each group, aligned for reading as plain text.
func table(results Results) string {
	var b strings.Builder
	for _, group := range groups(results) {
		rivals := slices.ContainsFunc(results.Figures, func(f Figure) bool {
			return f.Group == group && f.summarize().Other != nil
		})
		rows := [][]string{header(rivals)}
		for _, f := range results.Figures {
			if f = f.summarize(); f.Group == group && f.Ours.Runs > 0 {
				rows = append(rows, cells(f, rivals))
			}
		}
		fmt.Fprintf(&b, "\n### %s\n\n%s", group, align(rows))
	}
	return b.String()
}

func header(rivals bool) []string {
	list := []string{"what", "median", "min – max", "unit", "promised"}
	if rivals {
		return append(list, "the other", "min – max", "ours / the other's")
	}
	return list
}

func cells(f Figure, rivals bool) []string {
	list := []string{f.Name, number(f.Ours.Median), spread(f.Ours), f.Unit, f.verdict()}
	if !rivals {
		return list
	}
	if f.Other == nil {
		return append(list, "", "", "")
	}
	return append(list, number(f.Other.Median), spread(*f.Other), number(f.Ratio))
}

// verdict compares the median with its limit.
func (f Figure) verdict() string {
	switch {
	case f.Limit == 0:
		return ""
	case f.Ours.Median <= f.Limit:
		return "≤ " + number(f.Limit)
	default:
		return "over " + number(f.Limit)
	}
}

func spread(s stats.Summary) string {
	if s.Min == s.Max {
		return number(s.Min)
	}
	return number(s.Min) + " – " + number(s.Max)
}

func number(value float64) string {
	if value == float64(int64(value)) {
		return fmt.Sprintf("%d", int64(value))
	}
	return fmt.Sprintf("%.2f", value)
}

// align returns a Markdown table with aligned columns.
func align(rows [][]string) string {
	widths := make([]int, len(rows[0]))
	for _, cells := range rows {
		for i, cell := range cells {
			widths[i] = max(widths[i], len([]rune(cell)))
		}
	}
	var b strings.Builder
	for n, cells := range rows {
		for i, cell := range cells {
			fmt.Fprintf(&b, "| %s%s ", cell, strings.Repeat(" ", widths[i]-len([]rune(cell))))
		}
		b.WriteString("|\n")
		if n == 0 {
			for _, width := range widths {
				fmt.Fprintf(&b, "| %s ", strings.Repeat("-", width))
			}
			b.WriteString("|\n")
		}
	}
	return b.String()
}
