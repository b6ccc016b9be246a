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

// A complete claim is the slot's machine, of the warm kind.

// Kind implements runner.Machine.
func (c *warmClaim) Kind() runner.Kind { return runner.Warm }

// Judge treats it like any machine that terminates itself after its job, except that EC2 may still show it as stopped
// for a moment.
func (c *warmClaim) Judge(ctx context.Context, log *slog.Logger, shown *ec2.Instance) error {
	if shown != nil && shown.State == ec2.Stopped && c.of.st.Since()-c.startedAfter < runner.StartDelay {
		return nil
	}
	return c.of.st.JudgeLaunched(ctx, log, c.slot, shown)
}

// Overdue returns an error once a warm machine has had half of the startup timeout since its start, so that the cold
// start which follows does not make the step much longer than the user wants. A warm machine is online within half a
// minute; only a pre-runner-script can take longer, and the user sets the timeout accordingly.
func (c *warmClaim) Overdue() error {
	within := c.of.st.Request.Waiting.Timeout / 2
	if c.of.st.Since()-c.startedAfter <= within {
		return nil
	}
	return &diagnosis.FailedError{Message: fmt.Sprintf("it is not online %s after its start", within)}
}

// Replace frees the slot for a cold machine. The warm one is terminated in the background.
func (c *warmClaim) Replace(ctx context.Context, log *slog.Logger, cause error) error {
	st, s := c.of.st, c.slot
	st.Warn(log, fmt.Sprintf("warm AWS EC2 instance %s did not come up, so it is terminated and a cold one is "+
		"started: %v", c.entry.ID, cause))
	st.ResetSlot(s)
	c.setState(claimStarting)
	c.freeInBackground(ctx)
	return nil
}

// End implements runner.Machine.
func (c *warmClaim) End(ctx context.Context, r *remove.Remover) (left []string) {
	return c.of.st.NotEnded(c.slot, c.endIfOurs(ctx, r))
}
