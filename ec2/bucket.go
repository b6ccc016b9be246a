package ec2

import (
	"cmp"
	"context"
	"sync"
	"time"
)

// EC2's rate limit for RunInstances is a bucket of five calls that refills at two a second, for each account and
// region. Being throttled costs more time than staying below it, so a start of many machines limits itself: to one call
// less at once and slightly more time between calls, which may overtake each other in the network.
// https://docs.aws.amazon.com/ec2/latest/devguide/ec2-api-throttling.html
const (
	launchBurst    = 4
	launchInterval = 520 * time.Millisecond
)

// bucket limits the rate of calls.
type bucket struct {
	mu   sync.Mutex
	full time.Time // when the bucket is full again
}

// launches returns the bucket of a region.
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

// wait reserves a call and waits until it is allowed.
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
