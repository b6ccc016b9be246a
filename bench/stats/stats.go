// Package stats computes the statistics of measurements: quantiles, and ratios of pairs.
package stats

import (
	"math"
	"slices"
)

// Quantile returns the value below which a share of the values lies, interpolated between its neighbours; 0 if there
// are no values.
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

// Median returns the median.
func Median(values []float64) float64 { return Quantile(values, 0.5) }

// Summary summarizes values: their number, their median, and their spread.
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

// Ratio returns the median of the pairs' ratios: what slowed the machine for a while slowed both of a pair. Pairs
// without a second value, or with zero as the second value, do not count.
func Ratio(ours, theirs []float64) float64 {
	var ratios []float64
	for i := range min(len(ours), len(theirs)) {
		if theirs[i] != 0 {
			ratios = append(ratios, ours[i]/theirs[i])
		}
	}
	return Median(ratios)
}
