package runner

import (
	"math/rand/v2"
	"time"

	"github.com/marqo-ai/ec2-github-runner/github"
)

// How often to look whether a runner is online. Most come online within the first minute, when every second counts;
// later it does not. The jitter spreads concurrent starts; the mean keeps a start's calls below one per second of
// waiting.
const (
	fastInterval = 950 * time.Millisecond
	fastJitter   = 250 * time.Millisecond
	fastFor      = time.Minute
	slowInterval = 5 * time.Second
	maxInterval  = time.Minute
)

// secondary is half of the secondary rate limit, in reads per second: GitHub allows 900 points a minute, a read is one.
// https://docs.github.com/en/rest/using-the-rest-api/rate-limits-for-the-rest-api#about-secondary-rate-limits
const secondary = 900.0 / 2 / 60

// horizon is the time over which one start may spend its share of what is left of the hourly limit. Looking slows down
// in proportion as the rest shrinks, so our half of the limit is never used up.
const horizon = 2 * time.Minute

// pacer widens the interval between looks when others use up the token's limit: a hundred concurrent starts share one
// token, know nothing about each other, and see one another only in how fast x-ratelimit-used grows.
type pacer struct {
	last  github.Rate
	share float64 // calls of all users of the token per call of ours; 0 while unknown
}

// next returns how long to wait until the next look.
func (p *pacer) next(waited time.Duration, rate github.Rate, now time.Time) time.Duration {
	interval := slowInterval
	if waited < fastFor {
		interval = fastInterval + rand.N(fastJitter) //nolint:gosec // spreads load, keeps no secret
	}
	p.observe(rate)
	return max(interval, p.fairInterval(rate, now))
}

func (p *pacer) observe(rate github.Rate) {
	calls, used := rate.Calls-p.last.Calls, rate.Used-p.last.Used
	if p.last.Calls > 0 && calls > 0 && used > 0 && rate.Reset.Equal(p.last.Reset) {
		measured := max(float64(used)/float64(calls), 1)
		if p.share == 0 {
			p.share = measured
		}
		p.share = (p.share + measured) / 2
	}
	p.last = rate
}

// fairInterval returns the interval at which all users of the token together, if all of them look like this start, stay
// below half of the secondary limit and half of the hourly one.
func (p *pacer) fairInterval(rate github.Rate, now time.Time) time.Duration {
	if rate.Limit == 0 || !rate.Reset.After(now) {
		return 0
	}
	share := max(p.share, 1)
	interval := time.Duration(share / secondary * float64(time.Second))
	spare := rate.Limit/2 - rate.Used
	if spare <= 0 {
		return maxInterval
	}
	interval = max(interval, time.Duration(share/float64(spare)*float64(horizon)))
	return min(interval, maxInterval)
}
