package github

import (
	"context"
	"time"
)

// GitHub limits a token to 80 content-creating requests a minute, and a client that exceeds the limit must wait a
// minute. A start of many runners stays below it, and leaves some for other users of the token. A slot is released a
// minute after the response rather than after the request: GitHub counts a request when it arrives, and the first of
// many concurrent requests arrive late, since their connections must be made.
// https://docs.github.com/en/rest/using-the-rest-api/rate-limits-for-the-rest-api#about-secondary-rate-limits
const (
	maxCreations    = 76
	creationsWindow = time.Minute + 100*time.Millisecond
)

// creations are the slots for the creating requests of a minute.
type creations chan struct{}

func newCreations() creations { return make(creations, maxCreations) }

// begin waits for a slot. The caller must call done when the request has ended.
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
