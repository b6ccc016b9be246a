package existing

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/cenkalti/backoff/v4"

	"github.com/marqo-ai/ec2-github-runner/ec2"
	"github.com/marqo-ai/ec2-github-runner/runner/remove"
	"github.com/marqo-ai/ec2-github-runner/runner/tags/key"
)

// After a CreateTags, EC2 may show the earlier tags for seconds, and tags carry no time. So a start that has written
// its nonce reads the tags until it is certain which writer was the last. See docs/adr/0014-silence.md.
// https://docs.aws.amazon.com/ec2/latest/devguide/eventual-consistency.html

// Timeouts of reading tags after they were written.
const (
	tagsTimeout = 30 * time.Second // for a machine that two starts tag at the same time
)

// writer says who has written a machine's nonce last.
type writer int

const (
	writerUnclear writer = iota
	writerUs
	writerAnother
)

// ownership finds out the last writer of a machine's nonce after our own write, from successive reads.
type ownership struct {
	ours, before string    // this start's nonce, and the machine's earlier one
	written      time.Time // when this start wrote
	last         string    // the nonce of the last read
	since        time.Time // since when reads show it
	shown        time.Time // when a read first showed ours
}

// observe evaluates one read. The nonce from before our write proves nothing. Ours is confirmed once it has been shown
// for as long as it took to appear: a later writer had read the machine before ours appeared, so its write has appeared
// by then. Another's is confirmed if it is shown twice and ours was shown before it, or should have been: until then
// ours may be the later one.
func (o *ownership) observe(nonce string, now time.Time) writer {
	if nonce != o.last || o.since.IsZero() {
		o.last, o.since = nonce, now
		if nonce == o.ours && o.shown.IsZero() {
			o.shown = now
		}
		return writerUnclear
	}
	switch {
	case nonce == o.ours:
		if now.Sub(o.since) >= max(remove.TagsInterval, o.shown.Sub(o.written)) {
			return writerUs
		}
	case nonce == o.before:
	case !o.shown.IsZero() && now.Sub(o.since) >= remove.TagsInterval, now.Sub(o.written) >= remove.TagsDelay:
		return writerAnother
	}
	return writerUnclear
}

// settleTags reads a machine that a slot has tagged until EC2 shows who has written its nonce last.
func (k *kept) settleTags(ctx context.Context) error {
	s := k.slot
	bounded, cancel := context.WithTimeout(ctx, tagsTimeout)
	defer cancel()
	o := ownership{ours: k.x.st.Identity.Nonce, before: k.before, written: time.Now()}
	err := ec2.RetryUntilDone(bounded, remove.TagsInterval, func() error {
		machine, err := k.x.st.Cloud.Instance(bounded, s.Instance().Region, s.Instance().ID)
		if err != nil {
			return remove.Permanent(err)
		}
		s.SetInstance(machine)
		switch o.observe(machine.Tags[key.Nonce], time.Now()) {
		case writerUs:
			return nil
		case writerAnother:
			return backoff.Permanent(&notTakenError{"another start adopted it at the same moment (run " +
				machine.Tags[key.RunID] + ")"})
		}
		return remove.ErrStaleTags
	})
	switch {
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case errors.Is(err, remove.ErrStaleTags):
		return &notTakenError{fmt.Sprintf("after %s EC2 still does not show which start owns it", tagsTimeout)}
	}
	return err
}

// isRival reports whether the machine's tags show another start's nonce for the second time.
func (k *kept) isRival(i ec2.Instance) bool {
	nonce := i.Tags[key.Nonce]
	if nonce == k.x.st.Identity.Nonce || nonce == k.before {
		k.rival = ""
		return false
	}
	again := k.rival == nonce
	k.rival = nonce
	return again
}
