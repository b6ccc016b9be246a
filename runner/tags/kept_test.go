package tags

import (
	"strconv"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/marqo-ai/ec2-github-runner/ec2"
	"github.com/marqo-ai/ec2-github-runner/runner/tags/key"
)

// TestKeepProperties: however often a stop keeps a machine and for how long, it is kept no longer than it asked for,
// nor than an hour after the first time, nor than the machine stays by itself; and it is said when it ends at the
// latest.
func TestKeepProperties(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		begun := time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
		i := ec2.Instance{Tags: map[string]string{
			key.StaysFor: rapid.SampledFrom([]string{StaysByTag, "60", "30", "1"}).Draw(t, "stays for")}}
		now := begun
		for range rapid.IntRange(1, 4).Draw(t, "stops") {
			d := time.Duration(rapid.IntRange(1, 60).Draw(t, "minutes")) * time.Minute
			values, until, end := Of(i).Keep(now, d)
			for k, v := range values {
				i.Tags[k] = v
			}
			kept := Of(i)
			if until.After(now.Add(d)) || until.After(begun.Add(MaxKeep)) || until.After(end) {
				t.Fatalf("kept until %s, asked for %s at %s, ends by %s", until, d, now, end)
			}
			if minutes, err := strconv.Atoi(i.Tags[key.StaysFor]); err == nil &&
				!end.Equal(begun.Add(time.Duration(minutes)*time.Minute+ownEndDelay)) {
				t.Fatalf("it stays for %d minutes from %s, and is said to end by %s", minutes, begun, end)
			}
			if !kept.KeptFrom.Equal(begun) || !kept.KeptUntil.Equal(until) || kept.IsKeptFailed(now) {
				t.Fatalf("the tags say %v", values)
			}
			if kept.IsKept(until) || !kept.IsKeptTooLong(until) || kept.IsKeptTooLong(until.Add(-time.Second)) {
				t.Fatalf("its time is over at %s, and the tags say otherwise", until)
			}
			now = now.Add(time.Duration(rapid.IntRange(0, 70).Draw(t, "later")) * time.Minute)
		}
	})
}
