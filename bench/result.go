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

// Results are all figures of a run, with where they were measured.
type Results struct {
	Machine string   `json:"machine"`
	Go      string   `json:"go"`
	Runs    int      `json:"runs"`
	Against string   `json:"against,omitempty"`
	Figures []Figure `json:"figures"`
	// Trouble counts the other action's failures by what failed.
	Trouble map[string]int `json:"trouble,omitempty"`
}

// Figure is one measured quantity, with its samples.
type Figure struct {
	Group string  `json:"group"`
	Name  string  `json:"name"`
	Unit  string  `json:"unit"`
	Limit float64 `json:"limit,omitempty"` // limit of the median; 0: none
	// Values are the samples of this run, and Rival those of the other action with the same indexes. The file contains
	// only their summaries.
	Values []float64      `json:"-"`
	Rival  []float64      `json:"-"`
	Ours   stats.Summary  `json:"ours"`
	Other  *stats.Summary `json:"other,omitempty"`
	Ratio  float64        `json:"ratio,omitempty"` // the median of the pairs' ratios
}

// summarize computes the summaries of the samples.
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

// figure returns a figure by its names, or nil.
func (r *Results) figure(group, name string) *Figure {
	for i := range r.Figures {
		if r.Figures[i].Group == group && r.Figures[i].Name == name {
			return &r.Figures[i]
		}
	}
	return nil
}

// sort sorts the figures by the plan, since they are recorded in random order.
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

// cmpPlace sorts what is not in the plan, the sizes, to the end.
func cmpPlace(place int) int {
	if place == 0 {
		return 1 << 30
	}
	return place
}

// keep keeps the figures of earlier results for groups that were not measured this time, if there are earlier results.
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
