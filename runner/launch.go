package runner

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/cenkalti/backoff/v4"

	"github.com/marqo-ai/ec2-github-runner/ec2"
	"github.com/marqo-ai/ec2-github-runner/ec2/refusal"
	"github.com/marqo-ai/ec2-github-runner/machine"
	"github.com/marqo-ai/ec2-github-runner/runner/remove"
)

// launch launches all slots concurrently and writes the hand-off of each instance as soon as it exists. It makes no
// further registrations once too few slots are left for the start to succeed.
func (st *Start) launch(ctx context.Context, log *slog.Logger) error {
	enough, stop := context.WithCancel(ctx)
	defer stop()
	var group sync.WaitGroup
	for _, g := range st.groups {
		group.Go(func() {
			remove.Each(g.units, func(_ int, u *unit) {
				l := &launching{st: st, unit: u, log: log}
				if err := l.enroll(enough); err == nil {
					l.run(ctx, u.offeringsLeft()) // not cancelled by enough
				} else if enough.Err() == nil || ctx.Err() != nil {
					st.giveUp(err, u.slots...)
				}
				if st.enough() != nil {
					stop()
				}
			})
		})
	}
	group.Wait()
	return st.enough()
}

// enroll makes the JIT configuration of a unit's slot unless it has one. Each slot is launched as soon as it has its
// own, because both GitHub's registrations and EC2's launches are rate-limited.
func (l *launching) enroll(ctx context.Context) error {
	s := l.unit.slots[0]
	l.st.mu.Lock()
	done := !l.st.Request.JIT || s.failed != nil || s.instance.ID != "" || s.jit != ""
	l.st.mu.Unlock()
	if done {
		return nil
	}
	if err := l.registrar().enrollJIT(ctx, s); err != nil {
		return err
	}
	s.timeline.Registered = l.st.Since()
	return nil
}

func (l *launching) registrar() registrar { return registrar{l.st, l.log} }

// MaxTogether is the most slots that one call launches. AWS advises against more, and EC2 takes instances from a token
// bucket that is refilled at two a second: a call for more than its capacity would always be refused.
// https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_RunInstances.html
// https://docs.aws.amazon.com/ec2/latest/devguide/ec2-api-throttling.html
const MaxTogether = 100

// unit is what one series of RunInstances calls launches: one slot, or slots of a group that are launched together.
type unit struct {
	st    *Start
	group *group
	index int     // among the group's units
	slots []*Slot // the first one has the trail

	offerings []ec2.Offering // of this round
	round     int
	before    int            // the number of offerings in earlier rounds
	calls     map[string]int // of a group that launches together, by client token: the names contain it
	panicked  []ec2.Offering // whose machines panicked
	panic     error          // the last panic
}

// launching is one launch of a unit. After a kernel panic another one follows.
type launching struct {
	st      *Start
	unit    *unit
	log     *slog.Logger
	missing []*Slot // slots without an instance
	// refusedTags is EC2's refusal of the launch with our tags, until the launch without them is answered.
	refusedTags error
	unsaved     error
}

// run tries the offerings in order, repeatedly while capacity may become available. Slots without an instance are given
// up.
func (l *launching) run(ctx context.Context, offerings []ec2.Offering) {
	l.missing = slices.DeleteFunc(slices.Clone(l.unit.slots),
		func(s *Slot) bool { return s.failed != nil || s.instance.ID != "" })
	if len(l.missing) == 0 {
		return
	}
	if l.unit.calls == nil {
		l.unit.calls = map[string]int{}
	} else { // these slots were launched before: names and client tokens must be new
		l.unit.before += len(l.unit.offerings)
		l.unit.round++
	}
	l.unit.offerings = offerings
	l.log.Debug("launching", "runner", l.unit.slots[0].name, "offerings", len(offerings))
	deadline := time.Now().Add(l.st.Request.CapacityTimeout)
	policy := &until{deadline, backoff.NewExponentialBackOff(
		backoff.WithInitialInterval(5*time.Second), backoff.WithMaxInterval(time.Minute),
		backoff.WithMaxElapsedTime(0))}
	err := backoff.RetryNotify(func() error {
		err := l.runRound(ctx)
		if err != nil && (!l.unit.nextRound(err) || time.Until(deadline) <= 0 || ctx.Err() != nil) {
			return backoff.Permanent(err)
		}
		return err
	}, backoff.WithContext(policy, ctx), func(_ error, wait time.Duration) { l.logRound(wait, time.Until(deadline)) })
	if err == nil {
		err = l.unsaved
	}
	if err != nil {
		l.st.giveUp(l.unit.withPanic(launchError(ctx, l.unit.trail(), err)), l.missing...)
	}
	if l.unsaved != nil {
		l.st.giveUp(l.unsaved, l.unit.slots...)
	}
}

// until is a backoff whose last wait ends at the deadline.
type until struct {
	deadline time.Time
	backoff.BackOff
}

// NextBackOff implements backoff.BackOff.
func (u *until) NextBackOff() time.Duration {
	return max(min(u.BackOff.NextBackOff(), time.Until(u.deadline)), 0)
}

func (u *unit) trail() []ec2.Attempt { return u.slots[0].trail }

// nextRound keeps the offerings that were refused for lack of capacity, and reports whether there are any.
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
			answer = u.refusalFor(last, offering)
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

// refusalFor returns the refusal because of which an offering was skipped in this round: the first one of another
// offering that applies to it too.
func (u *unit) refusalFor(asked map[int]ec2.Attempt, offering ec2.Offering) ec2.Attempt {
	for _, i := range slices.Sorted(maps.Keys(asked)) {
		if asked[i].RefersTo(offering, u.st.Cloud.Region()) {
			return asked[i]
		}
	}
	return ec2.Attempt{}
}

// runRound requests every offering once.
func (l *launching) runRound(ctx context.Context) error {
	if !l.st.Request.JIT {
		if err := l.registrar().renewToken(ctx); err != nil {
			return err
		}
	}
	spec, err := l.unit.spec()
	if err != nil {
		return fmt.Errorf("build user data: %w", err)
	}
	u := l.unit
	instances, trail, err := l.st.Cloud.LaunchMany(ctx, spec, len(l.missing), u.offerings, ec2.Observer{
		Trying: l.trying, Tried: l.logTried, Skipped: l.logSkipped,
	})
	for i := range trail {
		trail[i].Round = u.round
	}
	u.slots[0].trail = append(u.slots[0].trail, trail...)
	for _, instance := range instances {
		l.assign(instance)
	}
	return err
}

// trying writes a launch to the journal before it is requested.
func (l *launching) trying(a ec2.Attempt) {
	if !l.st.Request.JIT {
		l.unsaved = errors.Join(l.unsaved, l.announceNames(a))
	}
	l.unsaved = errors.Join(l.unsaved, l.st.Journal.Asking(a.Token, a.Offering.Placement.Region))
	l.logTrying(a)
}

// announceNames gives the missing slots the names that they will have with this offering.
func (l *launching) announceNames(a ec2.Attempt) error {
	l.st.mu.Lock()
	if l.unit.group.together {
		l.unit.calls[a.Token] = l.unit.before + a.Index
		for i, s := range l.missing {
			s.name, s.alternative = l.unit.namesOf(l.unit.before+a.Index, i)
		}
	}
	l.st.mu.Unlock()
	return l.st.announce(l.missing...)
}

// assign gives an instance to a slot, and fills in what the answer does not contain.
func (l *launching) assign(instance ec2.Instance) {
	offering := l.unit.offerings[instance.Offering]
	instance.Type = cmp.Or(instance.Type, offering.InstanceType)
	if offering.Market == machine.Spot {
		instance.Market = machine.Spot // the answer shows it only once the request is fulfilled
	}
	s := l.missing[0]
	l.st.mu.Lock()
	l.missing = l.missing[1:]
	if l.unit.group.together {
		s.name, s.alternative = l.unit.namesOf(l.unit.before+instance.Offering, instance.LaunchIndex)
	}
	s.instance, s.offering, s.timeline.Launched = instance, offering, time.Since(l.st.Begun)
	l.st.mu.Unlock()
	l.log.Info(fmt.Sprintf("Successfully started AWS EC2 instance %s using availability zone configuration %d "+
		"in region %s", instance.ID, offering.Number, instance.Region))
	l.unsaved = errors.Join(l.unsaved, l.st.Journal.Launched(s.Handoff()))
	if l.unit.group.together {
		l.unsaved = errors.Join(l.unsaved, l.st.announce(s))
	}
}
