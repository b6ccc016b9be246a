package remove

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/cenkalti/backoff/v4"

	"github.com/marqo-ai/ec2-github-runner/ec2"
	"github.com/marqo-ai/ec2-github-runner/ec2/refusal"
	"github.com/marqo-ai/ec2-github-runner/runner/tags"
	"github.com/marqo-ai/ec2-github-runner/runner/tags/key"
)

// ErrBusyMachine is a machine on which a job may be running.
var ErrBusyMachine = errors.New("a job may be running on it, so it is left running; a sweep stops it when its run is " +
	"over and it is idle")

// Use is what is known of a start's use of an existing machine.
type Use struct {
	Nonce string
	// Before reports whether a nonce is the one that the machine had before this use. Nil: not known, so that any other
	// nonce may be it until TagsDelay is over.
	Before func(nonce string) bool
	// StartDelay is how long a call that starts the machine may still be under way.
	StartDelay time.Duration
}

// late is ErrStaleTags where another nonce may be there only because EC2 shows late what the start has written.
func (u Use) late(i ec2.Instance, begun time.Time) error {
	nonce := i.Tags[key.Nonce]
	switch {
	case nonce == u.Nonce || !i.Alive():
		return nil
	case u.Before != nil && u.Before(nonce), u.Before == nil && time.Since(begun) < TagsDelay:
		return ErrStaleTags
	}
	return nil
}

// GiveBack stops a machine that a start has taken, if that is what keeps it running. A machine that is pending cannot
// be stopped, and one whose tags are read as they were before is not known to be the start's, so both are looked at
// until the context ends. An error says that the machine may still run.
func (r *Remover) GiveBack(ctx context.Context, region, id string, u Use) (did string, err error) {
	begun := time.Now()
	err = ec2.RetryUntilDone(ctx, ec2.EndRetryDelay, func() error {
		i, err := r.Cloud.Instance(ctx, region, id)
		switch {
		case refusal.ClassOf(err) == refusal.NotFound:
			did = "is gone"
			return nil
		case err != nil:
			return Permanent(err)
		case i.Tags[key.Nonce] != u.Nonce || tags.Of(i).Mode != tags.ModeExisting:
			did = "is used by another start and left alone"
			return u.late(i, begun)
		case !i.Alive():
			did = "is " + i.State
			return nil
		case i.State == ec2.Stopped && time.Since(begun) < u.StartDelay:
			return errMayStart
		case i.State == ec2.Stopped, i.State == ec2.Stopping:
			did = StoppedAlready
			ClearDue(ctx, r.Cloud, i)
			return nil
		case !tags.Of(i).IsStartedByUs():
			did = "ran before and is left running"
			ClearDue(ctx, r.Cloud, i)
			return nil
		case i.State == ec2.Pending:
			return errStillPending
		}
		if err := r.Idle(ctx, i); err != nil {
			return backoff.Permanent(err)
		}
		if err := r.Cloud.Stop(ctx, region, id); err != nil {
			return Permanent(err)
		}
		did = StoppedNow
		ClearDue(ctx, r.Cloud, i)
		return nil
	})
	if err == nil {
		r.Log.Info(fmt.Sprintf("AWS EC2 instance %s %s", id, did))
	}
	return did, err
}

// What became of a machine that was given back, as far as it matters.
const (
	StoppedNow     = "is stopped"
	StoppedAlready = "is stopped already"
)

// errMayStart is a machine that a call which is under way may start yet.
var errMayStart = errors.New("a call that starts it may still be under way")

var errStillPending = errors.New("it is still pending, and EC2 stops no machine before it runs")

// Permanent makes what no waiting mends permanent.
func Permanent(err error) error {
	if IsRefused(err) || refusal.ClassOf(err) == refusal.Impossible {
		return backoff.Permanent(err)
	}
	return err
}

// IsRefused reports whether EC2 refuses the call or its credentials, now and later.
func IsRefused(err error) bool {
	switch refusal.ClassOf(err) {
	case refusal.Denied, refusal.Credentials:
		return true
	}
	return false
}

// Idle tells, as an error, that a job may be running on an existing machine, or that this cannot be seen.
func (r *Remover) Idle(ctx context.Context, i ec2.Instance) error {
	runners, err := r.Registry.AllRunners(ctx)
	if err != nil {
		return fmt.Errorf("whether a job is running on it cannot be seen: %w", err)
	}
	if tags.Of(i).MayWork(runners) {
		return ErrBusyMachine
	}
	return nil
}

// ClearDue says in a machine's tags that nobody waits for it any more. Without it the next start waits until the time
// of this one's is over.
func ClearDue(ctx context.Context, cloud *ec2.Client, i ec2.Instance) {
	_ = cloud.Tag(ctx, i.Region, i.ID, map[string]string{key.DueAt: ""})
}
