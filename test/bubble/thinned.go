package bubble

import "testing"

// Thinned returns how many of the trials to run: with the race detector each takes many times as long, and any of them
// shows a race.
func Thinned(trials int) int {
	if RaceDetector {
		return max(1, trials/8)
	}
	return trials
}

// LeaveToTheOrdinaryTests skips, under the race detector, a test that counts calls or repeats one look for hours.
// Smaller tests cover its concurrency.
func LeaveToTheOrdinaryTests(t *testing.T) {
	t.Helper()
	if RaceDetector {
		t.Skip("the race detector sees the same in smaller tests")
	}
}
