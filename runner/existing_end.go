package runner

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/cenkalti/backoff/v4"

	"github.com/marqo-ai/ec2-github-runner/ec2"
	"github.com/marqo-ai/ec2-github-runner/runner/tags"
)

// The end of a use: a machine that was started for it is stopped again, never terminated, and its registration stays.

// errBusyMachine is a machine on which a job may be running.
var errBusyMachine = errors.New("a job may be running on it, so it is left running; a sweep stops it when its run is " +
	"over and it is idle")

// use is what is known of a start's use of an existing machine.
type use struct {
	nonce string
	// before reports whether a nonce is the one that the machine had before this use. Nil: not known, so that any other
	// nonce may be it until tagsLag is over.
	before func(nonce string) bool
	// settles is how long a call that starts the machine may still be under way.
	settles time.Duration
}

// late is errTagsOld where another nonce may be there only because EC2 shows late what the start has written.
func (u use) late(i ec2.Instance, begun time.Time) error {
	nonce := i.Tags[tags.Nonce]
	switch {
	case nonce == u.nonce || !i.Alive():
		return nil
	case u.before != nil && u.before(nonce), u.before == nil && time.Since(begun) < tagsLag:
		return errTagsOld
	}
	return nil
}

// giveBack stops a machine that a start has taken, if that is what keeps it running. A machine that is pending cannot
// be stopped, and one whose tags are read as they were before is not known to be the start's, so both are looked at
// until the context ends. An error says that the machine may still run.
func (r *remover) giveBack(ctx context.Context, region, id string, u use) (did string, err error) {
	begun := time.Now()
	err = ec2.RetryUntilDone(ctx, removeEvery, func() error {
		i, err := r.cloud.Instance(ctx, region, id)
		switch {
		case ec2.ClassOf(err) == ec2.NotFound:
			did = "is gone"
			return nil
		case err != nil:
			return stopOr(err)
		case i.Tags[tags.Nonce] != u.nonce || tags.ModeOf(i) != tags.ModeExisting:
			did = "is used by another start and left alone"
			return u.late(i, begun)
		case !i.Alive():
			did = "is " + i.State
			return nil
		case i.State == ec2.Stopped && time.Since(begun) < u.settles:
			return errNotYet
		case i.State == ec2.Stopped, i.State == ec2.Stopping:
			did = stoppedAlready
			release(ctx, r.cloud, i)
			return nil
		case !tags.IsStartedByUs(i):
			did = "ran before and is left running"
			release(ctx, r.cloud, i)
			return nil
		case i.State == ec2.Pending:
			return errStillPending
		}
		if err := r.idle(ctx, i); err != nil {
			return backoff.Permanent(err)
		}
		if err := r.cloud.Stop(ctx, region, id); err != nil {
			return stopOr(err)
		}
		did = stoppedNow
		release(ctx, r.cloud, i)
		return nil
	})
	if err == nil {
		r.log.Info(fmt.Sprintf("AWS EC2 instance %s %s", id, did))
	}
	return did, err
}

// What became of a machine that was given back, as far as it matters.
const (
	stoppedNow     = "is stopped"
	stoppedAlready = "is stopped already"
)

var errStillPending = errors.New("it is still pending, and EC2 stops no machine before it runs")

// stopOr makes what no waiting mends permanent.
func stopOr(err error) error {
	if isRefused(err) || ec2.ClassOf(err) == ec2.Impossible {
		return backoff.Permanent(err)
	}
	return err
}

// isRefused reports whether EC2 refuses the call or its credentials, now and later.
func isRefused(err error) bool {
	switch ec2.ClassOf(err) {
	case ec2.Denied, ec2.Credentials:
		return true
	}
	return false
}

// idle tells, as an error, that a job may be running on an existing machine, or that this cannot be seen.
func (r *remover) idle(ctx context.Context, i ec2.Instance) error {
	runners, err := r.registry.AllRunners(ctx)
	if err != nil {
		return fmt.Errorf("whether a job is running on it cannot be seen: %w", err)
	}
	if tags.MayWork(i, runners) {
		return errBusyMachine
	}
	return nil
}

// release says in a machine's tags that nobody waits for it any more. Without it the next start waits until the time of
// this one's is over.
func release(ctx context.Context, cloud *ec2.Client, i ec2.Instance) {
	_ = cloud.Tag(ctx, i.Region, i.ID, map[string]string{tags.DueAt: ""})
}

func (k *kept) end(ctx context.Context, r *remover) (left []string) {
	s := k.slot
	if k.lost {
		return nil
	}
	u := use{nonce: k.st.identity.Nonce, before: func(nonce string) bool { return nonce == k.before }}
	if k.doubt {
		u.settles = 3 * time.Second
	}
	did, err := r.giveBack(ctx, s.instance.Region, s.instance.ID, u)
	if errors.Is(err, errTagsOld) && !k.started && !k.doubt && !k.ran {
		return nil // nothing was started
	}
	switch {
	case err != nil:
		return []string{fmt.Sprintf("instance %s in %s, which was started (%s): stop it in the EC2 console, or let a sweep "+
			"do it when this run is over", s.instance.ID, s.instance.Region, ec2.Reason(err))}
	case k.doubt && did == stoppedAlready:
		return []string{fmt.Sprintf("perhaps instance %s in %s, whose start got no answer: the post step looks again",
			s.instance.ID, s.instance.Region)}
	}
	return nil
}
