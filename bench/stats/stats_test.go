package stats

import (
	"math"
	"testing"
)

func near(a, b float64) bool { return math.Abs(a-b) < 1e-9 }

func TestQuantile(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		values []float64
		share  float64
		want   float64
	}{
		{nil, 0.5, 0},
		{[]float64{3}, 0.95, 3},
		{[]float64{9, 1, 5}, 0.5, 5},
		{[]float64{4, 1, 3, 2}, 0.5, 2.5},
		{[]float64{4, 1, 3, 2}, 0, 1},
		{[]float64{4, 1, 3, 2}, 1, 4},
		{[]float64{10, 20, 30, 40, 50}, 0.95, 48},
	} {
		if got := Quantile(test.values, test.share); !near(got, test.want) {
			t.Errorf("Quantile(%v, %v) = %v, want %v", test.values, test.share, got, test.want)
		}
	}
}

// TestQuantileLeavesItsValues: Quantile does not sort the caller's slice, whose order is that of the runs.
func TestQuantileLeavesItsValues(t *testing.T) {
	t.Parallel()
	values := []float64{3, 1, 2}
	Median(values)
	if values[0] != 3 || values[1] != 1 || values[2] != 2 {
		t.Errorf("the values were sorted: %v", values)
	}
}

// TestRatio compares pair by pair: a slow machine slows both of a pair.
func TestRatio(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		ours, theirs []float64
		want         float64
	}{
		{[]float64{1, 2, 30}, []float64{2, 4, 60}, 0.5},
		{[]float64{1, 2, 3}, []float64{2}, 0.5},
		{[]float64{1, 2}, []float64{0, 8}, 0.25},
		{[]float64{1}, nil, 0},
	} {
		if got := Ratio(test.ours, test.theirs); !near(got, test.want) {
			t.Errorf("Ratio(%v, %v) = %v, want %v", test.ours, test.theirs, got, test.want)
		}
	}
}
