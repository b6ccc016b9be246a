package sweep

import (
	"context"
	"errors"
	"time"

	"github.com/marqo-ai/ec2-github-runner/ec2"
)

// Delays of waiting for GitHub to report the runners of terminated machines as offline.
const (
	missedLook    = 3 * time.Second
	missedTimeout = time.Minute
)

// deregisterEnded removes the registrations of machines that this sweep has terminated and that are known by name
// alone, as soon as GitHub reports them offline. A later sweep could not: a terminated instance soon loses its tags,
// and with them the proof of ownership. https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/terminating-instances.html
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
		v.act, v.why = Listed, "its instance "+v.instance.ID+" has ended, but GitHub does not report the runner "+
			"as offline yet: GitHub removes it after 14 days"
		if !errors.Is(err, errNotOffline) && bounded.Err() == nil {
			v.why = "its instance " + v.instance.ID + " has ended, but the registration cannot be removed: " +
				err.Error()
		}
		sw.note(look.now, v)
	}
}

// errNotOffline means that GitHub does not report a runner as offline yet.
var errNotOffline = errors.New("a runner is still online")
