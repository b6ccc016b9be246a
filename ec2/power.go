package ec2

import (
	"cmp"
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/cenkalti/backoff/v4"

	"github.com/marqo-ai/ec2-github-runner/ec2/refusal"
)

// PreviousUnclear is the previous state of an instance that is being started, where an answer was lost on the way: EC2
// then calls the instance pending or running, which may be the work of the call whose answer was lost or of somebody
// else.
const PreviousUnclear = "unclear"

// Start starts a stopped instance and returns the state it was in before: Stopped says that this call has started it;
// Pending and Running that it was started before, by somebody else or by the user. Starting what is started changes
// nothing.
//
// StartInstances has no client token. Where an answer was lost the call is asked again, and then Pending or Running
// prove nothing: the state is PreviousUnclear, and only a look at the instance's tags can tell whose start it was. An
// error of class Unknown means that no answer could be read at all, so that the instance may be starting; one of class
// WrongState that the instance is stopping (ask again when it has stopped) or terminated. A start that is under way
// when the context ends is waited for a little while, since a machine that starts must be known.
// https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_StartInstances.html
func (c *Client) Start(ctx context.Context, region, id string) (previous string, err error) {
	operation := "start instance " + id
	unknown := 0
	var last error
	err = repeat(ctx, time.Second, 10*time.Second, throttleTotal, func() error {
		if ctx.Err() != nil {
			return backoff.Permanent(cmp.Or(last, fmt.Errorf("%s: %w: %w", operation, refusal.ErrNotSent, ctx.Err())))
		}
		previous, last = c.start(ctx, operation, region, id)
		switch refusal.ClassOf(last) {
		case refusal.Throttle:
			return last
		case refusal.Unknown:
			if unknown++; unknown < maxUnknown {
				return last
			}
		}
		if last != nil {
			return backoff.Permanent(last)
		}
		return nil
	})
	if err == nil && unknown > 0 && previous != Stopped {
		previous = PreviousUnclear
	}
	return previous, err
}

// start is one StartInstances call. It outlives a cancel of its context for cancelGrace.
func (c *Client) start(ctx context.Context, operation, region, id string) (string, error) {
	outlived, done := outlive(ctx)
	defer done()
	once := func(o *sdk.Options) { o.Retryer = aws.NopRetryer{} } // a repeated call would hide that an answer was lost
	out, err := c.in(region).StartInstances(outlived, &sdk.StartInstancesInput{InstanceIds: []string{id}}, once)
	if err != nil {
		return "", refusal.Of(operation, err)
	}
	for _, change := range out.StartingInstances {
		if aws.ToString(change.InstanceId) == id && change.PreviousState != nil {
			return string(change.PreviousState.Name), nil
		}
	}
	return "", &refusal.CallError{Operation: operation, Message: "the answer does not name the instance"}
}

// Stop stops instances of one region; their disks and addresses of their own stay. It is idempotent: one that is
// stopped or stopping is a success. One that is pending or terminated (class WrongState), or that cannot be stopped at
// all, such as one-time spot (class Impossible), makes EC2 refuse the whole batch, so callers stop one at a time where
// they are not sure of each. https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_StopInstances.html
func (c *Client) Stop(ctx context.Context, region string, ids ...string) error {
	_, err := c.in(region).StopInstances(ctx, &sdk.StopInstancesInput{InstanceIds: ids})
	return refusal.Of("stop instance "+strings.Join(ids, ", "), err)
}
