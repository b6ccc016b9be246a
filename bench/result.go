package main

import (
	"encoding/json"
	"fmt"
	"os"
	"runtime"
	"slices"
	"strings"
)

// Results are all figures of one run, with where they were measured.
type Results struct {
	Machine string   `json:"machine"`
	Go      string   `json:"go"`
	Runs    int      `json:"runs"`
	Against string   `json:"against,omitempty"`
	Figures []Figure `json:"figures"`
}

// Figure is one thing that was measured, and how often.
type Figure struct {
	Group  string    `json:"group"`
	Name   string    `json:"name"`
	Unit   string    `json:"unit"`
	Limit  float64   `json:"limit,omitempty"` // what it should not exceed in the median; 0: nothing is promised
	Values []float64 `json:"values"`
	Rival  []float64 `json:"rival,omitempty"` // of the other action, pair by pair
}

// keep takes over the figures of earlier results whose groups were not measured this time. Without earlier results there
// is nothing to keep.
func (r *Results) keep(path, only string) {
	raw, err := os.ReadFile(path) //nolint:gosec // named on the command line
	var earlier Results
	if err != nil || json.Unmarshal(raw, &earlier) != nil {
		return
	}
	var figures []Figure
	for _, group := range groups(earlier) {
		from := earlier
		if strings.Contains(group, only) {
			from = *r
		}
		for _, f := range from.Figures {
			if f.Group == group {
				figures = append(figures, f)
			}
		}
	}
	r.Figures = figures
}

func (f Figure) median() float64 { return median(f.Values) }

func median(values []float64) float64 {
	if len(values) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(values))
	middle := len(sorted) / 2
	if len(sorted)%2 == 0 {
		return (sorted[middle-1] + sorted[middle]) / 2
	}
	return sorted[middle]
}

// ratio is the median of the pairs' ratios, ours by theirs.
func (f Figure) ratio() float64 {
	var ratios []float64
	for i := range min(len(f.Values), len(f.Rival)) {
		if f.Rival[i] != 0 {
			ratios = append(ratios, f.Values[i]/f.Rival[i])
		}
	}
	return median(ratios)
}

// verdict compares the median with its limit.
func (f Figure) verdict() string {
	switch {
	case f.Limit == 0:
		return ""
	case f.median() <= f.Limit:
		return fmt.Sprintf("≤ %s", number(f.Limit))
	default:
		return fmt.Sprintf("over %s", number(f.Limit))
	}
}

func number(value float64) string {
	if value == float64(int64(value)) {
		return fmt.Sprintf("%d", int64(value))
	}
	return fmt.Sprintf("%.2f", value)
}

func machine() string {
	return fmt.Sprintf("%s/%s, %d processors", runtime.GOOS, runtime.GOARCH, runtime.NumCPU())
}

// columns of the table.
func row(f Figure, withRival bool) []string {
	cells := []string{f.Name, number(f.median()), number(slices.Min(f.Values)) + " – " + number(slices.Max(f.Values)), f.Unit, f.verdict()}
	if withRival {
		if len(f.Rival) == 0 {
			return append(cells, "", "")
		}
		return append(cells, number(median(f.Rival)), number(f.ratio()))
	}
	return cells
}

func header(withRival bool) []string {
	cells := []string{"what", "median", "min – max", "unit", "promised"}
	if withRival {
		return append(cells, "rival", "ours / rival")
	}
	return cells
}

// table is the results as a Markdown table a group, aligned so that it is readable as it is.
func table(results Results) string {
	var b strings.Builder
	for _, group := range groups(results) {
		fmt.Fprintf(&b, "\n### %s\n\n", group)
		rows := [][]string{header(results.Against != "")}
		for _, f := range results.Figures {
			if f.Group == group && len(f.Values) > 0 {
				rows = append(rows, row(f, results.Against != ""))
			}
		}
		b.WriteString(align(rows))
	}
	return b.String()
}

func groups(results Results) []string {
	var list []string
	for _, f := range results.Figures {
		if !slices.Contains(list, f.Group) {
			list = append(list, f.Group)
		}
	}
	return list
}

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
