package main

import (
	"math"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// costly returns results in which a start costs ten calls to GitHub, two of them creations, and a stop two, one of them
// a removal.
func costly() growth {
	figures := map[string]float64{
		"start among 0 runners: GitHub": 10, "start among 0 runners: GitHub's points": 18,
		"start among 0 runners: EC2":          6,
		"start among 0 runners: RunInstances": 1,
		"stop among 0 runners: GitHub":        2, "stop among 0 runners: GitHub's points": 6,
		"stop among 0 runners: EC2": 1,
	}
	var r Results
	for name, value := range figures {
		r.Figures = append(r.Figures, Figure{Group: groupCalls, Name: name, Values: []float64{value}})
	}
	for name, value := range map[string]float64{
		"10 by token: GitHub": 20, "10 by token: GitHub's points": 24, "10 by token: EC2": 15,
		"10 by token: RunInstances": 5,
	} {
		r.Figures = append(r.Figures, Figure{Group: groupMany, Name: name, Values: []float64{value}})
	}
	r.Figures = append(r.Figures, Figure{Group: groupSweep, Name: "sweep among 300 runners: GitHub",
		Values: []float64{5}})
	return growth{r}
}

func near(a, b float64) bool { return math.Abs(a-b) < 1e-9 }

func TestCostOfAJob(t *testing.T) {
	t.Parallel()
	if diff := cmp.Diff(cost{github: 12, points: 24, creations: 2, runs: 1, looks: 6}, costly().job(0),
		cmp.AllowUnexported(cost{})); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(cost{github: 4, points: 8.4, creations: 0.1, runs: 0.5, looks: 2}, costly().shared(10, "token"),
		cmp.AllowUnexported(cost{})); diff != "" {
		t.Error(diff)
	}
}

// TestBounds: jobs an hour are each limit divided by a job's use of it; the lowest is reached first.
func TestBounds(t *testing.T) {
	t.Parallel()
	jobs := map[string]float64{}
	for _, b := range costly().job(0).bounds() {
		jobs[b.name] = b.jobs()
		if b.remedy == "" || !strings.HasPrefix(b.page, "https://") {
			t.Errorf("%s has no remedy or no source", b.name)
		}
	}
	want := map[string]float64{
		"GitHub: requests of a token": 5000.0 / 12, "GitHub: requests of a large App": 12500.0 / 12,
		"GitHub: points": 900 * 60.0 / 24, "GitHub: creations": 500.0 / 2,
		"EC2: RunInstances calls": 7200, "EC2: instances": 7200, "EC2: Describe and other calls": 20 * 3600.0 / 6,
	}
	if diff := cmp.Diff(want, jobs); diff != "" {
		t.Error(diff)
	}
	if first := costly().job(0).first(); first.name != "GitHub: creations" {
		t.Errorf("reached first: %s", first.name)
	}
	frugal := costly().job(0)
	frugal.creations = 0.5
	if first := frugal.first(); first.name != "GitHub: requests of a token" {
		t.Errorf("reached first with half a creation a job: %s", first.name)
	}
}

func TestDay(t *testing.T) {
	t.Parallel()
	got := costly().job(0).day(10_000)
	want := day{jobs: 10_000, hourly: 1000, requests: 12_000, ofToken: 2.4, pointsMin: 400, runShare: 1000.0 / 7200,
		tokens: 3}
	if diff := cmp.Diff(want, got, cmp.AllowUnexported(day{})); diff != "" {
		t.Error(diff)
	}
	if got := costly().job(0).day(100).tokens; got != 1 {
		t.Errorf("a hundred jobs a day take %d tokens", got)
	}
}

func TestSwept(t *testing.T) {
	t.Parallel()
	if got := costly().swept(100, 300); !near(got.requests, 2000) || !near(got.ofToken, 0.4) {
		t.Errorf("got %+v", got)
	}
}

// TestNotMeasured: missing figures are visible, and never taken as zero.
func TestNotMeasured(t *testing.T) {
	t.Parallel()
	c := costly().job(3000)
	if !math.IsNaN(c.github) || whole(c.github) != "not measured" || decimal(c.points) != "not measured" {
		t.Errorf("got %+v", c)
	}
}

func TestNumbers(t *testing.T) {
	t.Parallel()
	for value, want := range map[float64]string{0: "0", 12.4: "12", 1000: "1,000", 1234567: "1,234,567"} {
		if got := whole(value); got != want {
			t.Errorf("whole(%v) = %q, want %q", value, got, want)
		}
	}
	for value, want := range map[float64]string{0: "0.0 %", 0.0004: "< 0.1 %", 0.123: "12.3 %"} {
		if got := percent(value); got != want {
			t.Errorf("percent(%v) = %q, want %q", value, got, want)
		}
	}
}
