package serve

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/marqo-ai/ec2-github-runner/ec2"
	"github.com/marqo-ai/ec2-github-runner/ec2/refusal"
	"github.com/marqo-ai/ec2-github-runner/machine"
	"github.com/marqo-ai/ec2-github-runner/serve/queue"
)

// launcher launches a set's machines.
type launcher struct {
	set      string
	api      *queue.Client
	cloud    *ec2.Client
	turns    *regionTurns
	template template
	settings *settings
	fleet    *fleet
	offers   *offers
	warm     *warmStock
	remover  *remover
	pauses   *pauses
	record   *record
	log      *slog.Logger
	work     *sync.WaitGroup
	changed  func() // called when a launch has ended
	// isNeeded reports whether a machine that is about to be launched is still needed.
	isNeeded func() bool

	id atomic.Int64 // of the set at GitHub, as of the last session
}

// isPaused reports whether nothing may be launched now.
func (l *launcher) isPaused(now time.Time) bool {
	pause := l.pauses.current()
	return l.settings.isRemoved() || pause.isOn() && now.Before(pause.until)
}

// begin starts the launch of one more machine.
func (l *launcher) begin(ctx context.Context, now time.Time) {
	r := l.fleet.begin(now)
	l.work.Go(func() { l.finish(ctx, r, l.launch(ctx, r)) })
}

// errNotBegun is the error of a launch that did not begin: before its turn came, another launch of the set was refused,
// or its job was canceled.
var errNotBegun = errors.New("the launch is not needed any more, or paused")

// launch waits for its turn, registers a runner and launches its machine.
func (l *launcher) launch(ctx context.Context, r *runner) error {
	giveBack, err := l.turns.take(ctx, l.settings.region(l.template.region), l.set)
	if err != nil {
		return err
	}
	defer giveBack()
	now := time.Now()
	by := identified{name: r.name}
	by.due, by.expires = l.fleet.turn(r, now)
	if l.isPaused(now) || !l.isNeeded() {
		return errNotBegun
	}
	found, err := l.offers.get(ctx)
	if err != nil {
		return err
	}
	if by.registration, err = l.register(ctx, r); err != nil {
		return err
	}
	l.fleet.registered(r, by.registration.ID)
	var i ec2.Instance
	if w := l.warm.take(found); w != nil {
		i, err = l.warm.start(ctx, w, by, found)
	} else {
		i, err = l.launchCold(ctx, by, found)
	}
	if err == nil {
		l.fleet.launched(r, i)
	}
	return err
}

// launchCold launches a new machine.
func (l *launcher) launchCold(ctx context.Context, by identified, found offer) (ec2.Instance, error) {
	spec, err := l.template.launch(by, found)
	if err != nil {
		return ec2.Instance{}, err
	}
	instances, trail, err := l.askOfferings(ctx, spec, found.offerings)
	l.logTrail(by.name, trail)
	if len(instances) == 0 {
		return ec2.Instance{}, &launchError{err, trail}
	}
	i := instances[0]
	i.Type = cmp.Or(i.Type, found.offerings[i.Offering].InstanceType)
	if found.offerings[i.Offering].Market == machine.Spot {
		i.Market = machine.Spot
	}
	return i, nil
}

// askOfferings requests the offerings in order. It stops if an answer is lost: the machine may exist, and the next
// offering would launch a second one with the same registration.
func (l *launcher) askOfferings(ctx context.Context, spec ec2.LaunchSpec,
	offerings []ec2.Offering) ([]ec2.Instance, []ec2.Attempt, error) {
	asking, stop := context.WithCancel(ctx)
	defer stop()
	return l.cloud.LaunchMany(asking, spec, 1, offerings, ec2.Observer{Tried: func(a ec2.Attempt) {
		if a.InDoubt {
			stop()
		}
	}})
}

// register registers a runner. Names are random, so if the name is taken, the answer to an earlier try was lost: that
// registration is removed, since it is useless without its configuration.
func (l *launcher) register(ctx context.Context, r *runner) (queue.Registration, error) {
	set := int(l.id.Load())
	l.fleet.registering(r)
	by, err := l.api.Register(ctx, set, r.name)
	if queue.ClassOf(err) != queue.Taken {
		return by, err
	}
	id, of, found, err := l.api.Runner(ctx, r.name)
	if err == nil && found && of == set {
		err = l.api.Remove(ctx, id)
	}
	if err != nil {
		return queue.Registration{}, err
	}
	return l.api.Register(ctx, set, r.name)
}

// finish takes in the result of a launch. The pause begins before the runner is dropped, so that no other launch begins
// in between.
func (l *launcher) finish(ctx context.Context, r *runner, err error) {
	now := time.Now()
	refused, isRefused := errors.AsType[*launchError](err)
	switch {
	case err == nil:
		l.pauses.resume()
	case isRefused && refused.isInDoubt():
		l.fleet.inDoubt(r, now.Add(absentTime))
		l.log.Warn("an answer of EC2 was lost: the machine may show itself", "runner", r.name, "error", err.Error())
		l.pauses.hold(now, false, err)
	case isWarmError(err):
		l.warm.failed(now, r.name, err)
	case ctx.Err() != nil || errors.Is(err, errNotBegun):
	default:
		l.pauses.hold(now, isFatal(err), err)
	}
	if registration := l.fleet.finish(r, err != nil, now); registration != 0 {
		l.remover.deregister(ctx, r.name, registration)
	}
	if isRefused && isImageGone(refused) {
		l.offers.forget()
	}
	l.changed()
}

// logTrail logs and counts which offerings were refused before one was given.
func (l *launcher) logTrail(runner string, trail []ec2.Attempt) {
	for _, a := range trail {
		if a.Err != nil {
			l.record.refusedByEC2(a.Err)
			l.log.Info("offering refused", "runner", runner, "type", a.Offering.InstanceType,
				"market", a.Offering.Market, "subnet", a.Offering.Placement.SubnetID, "code", refusal.Reason(a.Err),
				"took", a.Took.Round(time.Millisecond).String())
		}
	}
}
