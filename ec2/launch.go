package ec2

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"github.com/cenkalti/backoff/v4"

	"github.com/marqo-ai/ec2-github-runner/ec2/refusal"
)

// Attempt is one request for an offering and EC2's response. The attempts of a launch are its trail.
type Attempt struct {
	Index    int // of the offering, from 0
	Try      int // of the offering, from 0: the second omits our tags
	Round    int // of the caller, who may repeat all offerings
	Offering Offering
	Asked    int // how many instances
	Token    string
	// InstanceIDs are the launched instances: as many as were requested, or as EC2 had capacity for.
	InstanceIDs []string
	Err         error         // EC2's error, or nil
	Took        time.Duration // until the response
	// InDoubt means that no response arrived although the call was repeated with the same token: EC2 may have launched
	// an instance that only the token can find.
	InDoubt bool
	// Untagged means that EC2 refused our tags, and the offering was requested again without them.
	Untagged bool
}

// Observer is called during a launch: before and after each attempt, and for offerings that are skipped since an
// earlier refusal applies to them too. Each function may be nil.
type Observer struct {
	Trying  func(Attempt)
	Tried   func(Attempt)
	Skipped func(offering Offering, because Attempt)
}

// ErrExhausted is returned if every offering was refused. The trail has the reasons.
var ErrExhausted = errors.New("every offering was refused")

// cancelGrace is how long the response to a call is awaited after its context is cancelled. It contains the instance's
// id; without it only the client token finds the instance, which EC2 shows some seconds late.
const cancelGrace = 2500 * time.Millisecond

// LaunchMany requests the offerings in order until count instances are launched. Each request asks for all that are
// missing and accepts fewer. A refusal skips exactly the offerings that it applies to (see scope). A refusal of the
// credentials ends the launch if it holds in every region, or if every offering got one. The trail is always complete,
// and instances may be returned with an error. If the context is cancelled, instances of a call in progress are still
// returned.
func (c *Client) LaunchMany(ctx context.Context, spec LaunchSpec, count int, offerings []Offering,
	observe Observer) ([]Instance, []Attempt, error) {
	l := launch{client: c, spec: spec, observe: observe}
	var refused refusedAttempts
	var launched []Instance
	for i, offering := range offerings {
		if ctx.Err() != nil {
			return launched, l.trail, ctx.Err()
		}
		if because, skip := refused.about(offering, c.Region()); skip {
			if observe.Skipped != nil {
				observe.Skipped(offering, because)
			}
			continue
		}
		instances, err := l.offer(ctx, i, count-len(launched), offering)
		launched = append(launched, instances...)
		if len(launched) >= count {
			return launched, l.trail, nil
		}
		if err != nil && refusal.EndsLaunch(err) {
			return launched, l.trail, err
		}
		refused = append(refused, Attempt{Offering: offering, Err: err})
	}
	if ctx.Err() != nil {
		return launched, l.trail, ctx.Err()
	}
	if len(l.trail) > 0 && !slices.ContainsFunc(l.trail,
		func(a Attempt) bool { return refusal.ClassOf(a.Err) != refusal.Credentials }) {
		return launched, l.trail, l.trail[0].Err
	}
	return launched, l.trail, ErrExhausted
}

type launch struct {
	client   *Client
	spec     LaunchSpec
	observe  Observer
	trail    []Attempt
	untagged bool // EC2 has refused our tags: do not send them again
}

// offer requests one offering, and a second time without our tags if EC2 refuses them. If the refusal stays the same
// without tags, they were not the reason, and later offerings are requested with tags again.
func (l *launch) offer(ctx context.Context, i, count int, offering Offering) ([]Instance, error) {
	var first error
	for try := 0; ; try++ {
		own := !l.untagged && try == 0 && l.spec.OwnTags != nil
		asked := Attempt{Index: i, Try: try, Offering: offering, Asked: count, Token: l.spec.Token(i, try)}
		attempt, instances := l.attempt(ctx, asked, own, first)
		if attempt.Untagged {
			first = attempt.Err
			continue
		}
		if try > 0 && !refusal.MayBeTags(attempt.Err) {
			l.untagged = true
		}
		return instances, attempt.Err
	}
}

// attempt makes one RunInstances request and reports it. before is why the request with our tags was refused, if it
// was.
func (l *launch) attempt(ctx context.Context, attempt Attempt, own bool, before error) (Attempt, []Instance) {
	if l.observe.Trying != nil {
		l.observe.Trying(attempt)
	}
	begin := time.Now()
	in, err := l.spec.input(attempt.Index, attempt.Offering, attempt.Token, attempt.Asked, own)
	var instances []Instance
	if err == nil {
		instances, err = l.client.run(ctx, attempt.Offering.Placement.Region, in)
	}
	for n := range instances {
		instances[n].Offering = attempt.Index
		attempt.InstanceIDs = append(attempt.InstanceIDs, instances[n].ID)
	}
	attempt.Took, attempt.Err = time.Since(begin), refusal.First(before, err)
	attempt.InDoubt = isInDoubt(err)
	attempt.Untagged = own && !l.spec.NeedsTags && refusal.MayBeTags(err)
	l.trail = append(l.trail, attempt)
	if l.observe.Tried != nil {
		l.observe.Tried(attempt)
	}
	return attempt, instances
}

// Limits for repeating RunInstances, with the same token, so that a lost response never causes a second instance.
// https://docs.aws.amazon.com/ec2/latest/devguide/ec2-api-idempotency.html
const (
	maxUnknown      = 4
	maxProfileTries = 4
	throttleTotal   = 2 * time.Minute
)

// run repeats RunInstances until it gets a response that is final.
func (c *Client) run(ctx context.Context, region string, in *sdk.RunInstancesInput) ([]Instance, error) {
	var instances []Instance
	var unknown, profile int
	var last error
	err := repeat(ctx, time.Second, 10*time.Second, throttleTotal, func() error {
		if err := c.launches(region).wait(ctx); err != nil {
			return backoff.Permanent(cmp.Or(last, fmt.Errorf("run instances: %w: %w", refusal.ErrNotSent, err)))
		}
		var err error
		instances, err = c.exchange(ctx, region, in)
		last = err
		switch refusal.ClassOf(err) {
		case refusal.Throttle:
			return err
		case refusal.Unknown:
			if unknown++; unknown < maxUnknown {
				return err
			}
		case refusal.Profile:
			if profile++; profile < maxProfileTries {
				return err
			}
		}
		if err != nil {
			return backoff.Permanent(err)
		}
		return nil
	})
	if err != nil && unknown > 0 {
		err = &doubtError{err}
	}
	return instances, err
}

// doubtError is the error of a launch with at least one lost response: the launch may have happened, whatever later
// responses say.
type doubtError struct{ error }

func (e *doubtError) Unwrap() error { return e.error }

func isInDoubt(err error) bool {
	_, doubt := errors.AsType[*doubtError](err)
	return doubt || (err != nil && refusal.ClassOf(err) == refusal.Unknown)
}

// exchange makes one RunInstances call. It outlives a cancellation of its context for cancelGrace.
func (c *Client) exchange(ctx context.Context, region string, in *sdk.RunInstancesInput) ([]Instance, error) {
	outlived, done := outlive(ctx)
	defer done()
	out, err := c.in(region).RunInstances(outlived, in, func(o *sdk.Options) { o.Retryer = aws.NopRetryer{} })
	if err != nil {
		return nil, refusal.Of("run instances", err)
	}
	instances := c.instances(region, []types.Reservation{{Instances: out.Instances}})
	instances = slices.DeleteFunc(instances, func(i Instance) bool { return i.ID == "" })
	if len(instances) == 0 {
		return nil, &refusal.CallError{Operation: "run instances", Message: "the response contains no instance id"}
	}
	return instances, nil
}

// outlive returns a context that ends cancelGrace after its parent.
func outlive(parent context.Context) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancel(context.WithoutCancel(parent))
	stop := context.AfterFunc(parent, func() {
		timer := time.NewTimer(cancelGrace)
		defer timer.Stop()
		select {
		case <-timer.C:
			cancel()
		case <-ctx.Done():
		}
	})
	return ctx, func() { stop(); cancel() }
}
