package runner

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/cenkalti/backoff/v4"

	"github.com/marqo-ai/ec2-github-runner/ec2"
	"github.com/marqo-ai/ec2-github-runner/ec2/refusal"
	"github.com/marqo-ai/ec2-github-runner/machine"
)

// launch asks EC2 for all slots side by side. Each instance is handed over the moment it exists. No further
// registration is made once too few slots are left for the start to succeed.
func (st *start) launch(ctx context.Context) error {
	enough, stop := context.WithCancel(ctx)
	defer stop()
	var group sync.WaitGroup
	for _, g := range st.groups {
		group.Go(func() { st.launchUnits(ctx, enough, stop, g) })
	}
	group.Wait()
	return st.enough()
}

// launchUnits launches what a group's units lack. What is under way goes on when enough has ended.
func (st *start) launchUnits(ctx, enough context.Context, stop context.CancelFunc, g *group) {
	forEach(g.units, func(_ int, u *unit) {
		if err := u.enroll(enough); err == nil {
			u.launch(ctx, u.offeringsLeft())
		} else if enough.Err() == nil || ctx.Err() != nil {
			st.giveUp(err, u.slots...)
		}
		if st.enough() != nil {
			stop()
		}
	})
}

// MaxTogether is how many slots one call launches at most. AWS advises no more, and EC2 gives instances from a bucket
// that brings two a second: a call for more than it ever holds would be refused for ever.
// https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_RunInstances.html
// https://docs.aws.amazon.com/ec2/latest/devguide/ec2-api-throttling.html
const MaxTogether = 100

// unit is what one row of RunInstances calls launches: one slot, or slots of a group that launches together.
type unit struct {
	*start
	group   *group
	index   int     // among the group's units
	slots   []*slot // the first keeps the trail
	missing []*slot // those without an instance

	offerings []ec2.Offering // of this round
	round     int
	before    int            // how many offerings there were in earlier rounds
	calls     map[string]int // of a group that launches together, by client token: the names are made of it
	panicked  []ec2.Offering // whose machines' kernels panicked
	panic     error          // the last panic
	// refusedTags is EC2's answer to the try with our tags, until the one without is answered.
	refusedTags error
	unsaved     error
}

// launch goes through the offerings, and round again while capacity may come. Slots that get nothing are given up.
func (u *unit) launch(ctx context.Context, offerings []ec2.Offering) {
	u.missing = slices.DeleteFunc(slices.Clone(u.slots),
		func(s *slot) bool { return s.failed != nil || s.instance.ID != "" })
	if len(u.missing) == 0 {
		return
	}
	if u.calls == nil {
		u.calls = map[string]int{}
	} else { // a launch of these slots came before: neither names nor client tokens may be its
		u.before += len(u.offerings)
		u.round++
	}
	u.offerings = offerings
	u.log.Debug("launching", "runner", u.slots[0].name, "offerings", len(offerings))
	deadline := time.Now().Add(u.request.CapacityTimeout)
	policy := &until{deadline, backoff.NewExponentialBackOff(
		backoff.WithInitialInterval(5*time.Second), backoff.WithMaxInterval(time.Minute),
		backoff.WithMaxElapsedTime(0))}
	err := backoff.RetryNotify(func() error {
		err := u.goRound(ctx)
		if err != nil && (!u.nextRound(err) || time.Until(deadline) <= 0 || ctx.Err() != nil) {
			return backoff.Permanent(err)
		}
		return err
	}, backoff.WithContext(policy, ctx), func(_ error, wait time.Duration) { u.tellRound(wait, time.Until(deadline)) })
	if err == nil {
		err = u.unsaved
	}
	if err != nil {
		u.giveUp(u.withPanic(u.launchFailed(ctx, u.trail(), err)), u.missing...)
	}
	if u.unsaved != nil {
		u.giveUp(u.unsaved, u.slots...)
	}
}

// until is a backoff whose last wait ends with the deadline.
type until struct {
	deadline time.Time
	backoff.BackOff
}

// NextBackOff implements backoff.BackOff.
func (u *until) NextBackOff() time.Duration {
	return max(min(u.BackOff.NextBackOff(), time.Until(u.deadline)), 0)
}

func (u *unit) trail() []ec2.Attempt { return u.slots[0].trail }

// nextRound prepares to ask again for what was refused for lack of capacity, and tells whether there is anything.
func (u *unit) nextRound(err error) bool {
	if !errors.Is(err, ec2.ErrExhausted) {
		return false
	}
	last := map[int]ec2.Attempt{} // of this round, by offering
	for _, a := range u.trail() {
		if a.Round == u.round {
			last[a.Index] = a
		}
	}
	var again []ec2.Offering
	for i, offering := range u.offerings {
		answer, asked := last[i]
		if !asked {
			answer = u.answerFor(last, offering)
		}
		if answer.Asked > 0 && (answer.Err == nil || refusal.ClassOf(answer.Err) == refusal.Capacity) {
			again = append(again, offering)
		}
	}
	if len(again) == 0 {
		return false
	}
	u.before += len(u.offerings)
	u.offerings = again
	u.round++
	return true
}

// answerFor finds why an offering was not asked for in this round: the first refusal of another that speaks of it too.
func (u *unit) answerFor(asked map[int]ec2.Attempt, offering ec2.Offering) ec2.Attempt {
	for _, i := range slices.Sorted(maps.Keys(asked)) {
		if asked[i].RefersTo(offering, u.Cloud.Region()) {
			return asked[i]
		}
	}
	return ec2.Attempt{}
}

// goRound asks for every offering once.
func (u *unit) goRound(ctx context.Context) error {
	if !u.request.JIT {
		if err := u.renewToken(ctx); err != nil {
			return err
		}
	}
	spec, err := u.spec()
	if err != nil {
		return fmt.Errorf("build user data: %w", err)
	}
	instances, trail, err := u.Cloud.LaunchMany(ctx, spec, len(u.missing), u.offerings, ec2.Observer{Trying: u.trying,
		Tried: u.tellTried, Skipped: u.tellSkipped})
	for i := range trail {
		trail[i].Round = u.round
	}
	u.slots[0].trail = append(u.slots[0].trail, trail...)
	for _, instance := range instances {
		u.take(instance)
	}
	return err
}

// trying writes down what is about to be asked for, before it is.
func (u *unit) trying(a ec2.Attempt) {
	if !u.request.JIT {
		u.unsaved = errors.Join(u.unsaved, u.announceNames(a))
	}
	u.unsaved = errors.Join(u.unsaved, u.Journal.Asking(a.Token, a.Offering.Placement.Region))
	u.tellTrying(a, len(u.group.found.Offerings))
}

// announceNames gives the missing slots the names that they will have with this offering.
func (u *unit) announceNames(a ec2.Attempt) error {
	u.mu.Lock()
	if u.group.together {
		u.calls[a.Token] = u.before + a.Index
		for i, s := range u.missing {
			s.name, s.other = u.namesOf(u.before+a.Index, i)
		}
	}
	u.mu.Unlock()
	return u.announce(u.missing...)
}

// take gives an instance to a slot. What the answer left out is filled in from what was asked for.
func (u *unit) take(instance ec2.Instance) {
	offering := u.offerings[instance.Offering]
	instance.Type = cmp.Or(instance.Type, offering.InstanceType)
	if offering.Market == machine.Spot {
		instance.Market = machine.Spot // the answer says so only once the request is fulfilled
	}
	s := u.missing[0]
	u.mu.Lock()
	u.missing = u.missing[1:]
	if u.group.together {
		s.name, s.other = u.namesOf(u.before+instance.Offering, instance.LaunchIndex)
	}
	s.instance, s.offering, s.timeline.Launched = instance, offering, time.Since(u.begun)
	u.mu.Unlock()
	u.log.Info(fmt.Sprintf("Successfully started AWS EC2 instance %s using availability zone configuration %d in "+
		"region "+
		"%s",
		instance.ID, offering.Number, instance.Region))
	u.unsaved = errors.Join(u.unsaved, u.Journal.Launched(s.handoff()))
	if u.group.together {
		u.unsaved = errors.Join(u.unsaved, u.announce(s))
	}
}
