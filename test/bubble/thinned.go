package bubble

import "testing"

// Thinned is how many of so many trials run: with the race detector each takes many times as long, and what it looks
// for shows in any of them.
func Thinned(trials int) int {
	if RaceDetector {
		return max(1, trials/8)
	}
	return trials
}

// LeaveToTheOrdinaryTests skips what counts calls, or repeats one look for hours, where the race detector is on. What
// runs side by side in it does so in smaller tests too.
func LeaveToTheOrdinaryTests(t *testing.T) {
	t.Helper()
	if RaceDetector {
		t.Skip("the race detector sees the same in smaller tests")
	}
}
