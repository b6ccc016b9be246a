package github

import (
	"context"
	"time"
)

// GitHub lets a token create eighty things a minute. A start of many keeps to that from the beginning: whoever runs
// into the limit waits for a minute. Some are left for what else the token does. A place is free again a minute after
// the answer, and not after the call was sent: GitHub counts a call when it arrives, which is before its answer does,
// while the first of many at once arrive late, since their connections are still to be made.
// https://docs.github.com/en/rest/using-the-rest-api/rate-limits-for-the-rest-api#about-secondary-rate-limits
const (
	maxCreations    = 76
	creationsWindow = time.Minute + 100*time.Millisecond
)

// creations are the places of the creations of the last minute.
type creations chan struct{}

func newCreations() creations { return make(creations, maxCreations) }

// begin waits for a place. done is to be called when the creation is answered, or has failed.
func (c creations) begin(ctx context.Context) (done func(), err error) {
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	select {
	case c <- struct{}{}:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	return func() { time.AfterFunc(creationsWindow, func() { <-c }) }, nil
}
