package pool

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"time"

	"github.com/marqo-ai/ec2-github-runner/ec2"
	"github.com/marqo-ai/ec2-github-runner/ec2/refusal"
	"github.com/marqo-ai/ec2-github-runner/github"
	"github.com/marqo-ai/ec2-github-runner/runner/remove"
	"github.com/marqo-ai/ec2-github-runner/runner/tags"
	"github.com/marqo-ai/ec2-github-runner/runner/tags/key"
)

// undoTimeout limits how long the end of a start waits for claims that are undone in the background.
const undoTimeout = 2 * time.Second

// freeTimeout limits how long a failed claim is undone in the background while the start goes on.
const freeTimeout = 3 * time.Second

// handleMiss logs why a claim failed and frees the entry in the background.
func (c *warmClaim) handleMiss(ctx context.Context, right string, err error) {
	switch {
	case errors.Is(err, github.ErrNameTaken), errors.Is(err, errStarted), refusal.ClassOf(err) == refusal.WrongState,
		refusal.ClassOf(err) == refusal.NotFound:
		c.log.Debug("another start has the warm machine", "instance", c.entry.ID, "error", err)
	case refusal.ClassOf(err) == refusal.Denied:
		c.of.reportMiss(c.log, "a warm machine cannot be claimed without "+right, err)
	default:
		c.log.Info(fmt.Sprintf("warm AWS EC2 instance %s could not be claimed: %v", c.entry.ID, err))
	}
	c.freeInBackground(ctx)
}

// freeInBackground undoes the claim while the start goes on.
func (c *warmClaim) freeInBackground(ctx context.Context) {
	c.of.undoing.Go(func() {
		bounded, cancel := context.WithTimeout(context.WithoutCancel(ctx), freeTimeout)
		defer cancel()
		if err := c.free(bounded, &remove.Remover{Cloud: c.of.st.Cloud, Registry: c.of.st.Registry,
			Log: c.log}); err != nil {
			c.log.Debug("the claim cannot be undone yet", "instance", c.entry.ID, "error", err)
		}
	})
}

// reportMiss logs why no warm machine is claimed; a missing permission is a warning, once.
func (cl *claims) reportMiss(log *slog.Logger, what string, err error) {
	cl.mu.Lock()
	said := cl.denied
	cl.denied = cl.denied || refusal.ClassOf(err) == refusal.Denied
	cl.mu.Unlock()
	switch {
	case said:
	case refusal.ClassOf(err) == refusal.Denied:
		cl.st.Warn(log, fmt.Sprintf("%s, so a cold one is started (%s); docs/permissions.md has the feature `pool`",
			what, refusal.Reason(err)))
	default:
		log.Info(fmt.Sprintf("%s, so a cold one is started: %s", what, refusal.Reason(err)))
	}
}

// free undoes a claim as far as it got. It removes the registration last: until then nobody else can claim the entry,
// so nothing that is written here can damage another claim.
func (c *warmClaim) free(ctx context.Context, r *remove.Remover) error {
	select { // one at a time: a roll-back may begin while the first attempt still waits
	case c.freeing <- struct{}{}:
		defer func() { <-c.freeing }()
	case <-ctx.Done():
		return ctx.Err()
	}
	switch c.state() {
	case claimNone, claimUnclear, claimComplete: // undo handles an unclear one later
		return nil
	case claimStarting: // GitHub refuses to remove a busy runner: then its job goes on
		if err := r.Release(ctx, c.id); errors.Is(err, github.ErrBusy) {
			r.Log.Info(fmt.Sprintf("warm AWS EC2 instance %s has got a job in the meantime and ends with it",
				c.entry.ID))
		} else if err != nil {
			return err
		} else if err := c.endIfOurs(ctx, r); err != nil {
			return err
		}
		c.setState(claimNone)
		return nil
	case claimTagged:
		if err := r.Cloud.Tag(ctx, c.entry.Region, c.entry.ID, tags.Of(c.entry).FreedTags()); err != nil &&
			refusal.ClassOf(err) != refusal.NotFound && refusal.ClassOf(err) != refusal.Denied {
			return err
		}
	}
	if err := r.Release(ctx, c.id); err != nil && !errors.Is(err, github.ErrBusy) {
		return err
	}
	c.setState(claimNone)
	return nil
}

// endIfOurs terminates a machine that this start has started, or may have. Its tags decide: if another start has
// claimed it in between, it is not ours any more. If they cannot be read, the machine is left alone: without its
// registration it terminates itself.
func (c *warmClaim) endIfOurs(ctx context.Context, r *remove.Remover) error {
	over := false
	err := ec2.RetryUntilDone(ctx, ec2.EndRetryDelay, func() error {
		instance, err := r.Cloud.Instance(ctx, c.entry.Region, c.entry.ID)
		nonce := instance.Tags[key.Nonce]
		switch {
		case refusal.ClassOf(err) == refusal.NotFound, err == nil && !instance.Alive():
			over = true
		case err != nil:
			return remove.Permanent(err)
		case nonce == c.before && nonce != c.of.st.Identity.Nonce:
			return remove.ErrStaleTags
		case nonce != c.of.st.Identity.Nonce:
			r.Log.Info(fmt.Sprintf("AWS EC2 instance %s belongs to another start now and is left alone", c.entry.ID))
			over = true
		}
		return nil
	})
	if over || err != nil {
		return err
	}
	return r.Terminate(ctx, c.entry.Region, c.entry.ID)
}

// clear undoes every failed claim, and returns those that are left.
func (cl *claims) clear(ctx context.Context, r *remove.Remover) (left []string) {
	done := make(chan struct{})
	go func() { cl.undoing.Wait(); close(done) }()
	select {
	case <-done:
	case <-time.After(undoTimeout): // its calls may hang; this roll-back uses another client
	case <-ctx.Done():
	}
	cl.mu.Lock()
	list := slices.Clone(cl.list)
	cl.mu.Unlock()
	for _, c := range list {
		if err := c.undo(ctx, r); err != nil {
			left = append(left, fmt.Sprintf("the claim on warm instance %s in %s (%s): a sweep frees it", c.entry.ID,
				c.entry.Region, refusal.Reason(err)))
		}
	}
	return left
}

func (c *warmClaim) undo(ctx context.Context, r *remove.Remover) error {
	if c.state() != claimUnclear {
		return c.free(ctx, r)
	}
	if time.Since(c.at) < remove.MaxClaimAge {
		return errors.New("it is not known yet whether its registration was made")
	}
	err := r.ReleaseStale(ctx, c.entry.Region, c.entry.ID, func(found github.Runner) bool {
		return slices.ContainsFunc(found.Labels,
			func(label string) bool { return strings.EqualFold(label, c.slot.RunnerLabel()) })
	})
	if err == nil {
		c.setState(claimNone)
	}
	return err
}
