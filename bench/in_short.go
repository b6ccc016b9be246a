package main

import (
	"fmt"
	"math"
)

// inShort returns the page's first section, a summary of the tables below it.
func (g growth) inShort() string {
	ours, least, most := 0.0, math.NaN(), math.NaN()
	for _, delay := range delays {
		ours = max(ours, g.of(groupWaiting, readyRow(delay)))
		if f := g.results.figure(groupWaiting, readyRow(delay)); f != nil && f.summarize().Other != nil {
			other := f.summarize().Other.Median
			least, most = min(other, orFirst(least, other)), max(other, orFirst(most, other))
		}
	}
	return fmt.Sprintf(`## In short

- A start step ends at most %s s after its runner is online, in the median; the action that it is [compared](#measured)
  with, %s to %s s after.
- Its first API call is made %s ms after the process starts.
- A start from a [warm pool](warm-pool.md) takes %s of the time of a cold start.
- A job downloads an image of %s MB.
- With one token, %s jobs an hour can each start and stop a runner; %s with ten runners in one start
  ([limits](#jobs-an-hour)).
- None of this was measured on AWS and github.com.

`, measured(ours), decimal(least), decimal(most), measured(g.of(groupStartUp, firstCall)),
		measured(g.of(groupWarm, warmByCold)), measured(g.of(groupSizes, imagePacked)),
		whole(g.job(0).first().jobs()), whole(g.shared(10, "token").first().jobs()))
}

// orFirst returns value, or first if there is no value.
func orFirst(value, first float64) float64 {
	if math.IsNaN(value) {
		return first
	}
	return value
}

// measured formats a figure as the tables do.
func measured(value float64) string {
	if math.IsNaN(value) {
		return "not measured"
	}
	return number(value)
}
