//go:build !race

package bubble

// RaceDetector reports whether the tests run with the race detector.
const RaceDetector = false
