package runner

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/cenkalti/backoff/v4"

	"github.com/marqo-ai/ec2-github-runner/ec2"
)

// launch asks EC2 for all slots side by side. Each instance is handed over the moment it exists.
func (st *start) launch(ctx context.Context) error {
	var group sync.WaitGroup
	for _, g := range st.groups {
		offerings := st.inZones(ctx, g.offerings(g.placements))
		if g.together {
			group.Go(func() { st.launchUnit(ctx, g, offerings, st.livingOf(g)) })
			continue
		}
		group.Go(func() {
			_ = st.sideBySide(st.livingOf(g), func(s *slot) error {
				st.launchUnit(ctx, g, offerings, []*slot{s})
				return nil
			})
		})
	}
	group.Wait()
	return st.enough()
}

func (st *start) livingOf(g *group) []*slot {
	return slices.DeleteFunc(st.living(), func(s *slot) bool { return s.group != g })
}

// unit is what one row of RunInstances calls launches: one slot, or all slots of a group that launches together.
type unit struct {
	*start
	group     *group
	offerings []ec2.Offering
	slots     []*slot // the first keeps the trail
	missing   []*slot // those without an instance
	round     int
	unsaved   error
}

// launchUnit goes through the offerings, and round again while capacity may come. Slots that get nothing are given up.
func (st *start) launchUnit(ctx context.Context, g *group, offerings []ec2.Offering, slots []*slot) {
	if len(slots) == 0 {
		return
	}
	st.log.Debug("launching", "runner", slots[0].name, "offerings", len(offerings))
	u := &unit{start: st, group: g, offerings: offerings, slots: slots, missing: slots}
	deadline := time.Now().Add(st.request.CapacityTimeout)
	policy := backoff.NewExponentialBackOff(backoff.WithInitialInterval(5*time.Second), backoff.WithMaxInterval(time.Minute), backoff.WithMaxElapsedTime(0))
	err := backoff.Retry(func() error {
		err := u.goRound(ctx)
		wait := time.Until(deadline)
		if err == nil || !u.mayComeLater(err) || wait <= 0 || ctx.Err() != nil {
			if err != nil {
				return backoff.Permanent(err)
			}
			return nil
		}
		u.log.Info(fmt.Sprintf("every offering is exhausted; asking again for %s more (capacity-timeout-minutes)", wait.Round(time.Second)))
		u.round++
		return err
	}, backoff.WithContext(policy, ctx))
	if err == nil {
		err = u.unsaved
	}
	if err != nil {
		st.giveUp(st.launchFailed(ctx, u.trail(), err), u.missing...)
	}
	if u.unsaved != nil {
		st.giveUp(u.unsaved, u.slots...)
	}
}

func (u *unit) trail() []ec2.Attempt { return u.slots[0].trail }

// mayComeLater tells that some offering was refused for want of capacity only.
func (u *unit) mayComeLater(err error) bool {
	return errors.Is(err, ec2.ErrExhausted) && slices.ContainsFunc(u.trail(), func(a ec2.Attempt) bool {
		return a.Err != nil && ec2.ClassOf(a.Err) == ec2.Capacity
	})
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
	instances, trail, err := u.Cloud.LaunchMany(ctx, spec, len(u.missing), u.offerings, ec2.Observer{Trying: u.trying, Tried: u.tellTried})
	u.slots[0].trail = append(u.slots[0].trail, trail...)
	for _, instance := range instances {
		u.take(instance)
	}
	return err
}

// trying writes down what is about to be asked for, before it is.
func (u *unit) trying(a ec2.Attempt) {
	if !u.request.JIT {
		u.unsaved = errors.Join(u.unsaved, u.announceNames(a.Index))
	}
	u.unsaved = errors.Join(u.unsaved, u.Journal.Asking(a.Token, u.regionOf(a.Offering.Placement)))
	u.tellTrying(a, len(u.offerings))
}

// announceNames gives the missing slots the names that they will have with this offering.
func (u *unit) announceNames(offering int) error {
	u.mu.Lock()
	if u.group.together {
		for i, s := range u.missing {
			s.name = indexedName(u.base(offering), i)
		}
	}
	u.mu.Unlock()
	return u.announce(u.missing...)
}

// base is what the names of an offering's machines begin with, in this round.
func (u *unit) base(offering int) string { return u.group.baseOf(u.round*len(u.offerings) + offering) }

// baseOf is what the names of one call's machines begin with. The launch index begins anew with each call, so every call
// after the first has a base of its own.
func (g *group) baseOf(call int) string {
	if call == 0 {
		return g.base
	}
	return cutName(fmt.Sprintf("%s-%d", g.base, call))
}

// indexedName is the name that the machine with a launch index gives itself.
func indexedName(base string, index int) string { return fmt.Sprintf("%s-%d", base, index) }

// take gives an instance to a slot. What the answer left out is filled in from what was asked for.
func (u *unit) take(instance ec2.Instance) {
	offering := u.offerings[instance.Offering]
	if instance.Type == "" {
		instance.Type = offering.InstanceType
	}
	if offering.Market == ec2.Spot {
		instance.Market = ec2.Spot // the answer says so only once the request is fulfilled
	}
	s := u.missing[0]
	u.mu.Lock()
	u.missing = u.missing[1:]
	if u.group.together {
		s.name = indexedName(u.base(instance.Offering), instance.LaunchIndex)
	}
	s.instance, s.timeline.Launched = instance, time.Since(u.begun)
	u.mu.Unlock()
	u.log.Info(fmt.Sprintf("Successfully started AWS EC2 instance %s using availability zone configuration %d in region %s",
		instance.ID, instance.Offering+1, instance.Region))
	u.unsaved = errors.Join(u.unsaved, u.Journal.Launched(s.handoff()))
	if u.group.together {
		u.unsaved = errors.Join(u.unsaved, u.announce(s))
	}
}

// spec is the launch of this round.
func (u *unit) spec() (ec2.LaunchSpec, error) {
	g, first := u.group, u.slots[0]
	data := make([][]byte, len(u.offerings))
	for i := range data {
		by := registration{name: first.name, token: u.token, jit: first.jit}
		if g.together {
			by.name = u.base(i)
		}
		var err error
		if data[i], err = g.spec(u.request, by, u.offered).UserData(); err != nil {
			return ec2.LaunchSpec{}, err
		}
		if !g.together {
			for j := range data {
				data[j] = data[i]
			}
			break
		}
	}
	round := u.round * 2 // an offering is tried twice where EC2 refuses our tags
	spec := ec2.LaunchSpec{
		UserData: func(offering int) []byte { return data[offering] }, Profile: g.Profile, Tags: g.Tags, Devices: g.Devices, Root: g.Root,
		Metadata: g.Metadata, SpotMax: g.SpotMax, Overlay: g.Overlay,
		Token: func(offering, try int) string {
			return u.identity.clientToken(g.label, first.index, offering, round+try)
		},
	}
	if u.request.OwnTags {
		spec.OwnTags = u.ownTags()
	}
	return spec, nil
}

// ownTags returns our tags for each offering. Their times are fixed here: a request that is asked again must be the same.
func (u *unit) ownTags() func(offering int) map[string]string {
	first := u.slots[0]
	var expires time.Time
	if u.request.MaxLifetime > 0 {
		expires = u.begun.Add(u.request.MaxLifetime)
	}
	due := time.Now().Add(u.request.Waiting.registrationTimeout())
	round := u.round
	return func(offering int) map[string]string {
		tags := u.identity.tags(first.index, u.group.label, first.name, first.runnerID, due, expires)
		if u.group.together {
			tags[TagRunnerName], tags[TagSlots] = u.group.baseOf(round*len(u.offerings)+offering), strconv.Itoa(len(u.slots))
		}
		return tags
	}
}

func (st *start) regionOf(p ec2.Placement) string {
	if p.Region == "" {
		return st.Cloud.Region()
	}
	return p.Region
}

func (st *start) tellTrying(a ec2.Attempt, total int) {
	if a.Try > 0 {
		return
	}
	p := a.Offering.Placement
	st.log.Info(fmt.Sprintf("Trying availability zone configuration %d/%d", a.Index+1, total))
	st.log.Info(fmt.Sprintf("Using imageId: %s, subnetId: %s, securityGroupId: %s, region: %s (%s, %s)", p.ImageID, p.SubnetID,
		strings.Join(p.SecurityGroupIDs, ","), st.regionOf(p), a.Offering.InstanceType, a.Offering.Market))
}

func (st *start) tellTried(a ec2.Attempt) {
	switch {
	case a.Err == nil:
	case a.Untagged:
		st.warn(fmt.Sprintf("EC2 refuses the launch with this action's own tags (%s), so it is asked again without them: "+
			"allow ec2:CreateTags on RunInstances, or set own-tags: false", ec2.Reason(a.Err)))
	default:
		st.warn(st.refusal(a))
	}
}

// refusal is what machulav says of a configuration that did not launch.
func (st *start) refusal(a ec2.Attempt) string {
	return fmt.Sprintf("Failed to start EC2 instance with configuration %d in region %s: %s",
		a.Index+1, st.regionOf(a.Offering.Placement), ec2.Reason(a.Err))
}

func (st *start) launchFailed(ctx context.Context, trail []ec2.Attempt, err error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if !errors.Is(err, ec2.ErrExhausted) {
		return err
	}
	var refusals []string
	var causes []error
	for _, a := range trail {
		if a.Err != nil && !a.Untagged {
			refusals = append(refusals, st.refusal(a))
			causes = append(causes, a.Err)
		}
	}
	return &FailedError{
		Message: "Failed to start EC2 instance in any availability zone. Errors: " + strings.Join(refusals, "; "),
		Hint:    launchHint(causes),
		Err:     errors.Join(causes...),
	}
}
