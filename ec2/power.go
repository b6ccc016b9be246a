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

// PreviousUnclear is the previous state of a started instance if a response was lost: EC2 then reports it as pending or
// running, which may be the effect of the call with the lost response or of somebody else's.
const PreviousUnclear = "unclear"

// Start starts a stopped instance and returns its previous state: Stopped means that this call started it, Pending or
// Running that it was started before, by somebody else or by the user. Starting a started instance changes nothing.
//
// StartInstances takes no client token. After a lost response the call is repeated, and then Pending or Running prove
// nothing: the state is PreviousUnclear, and only the instance's tags show whose start it was. An error of class
// Unknown means that no response could be read, so that the instance may be starting; one of class WrongState, that the
// instance is stopping (repeat the call once it has stopped) or terminated. If the context ends during the call, its
// response is awaited for cancelGrace, since a machine that starts must be known.
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

// start makes one StartInstances call. It outlives a cancellation of its context for cancelGrace.
func (c *Client) start(ctx context.Context, operation, region, id string) (string, error) {
	outlived, done := outlive(ctx)
	defer done()
	once := func(o *sdk.Options) { o.Retryer = aws.NopRetryer{} } // an SDK retry would hide a lost response
	out, err := c.in(region).StartInstances(outlived, &sdk.StartInstancesInput{InstanceIds: []string{id}}, once)
	if err != nil {
		return "", refusal.Of(operation, err)
	}
	for _, change := range out.StartingInstances {
		if aws.ToString(change.InstanceId) == id && change.PreviousState != nil {
			return string(change.PreviousState.Name), nil
		}
	}
	return "", &refusal.CallError{Operation: operation, Message: "the response does not contain the instance"}
}

// Stop stops instances of a region; their disks and Elastic IP addresses remain. It is idempotent: stopped and stopping
// instances are a success. EC2 refuses the whole batch if one is pending or terminated (class WrongState) or cannot be
// stopped, such as one-time spot (class Impossible), so callers that are not sure of each stop one at a time.
// https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_StopInstances.html
func (c *Client) Stop(ctx context.Context, region string, ids ...string) error {
	_, err := c.in(region).StopInstances(ctx, &sdk.StopInstancesInput{InstanceIds: ids})
	return refusal.Of("stop instance "+strings.Join(ids, ", "), err)
}
