package main

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"runtime"
	"slices"
	"strings"

	"github.com/marqo-ai/ec2-github-runner/bench/stats"
)

// Results are all figures of one run, with where they were measured.
type Results struct {
	Machine string   `json:"machine"`
	Go      string   `json:"go"`
	Runs    int      `json:"runs"`
	Against string   `json:"against,omitempty"`
	Figures []Figure `json:"figures"`
	// Trouble is what the other action failed in, and how often.
	Trouble map[string]int `json:"trouble,omitempty"`
}

// Figure is one thing that was measured, and how often.
type Figure struct {
	Group string  `json:"group"`
	Name  string  `json:"name"`
	Unit  string  `json:"unit"`
	Limit float64 `json:"limit,omitempty"` // what it should not exceed in the median; 0: nothing is promised
	// Values are the samples of this run, and Rival those of the other action, each beside the value of the same index.
	// The file has only what they come to.
	Values []float64      `json:"-"`
	Rival  []float64      `json:"-"`
	Ours   stats.Summary  `json:"ours"`
	Other  *stats.Summary `json:"other,omitempty"`
	Ratio  float64        `json:"ratio,omitempty"` // the median of the pairs' ratios
}

// summarize fills in what the samples of this run come to.
func (f Figure) summarize() Figure {
	if len(f.Values) > 0 {
		f.Ours = stats.Summarize(f.Values)
	}
	if len(f.Rival) > 0 {
		other := stats.Summarize(f.Rival)
		f.Other, f.Ratio = &other, stats.Ratio(f.Values, f.Rival)
	}
	return f
}

func readResults(path string) (Results, error) {
	var r Results
	raw, err := os.ReadFile(path) //nolint:gosec // named on the command line
	if err != nil {
		return r, err
	}
	if err := json.Unmarshal(raw, &r); err != nil {
		return r, fmt.Errorf("read %s: %w", path, err)
	}
	return r, nil
}

// figure finds a figure by its names; nil where there is none.
func (r *Results) figure(group, name string) *Figure {
	for i := range r.Figures {
		if r.Figures[i].Group == group && r.Figures[i].Name == name {
			return &r.Figures[i]
		}
	}
	return nil
}

// sort puts the figures into the order of the plan, since they come in that of chance.
func (r *Results) sort(list []measurement) {
	place := map[string]int{}
	for _, m := range list {
		for _, row := range m.rows {
			place[m.group+"\x00"+row.name] = len(place) + 1
		}
	}
	slices.SortStableFunc(r.Figures, func(a, b Figure) int {
		return cmpPlace(place[a.Group+"\x00"+a.Name]) - cmpPlace(place[b.Group+"\x00"+b.Name])
	})
}

// cmpPlace puts what no plan names, the sizes, at the end.
func cmpPlace(place int) int {
	if place == 0 {
		return 1 << 30
	}
	return place
}

// keep takes over the figures of earlier results whose groups were not measured this time. Without earlier results
// there is nothing to keep.
func (r *Results) keep(path, only string) {
	earlier, err := readResults(path)
	if err != nil {
		return
	}
	var figures []Figure
	list := groups(earlier)
	for _, group := range groups(*r) {
		if !slices.Contains(list, group) {
			list = append(list, group)
		}
	}
	for _, group := range list {
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
	if r.Against == "" {
		r.Against, r.Trouble = earlier.Against, earlier.Trouble
	}
}

func (r Results) troubles() []string { return slices.Sorted(maps.Keys(r.Trouble)) }

func machine() string {
	return fmt.Sprintf("%s/%s, %d processors", runtime.GOOS, runtime.GOARCH, runtime.NumCPU())
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
