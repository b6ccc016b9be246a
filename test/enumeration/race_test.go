//go:build race

package enumeration

// With the race detector every trial costs ten times as much, and what it looks for shows in any of them.
const everyNth = 16
