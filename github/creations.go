package github

import (
	"context"
	"sync"
	"time"
)

// GitHub lets a token create eighty things a minute. A start of many keeps to that from the beginning: whoever runs
// into the limit waits for a minute. Five are left for what else the token does, and two seconds because GitHub counts
// when a call arrives, and the first of a burst arrive late, while their connections are made.
// https://docs.github.com/en/rest/using-the-rest-api/rate-limits-for-the-rest-api#about-secondary-rate-limits
const (
	maxCreations    = 75
	creationsWindow = time.Minute + 2*time.Second
)

// creations remembers when this client's last creations were, or are to be.
type creations struct {
	mu sync.Mutex
	at []time.Time
}

// wait takes one creation's place and waits for its turn.
func (c *creations) wait(ctx context.Context) error {
	now := time.Now()
	c.mu.Lock()
	turn := now
	if len(c.at) >= maxCreations {
		if earliest := c.at[len(c.at)-maxCreations].Add(creationsWindow); earliest.After(now) {
			turn = earliest
		}
		c.at = c.at[len(c.at)-maxCreations+1:]
	}
	c.at = append(c.at, turn)
	c.mu.Unlock()
	if !turn.After(now) {
		return ctx.Err()
	}
	timer := time.NewTimer(turn.Sub(now))
	defer timer.Stop()
	select {
	case <-timer.C:
		return ctx.Err()
	case <-ctx.Done():
		return ctx.Err()
	}
}
