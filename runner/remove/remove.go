// Package remove ends machines and removes registrations that starts have created or used, by id or by tags. Its calls
// retry until their context ends.
package remove

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/cenkalti/backoff/v4"

	"github.com/marqo-ai/ec2-github-runner/ec2"
	"github.com/marqo-ai/ec2-github-runner/ec2/refusal"
	"github.com/marqo-ai/ec2-github-runner/github"
	"github.com/marqo-ai/ec2-github-runner/runner/tags"
)

// Remover terminates machines and removes registrations.
type Remover struct {
	Cloud    *ec2.Client
	Registry *github.Client
	Log      *slog.Logger
}

// Terminate terminates one instance.
func (r *Remover) Terminate(ctx context.Context, region, id string) error {
	err := r.Cloud.End(ctx, region, id)
	if err == nil {
		r.Log.Info(fmt.Sprintf("AWS EC2 instance %s is terminated", id))
	}
	return err
}

// TerminateByToken terminates the instances of a launch of which only the client token is known. EC2 shows new
// instances late, so it searches until it finds one or the context ends; finding none is not an error.
func (r *Remover) TerminateByToken(ctx context.Context, region, token string) error {
	return r.Cloud.EndByToken(ctx, region, tags.LaunchedWith(token),
		func(i ec2.Instance) error { return r.Terminate(ctx, region, i.ID) })
}

// RegistrationDelay is how long a new registration may take to appear in GitHub's list.
const RegistrationDelay = 1500 * time.Millisecond

// Deregister removes a machine's registration, by id or by its names. A machine terminated a moment ago may have
// registered just before, so a name that is not found is looked up once more.
func (r *Remover) Deregister(ctx context.Context, id int64, owner tags.Owner) error {
	found := []github.Runner{{ID: id, Name: owner.Name}}
	if id == 0 {
		var err error
		if found, err = r.FindOwn(ctx, owner); err != nil {
			return err
		}
	}
	var errs []error
	for _, runner := range found {
		errs = append(errs, r.removeRunner(ctx, runner))
	}
	return errors.Join(errs...)
}

// FindOwn finds the registrations of a machine, in two attempts.
func (r *Remover) FindOwn(ctx context.Context, owner tags.Owner) (own []github.Runner, err error) {
	for look := range 2 {
		if look > 0 && !Pause(ctx, RegistrationDelay) {
			break
		}
		for _, name := range owner.Names() {
			runner, found, err := r.Registry.FindByName(ctx, name)
			if err != nil {
				return nil, err
			}
			if found && owner.Owns(runner) {
				own = append(own, runner)
			}
		}
		if len(own) > 0 {
			break
		}
	}
	return own, nil
}

func (r *Remover) removeRunner(ctx context.Context, runner github.Runner) error {
	err := ec2.RetryUntilDone(ctx, ec2.EndRetryDelay, func() error {
		err := r.Registry.Remove(ctx, runner.ID)
		if err != nil && !errors.Is(err, github.ErrBusy) {
			return backoff.Permanent(err)
		}
		return err
	})
	if err == nil {
		r.Log.Info(fmt.Sprintf("GitHub self-hosted runner %s is removed", runner.Name))
	}
	return err
}

// Release removes the registration under an entry's name, so that the name is free again; it returns github.ErrBusy if
// the runner is running a job.
func (r *Remover) Release(ctx context.Context, id int64) error {
	return ec2.RetryUntilDone(ctx, ec2.EndRetryDelay, func() error {
		err := r.Registry.Remove(ctx, id)
		if github.ClassOf(err) == github.Unknown || err == nil {
			return err
		}
		return backoff.Permanent(err)
	})
}

// ReleaseStale removes the registration under an entry's name that no claim will use: it is offline, and the entry is
// still unclaimed. The caller has made sure that the registration is older than any claim takes.
func (r *Remover) ReleaseStale(ctx context.Context, region, id string, fits func(github.Runner) bool) error {
	found, exists, err := r.Registry.FindByName(ctx, tags.EntryName(id))
	if err != nil || !exists || found.Online || found.Busy || !fits(found) {
		return err
	}
	instance, err := r.Cloud.Instance(ctx, region, id)
	switch {
	case refusal.ClassOf(err) == refusal.NotFound:
	case err != nil:
		return err
	case instance.Alive() && (!tags.Of(instance).Entry || instance.State != ec2.Stopped):
		return nil // another start or the pool's refill owns it
	}
	return r.Release(ctx, found.ID)
}

// Pause waits for the duration d and reports whether it did; false means that the context ended first.
func Pause(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}
