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

// ErrBusyMachine means that a job may be running on the machine.
var ErrBusyMachine = errors.New("a job may be running on it, so it is left running; a sweep stops it when its run is " +
	"over and it is idle")

// Use describes how a start has used an existing machine.
type Use struct {
	Nonce string
	// Before reports whether a nonce is the one that the machine had before this use. Nil means unknown: any other
	// nonce may be the earlier one until TagsDelay is over.
	Before func(nonce string) bool
	// StartDelay is how long a StartInstances call for the machine may still be in flight.
	StartDelay time.Duration
}

// checkStale returns ErrStaleTags if another nonce may be shown only because EC2 does not show yet what the start has
// written.
func (u Use) checkStale(i ec2.Instance, begun time.Time) error {
	nonce := i.Tags[key.Nonce]
	switch {
	case nonce == u.Nonce || !i.Alive():
		return nil
	case u.Before != nil && u.Before(nonce), u.Before == nil && time.Since(begun) < TagsDelay:
		return ErrStaleTags
	}
	return nil
}

// GiveBack stops a machine that a start has used, if that start is why it is running. A pending machine cannot be
// stopped, and stale tags do not prove whose the machine is; both are retried until the context ends. After an error
// the machine may still be running.
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
			return u.checkStale(i, begun)
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
		if err := r.CheckIdle(ctx, i); err != nil {
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

// The results of GiveBack that callers compare.
const (
	StoppedNow     = "is stopped"
	StoppedAlready = "is stopped already"
)

// errMayStart means that a call in flight may still start the machine.
var errMayStart = errors.New("a call that starts it may still be under way")

var errStillPending = errors.New("it is still pending, and EC2 stops only running machines")

// Permanent marks an error that no retry mends as permanent.
func Permanent(err error) error {
	if IsRefused(err) || refusal.ClassOf(err) == refusal.Impossible {
		return backoff.Permanent(err)
	}
	return err
}

// IsRefused reports whether EC2 refuses the call or its credentials, so that a retry would be refused too.
func IsRefused(err error) bool {
	switch refusal.ClassOf(err) {
	case refusal.Denied, refusal.Credentials:
		return true
	}
	return false
}

// CheckIdle returns nil if no job is running on an existing machine, and an error if one may be or if that is unknown.
func (r *Remover) CheckIdle(ctx context.Context, i ec2.Instance) error {
	runners, err := r.Registry.AllRunners(ctx)
	if err != nil {
		return fmt.Errorf("cannot see whether a job is running on it: %w", err)
	}
	if tags.Of(i).MayBeBusy(runners) {
		return ErrBusyMachine
	}
	return nil
}

// ClearDue records in a machine's tags that no start waits for it any longer. Otherwise the next start would wait until
// this one's deadline.
func ClearDue(ctx context.Context, cloud *ec2.Client, i ec2.Instance) {
	_ = cloud.Tag(ctx, i.Region, i.ID, map[string]string{key.DueAt: ""})
}
