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

// EC2 may show tags for seconds as they were before a CreateTags, and tags carry no time. So whoever has written a
// nonce looks until EC2 shows whose it is: the last writer's. docs/adr/0014-silence.md has the rule.
// https://docs.aws.amazon.com/ec2/latest/devguide/eventual-consistency.html

// Times of reading tags after they were written.
const (
	tagsTimeout = 30 * time.Second // of a machine on which two starts write at the same time
)

// writer is what a look at a machine's nonce says of who has written it last.
type writer int

const (
	writerUnclear writer = iota
	writerUs
	writerAnother
)

// ownership judges looks at the nonce of a machine after our own write of it.
type ownership struct {
	ours, before string    // the nonces of this start, and of the machine before it wrote
	written      time.Time // when this start wrote
	last         string    // what the last look showed
	since        time.Time // since when looks show that
	shown        time.Time // when a look has shown ours for the first time
}

// saw judges one look. What was there before our write says nothing. Ours holds if it is shown again after as long a
// time as it took to show: whoever wrote after us had read the machine before that, so that its write shows by then.
// Another's holds if it is shown again and ours was shown before it, or should have been: until then ours may be the
// later one.
func (o *ownership) saw(nonce string, now time.Time) writer {
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

// settleTags looks at a machine that a slot has tagged until EC2 shows who has written its nonce last.
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
		switch o.saw(machine.Tags[key.Nonce], time.Now()) {
		case writerUs:
			return nil
		case writerAnother:
			return backoff.Permanent(&notTakenError{"another start took it at the same moment (run " +
				machine.Tags[key.RunID] + ")"})
		}
		return remove.ErrStaleTags
	})
	switch {
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case errors.Is(err, remove.ErrStaleTags):
		return &notTakenError{fmt.Sprintf("EC2 does not show whose it is after %s", tagsTimeout)}
	}
	return err
}

// isRival reports whether a look at the machine shows for the second time that another start has it.
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
