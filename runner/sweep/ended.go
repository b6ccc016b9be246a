package sweep

import (
	"context"
	"errors"
	"time"

	"github.com/marqo-ai/ec2-github-runner/ec2"
)

// Times of waiting for GitHub to miss the machines that a sweep has ended.
const (
	missedLook    = 3 * time.Second
	missedTimeout = time.Minute
)

// deregisterEnded removes the registrations of machines that this sweep has ended and that only their names tell, as
// soon as GitHub calls them offline. A later sweep could not: a terminated instance loses its tags after a short while,
// and with them what says whose a registration was.
// https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/terminating-instances.html
func (sw *sweep) deregisterEnded(ctx context.Context, look *survey) {
	if len(sw.ended) == 0 {
		return
	}
	bounded, cancel := context.WithTimeout(ctx, missedTimeout)
	defer cancel()
	err := ec2.RetryUntilDone(bounded, missedLook, func() error {
		var left []verdict
		for _, v := range sw.ended {
			v.act, v.why = Deregistered, "its instance "+v.instance.ID+" has ended"
			done, err := sw.deregister(bounded, v)
			switch {
			case err != nil, done.act != Deregistered && done.why != whyRemoved:
				left = append(left, v)
			case done.act == Deregistered:
				sw.note(look.now, done)
			}
		}
		if sw.ended = left; len(left) > 0 {
			return errNotOffline
		}
		return nil
	})
	for _, v := range sw.ended {
		v.act, v.why = Listed, "its instance "+v.instance.ID+" has ended, and GitHub does not call the runner "+
			"offline yet: GitHub removes it after 14 days"
		if !errors.Is(err, errNotOffline) && bounded.Err() == nil {
			v.why = "its instance " + v.instance.ID + " has ended, and the registration cannot be removed: " +
				err.Error()
		}
		sw.note(look.now, v)
	}
}

// errNotOffline is a registration that GitHub does not call offline yet.
var errNotOffline = errors.New("a runner is still online")
