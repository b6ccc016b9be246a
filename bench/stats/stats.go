// Package stats has the few figures that measurements are told by: quantiles, and ratios of pairs.
package stats

import (
	"math"
	"slices"
)

// Quantile is the value below which a share of the values lies, interpolated between its two neighbours; 0 for no
// values.
func Quantile(values []float64, share float64) float64 {
	if len(values) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(values))
	at := share * float64(len(sorted)-1)
	below := int(math.Floor(at))
	above := min(below+1, len(sorted)-1)
	return sorted[below] + (at-float64(below))*(sorted[above]-sorted[below])
}

// Median is the value in the middle.
func Median(values []float64) float64 { return Quantile(values, 0.5) }

// Summary is what is kept of values: how many there were, their median, and how far they spread.
type Summary struct {
	Runs   int     `json:"runs"`
	Median float64 `json:"median"`
	Min    float64 `json:"min"`
	Max    float64 `json:"max"`
}

// Summarize returns the summary of at least one value.
func Summarize(values []float64) Summary {
	return Summary{Runs: len(values), Median: Median(values), Min: slices.Min(values), Max: slices.Max(values)}
}

// Ratio is the median of the pairs' ratios: what slowed the machine for a while slowed both of a pair. Pairs without a
// rival's value, or with none to divide by, do not count.
func Ratio(ours, theirs []float64) float64 {
	var ratios []float64
	for i := range min(len(ours), len(theirs)) {
		if theirs[i] != 0 {
			ratios = append(ratios, ours[i]/theirs[i])
		}
	}
	return Median(ratios)
}
