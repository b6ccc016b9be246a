package tags

import (
	"strconv"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/marqo-ai/ec2-github-runner/ec2"
	"github.com/marqo-ai/ec2-github-runner/runner/tags/key"
)

// TestKeepProperties: however often and for however long a stop keeps a machine, the tags never keep it longer than
// asked for, nor beyond an hour after the first time, nor beyond its own end; and the reported end is the latest one.
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
				t.Fatalf("it stays for %d minutes from %s, but the reported end is %s", minutes, begun, end)
			}
			if !kept.KeptFrom.Equal(begun) || !kept.KeptUntil.Equal(until) || kept.IsKeptFailed(now) {
				t.Fatalf("the tags are %v", values)
			}
			if kept.IsKept(until) || !kept.IsKeptTooLong(until) || kept.IsKeptTooLong(until.Add(-time.Second)) {
				t.Fatalf("not kept too long at %s, although its time is over", until)
			}
			now = now.Add(time.Duration(rapid.IntRange(0, 70).Draw(t, "later")) * time.Minute)
		}
	})
}
