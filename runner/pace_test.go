package runner

import (
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/marqo-ai/ec2-github-runner/github"
)

// TestPace: never slower than a look a minute; if the token has room, one a second in the first minute and one in five
// seconds later.
func TestPace(t *testing.T) {
	t.Parallel()
	now := time.Now()
	rapid.Check(t, func(t *rapid.T) {
		var p pacer
		rate := github.Rate{Limit: rapid.SampledFrom([]int{0, 60, 1000, 5000, 15000}).Draw(t, "limit"),
			Reset: now.Add(time.Hour)}
		for look := range rapid.IntRange(1, 60).Draw(t, "looks") {
			rate.Calls++
			rate.Used = min(rate.Used+rapid.IntRange(1, 400).Draw(t, "used"), rate.Limit)
			rate.Remaining = rate.Limit - rate.Used
			waited := time.Duration(look) * 2 * time.Second
			next := p.next(waited, rate, now)
			least := fastInterval
			if waited >= fastFor {
				least = slowInterval
			}
			if next < least || next > maxInterval {
				t.Fatalf("look %d after %s: the next in %s, rate %+v", look, waited, next, rate)
			}
			if rate.Limit > 0 && rate.Used >= rate.Limit/2 && next != maxInterval {
				t.Fatalf("half of the limit is used, but the next look comes in %s", next)
			}
		}
	})
	var alone pacer
	var sum time.Duration
	for calls := 1; calls <= 40; calls++ {
		rate := github.Rate{Limit: 5000, Used: calls, Remaining: 5000 - calls, Reset: now.Add(time.Hour), Calls: calls}
		next := alone.next(time.Duration(calls)*time.Second, rate, now)
		sum += next
		if next > fastInterval+fastJitter {
			t.Errorf("nobody else uses the token, but look %d comes %s after the one before", calls+1, next)
		}
	}
	if mean := sum / 40; mean < time.Second || mean > 1150*time.Millisecond {
		t.Errorf("the mean interval is %s", mean)
	}
	for _, unknown := range []github.Rate{{}, {Limit: 5000, Used: 4999, Reset: now.Add(-time.Second), Calls: 3}} {
		if next := new(pacer).next(0, unknown, now); next > fastInterval+fastJitter {
			t.Errorf("rate %+v is unknown, but the next look comes in %s", unknown, next)
		}
	}
}

// TestPaceIsFair: the more calls others make with the token, the slower we look.
func TestPaceIsFair(t *testing.T) {
	t.Parallel()
	now := time.Now()
	var before time.Duration
	for _, others := range []int{0, 10, 50, 100, 400} {
		var p pacer
		rate := github.Rate{Limit: 15000, Reset: now.Add(time.Hour)}
		var next time.Duration
		for range 12 {
			rate.Calls++
			rate.Used += 1 + others
			next = p.fairInterval(rate, now)
			p.observe(rate)
		}
		if next < before {
			t.Errorf("%d calls of others for one of ours: %s, but %s with fewer", others, next, before)
		}
		before = next
	}
	if before < 30*time.Second {
		t.Errorf("400 calls of others for one of ours, but we look every %s", before)
	}
}
