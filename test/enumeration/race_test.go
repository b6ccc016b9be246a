//go:build race

package enumeration

// With the race detector a trial takes ten times as long, and any of them shows a race.
const everyNth = 16
