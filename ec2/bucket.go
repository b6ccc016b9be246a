package ec2

import (
	"cmp"
	"context"
	"sync"
	"time"
)

// EC2's bucket for RunInstances: five calls at once, then two a second, for each account and region. Whoever runs into
// it loses more time by backing off than by keeping to it, so a start of many machines keeps to it: one call less at
// once, and a little more time in between, since calls overtake each other on their way.
// https://docs.aws.amazon.com/ec2/latest/devguide/ec2-api-throttling.html
const (
	launchBurst    = 4
	launchInterval = 520 * time.Millisecond
)

// bucket lets calls through at a rate.
type bucket struct {
	mu   sync.Mutex
	full time.Time // when it will be full again
}

// launches is the bucket of one region.
func (c *Client) launches(region string) *bucket {
	region = cmp.Or(region, c.cfg.Region)
	c.mu.Lock()
	defer c.mu.Unlock()
	b := c.buckets[region]
	if b == nil {
		b = &bucket{}
		c.buckets[region] = b
	}
	return b
}

// wait takes one call's place and waits for its turn.
func (b *bucket) wait(ctx context.Context) error {
	now := time.Now()
	b.mu.Lock()
	if b.full.Before(now) {
		b.full = now
	}
	b.full = b.full.Add(launchInterval)
	turn := b.full.Sub(now) - launchBurst*launchInterval
	b.mu.Unlock()
	if turn <= 0 {
		return ctx.Err()
	}
	timer := time.NewTimer(turn)
	defer timer.Stop()
	select {
	case <-timer.C:
		return ctx.Err()
	case <-ctx.Done():
		return ctx.Err()
	}
}
