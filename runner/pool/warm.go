package pool

import (
	"context"
	"fmt"
	"log/slog"

	"github.com/marqo-ai/ec2-github-runner/ec2"
	"github.com/marqo-ai/ec2-github-runner/runner"
	"github.com/marqo-ai/ec2-github-runner/runner/diagnosis"
	"github.com/marqo-ai/ec2-github-runner/runner/remove"
)

// A claim that came to its end is the slot's machine: the warm kind.

// Kind implements runner.Machine.
func (c *warmClaim) Kind() runner.Kind { return runner.Warm }

// Judge judges it as any machine that ends with its job, but EC2 may show it as stopped for a moment yet.
func (c *warmClaim) Judge(ctx context.Context, log *slog.Logger, shown *ec2.Instance) error {
	if shown != nil && shown.State == ec2.Stopped && c.of.st.Since()-c.awake < runner.StartDelay {
		return nil
	}
	return c.of.st.JudgeLaunched(ctx, log, c.slot, shown)
}

// Overdue returns an error when a warm machine has had its time: half of the startup timeout, from its start on, so
// that the cold start which then follows does not make the step last much longer than the user means to wait. A warm
// machine is online in half a minute; only a pre-runner-script can make it need more, and that is what the user sets
// the timeout by.
func (c *warmClaim) Overdue() error {
	within := c.of.st.Request.Waiting.Timeout / 2
	if c.of.st.Since()-c.awake <= within {
		return nil
	}
	return &diagnosis.FailedError{Message: fmt.Sprintf("it is not online %s after its start", within)}
}

// Replace frees the slot for a cold machine. The warm one is terminated in the background.
func (c *warmClaim) Replace(ctx context.Context, log *slog.Logger, cause error) error {
	st, s := c.of.st, c.slot
	st.Warn(log, fmt.Sprintf("warm AWS EC2 instance %s did not come up, so it is ended and a cold one is started: %v",
		c.entry.ID, cause))
	st.ResetSlot(s)
	c.setState(claimStarting)
	c.freeInBackground(ctx)
	return nil
}

// End implements runner.Machine.
func (c *warmClaim) End(ctx context.Context, r *remove.Remover) (left []string) {
	return c.of.st.NotEnded(c.slot, c.endIfOurs(ctx, r))
}
