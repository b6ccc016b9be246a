package serve

import (
	"testing"
	"time"

	"pgregory.net/rapid"
)

// TestDemand holds launches within the maximum, and to what is needed.
func TestDemand(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		d := demand{max: rapid.IntRange(1, 20).Draw(t, "max"), assigned: rapid.IntRange(0, 40).Draw(t, "assigned"),
			working: rapid.IntRange(0, 20).Draw(t, "working")}
		d.min = rapid.IntRange(0, d.max).Draw(t, "min")
		d.living = d.working + rapid.IntRange(0, 5).Draw(t, "done")
		d.launching = rapid.IntRange(0, d.working).Draw(t, "launching")
		n := toLaunch(d, pause{}, looked)
		switch {
		case n > 0 && d.living+n > d.max:
			t.Fatalf("%+v: %d launches make more machines than the maximum", d, n)
		case n > 0 && d.working+n > d.min+d.assigned:
			t.Fatalf("%+v: %d launches make more machines than are needed", d, n)
		case n > 0 && d.surplus() > 0:
			t.Fatalf("%+v: %d launches, and %d too many", d, n, d.surplus())
		case n == 0 && d.living < d.max && d.working < d.desired():
			t.Fatalf("%+v: nothing is launched", d)
		}
		held := pause{until: looked.Add(time.Minute), wait: time.Minute}
		if toLaunch(d, held, looked) != 0 || toLaunch(d, held, looked.Add(time.Hour)) > 1 {
			t.Fatalf("%+v: launches in a pause, or more than one to try", d)
		}
		if told := capacity(d, held); told > d.working || told > d.max || capacity(d, pause{}) != d.max {
			t.Fatalf("%+v: GitHub is told %d", d, told)
		}
	})
}

// TestPause: pauses begin at a quarter of a minute, double to five minutes, and begin anew where something else is
// refused.
func TestPause(t *testing.T) {
	t.Parallel()
	var p pause
	for _, want := range []time.Duration{15 * time.Second, 30 * time.Second, time.Minute, 2 * time.Minute,
		4 * time.Minute, 5 * time.Minute, 5 * time.Minute} {
		if p = p.next(looked, false, "", 0.5); p.wait != want || p.until != looked.Add(want) {
			t.Errorf("wait %s until %s, want %s", p.wait, p.until, want)
		}
	}
	if p = p.next(looked, true, "", 1); p.wait != 5*time.Minute || p.until != looked.Add(5*time.Minute) {
		t.Errorf("fatal: %+v", p)
	}
	if p = p.next(looked, false, "", 0); p.wait != 15*time.Second {
		t.Errorf("after a fatal one: %+v", p)
	}
}
