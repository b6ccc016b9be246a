package runner_test

import "testing"

// thinned is how many of so many trials run: with the race detector each takes many times as long, and what it looks
// for shows in any of them.
func thinned(trials int) int {
	if raceDetector {
		return max(1, trials/8)
	}
	return trials
}

// leaveToTheOrdinaryTests skips what counts calls, or repeats one look for hours, where the race detector is on. What
// runs side by side in it does so in smaller tests too.
func leaveToTheOrdinaryTests(t *testing.T) {
	t.Helper()
	if raceDetector {
		t.Skip("the race detector sees the same in smaller tests")
	}
}
