package serve

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/marqo-ai/ec2-github-runner/ec2"
	"github.com/marqo-ai/ec2-github-runner/ec2/refusal"
	"github.com/marqo-ai/ec2-github-runner/machine"
	"github.com/marqo-ai/ec2-github-runner/runner/diagnosis"
	"github.com/marqo-ai/ec2-github-runner/serve/queue"
)

// launcher launches a set's machines, and pauses after a refusal.
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
	record   *record
	log      *slog.Logger
	work     *sync.WaitGroup
	changed  func() // a launch has ended
	// isNeeded reports whether the machines are not too many, the one that is about to be launched among them.
	isNeeded func() bool

	mu    sync.Mutex
	id    int // of the set at GitHub, as of the last session
	pause pause
}

// setID sets the id of the set in which runners are registered.
func (l *launcher) setID(id int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.id = id
}

// state returns the pause, and the id of the set at GitHub.
func (l *launcher) state() (pause, int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.pause, l.id
}

// isPaused reports whether nothing may be launched now.
func (l *launcher) isPaused(now time.Time) bool {
	pause, _ := l.state()
	return l.settings.isRemoved() || pause.isOn() && now.Before(pause.until)
}

// begin starts the launch of one more machine.
func (l *launcher) begin(ctx context.Context, now time.Time) {
	r := l.fleet.begin(now)
	l.work.Go(func() { l.finish(ctx, r, l.launch(ctx, r)) })
}

// errNotBegun is a launch that did not begin: when its turn came, another one of the set had been refused, or the job
// that it was for had been canceled.
var errNotBegun = errors.New("the launch is not needed any more, or paused")

// launch registers a runner and launches its machine. Nothing is made before it is its turn.
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

// askOfferings asks for the offerings in order, and stops where an answer was lost: the machine may be there, and the
// next offering would give its registration a second one.
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

// register makes the registration. A name that is taken is one whose earlier answer was lost, since names are random:
// that registration is of no use without its configuration.
func (l *launcher) register(ctx context.Context, r *runner) (queue.Registration, error) {
	_, set := l.state()
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

// finish takes in how a launch ended. The pause begins before the runner is given up, so that no other launch begins in
// between.
func (l *launcher) finish(ctx context.Context, r *runner, err error) {
	now := time.Now()
	refused, isRefused := errors.AsType[*launchError](err)
	switch {
	case err == nil:
		l.resume()
	case isRefused && refused.isInDoubt():
		l.fleet.inDoubt(r, now.Add(absentTime))
		l.log.Warn("an answer of EC2 was lost: the machine may show itself", "runner", r.name, "error", err.Error())
		l.hold(now, false, err)
	case isWarmError(err):
		l.warm.failed(now, r.name, err)
	case ctx.Err() != nil || errors.Is(err, errNotBegun):
	default:
		l.hold(now, isFatal(err), err)
	}
	if registration := l.fleet.finish(r, err != nil, now); registration != 0 {
		l.remover.deregister(ctx, r.name, registration)
	}
	if isRefused && isImageGone(refused) {
		l.offers.forget()
	}
	l.changed()
}

// resume ends the pause after a launch, unless it is for what becomes of launched machines: then that is waited for.
func (l *launcher) resume() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.pause.early {
		l.pause.tried, l.pause.until = true, time.Now().Add(spareTime)
		return
	}
	if l.pause.isOn() {
		l.log.Info("machines are launched again")
	}
	l.pause = pause{}
}

// judge takes in a machine that EC2 has ended before its runner came online, nil for none, and when one came online
// last. The first are followed by a pause, in which one at a time is launched, and the latter end it.
func (l *launcher) judge(now time.Time, ended *ec2.Instance, online time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.pause.early && online.After(l.pause.since) {
		l.log.Info("machines are launched again")
		l.pause = pause{}
	}
	if ended == nil || l.pause.isOn() && now.Before(l.pause.until) && !l.pause.tried {
		return
	}
	const message = "machines end before their runners come online, so jobs wait at GitHub"
	hint, was := diagnosis.StateHint(ended.StateReason), l.pause
	l.record.refused(now, message+": "+ended.StateReason, hint)
	l.pause = was.next(now, false, ended.StateReason, rand.Float64()) //nolint:gosec // spreads load, keeps no secret
	l.pause.early, l.pause.since = true, now
	if !was.early || was.why != ended.StateReason {
		l.log.Error(message, "machine", ended.ID, "reason", ended.StateReason, "hint", hint,
			"retry", l.pause.wait.String())
	}
}

// reset ends the pause because the file has another machine now: what was refused may not be asked for any more.
func (l *launcher) reset() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.pause = pause{}
}

// hold pauses the set's launches after a refusal. It is logged once, and again where something else is refused.
func (l *launcher) hold(now time.Time, fatal bool, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.record.refusedByGitHub(err)
	if l.pause.isOn() && now.Before(l.pause.until) {
		return // several launches were refused at the same time
	}
	reason, message, hint := reasonOf(err), holdMessage(fatal, err), launchHint(err)
	l.record.refused(now, message+": "+reason, hint)
	was := l.pause
	l.pause = was.next(now, fatal, reason, rand.Float64()) //nolint:gosec // spreads load, keeps no secret
	switch {
	case was.isOn() && was.fatal == fatal && was.why == reason && !fatal:
		return
	case fatal:
		l.log.Error(message, "error", reason, "hint", hint, "retry", l.pause.wait.String())
	default:
		l.log.Warn(message, "error", reason, "hint", hint, "retry", l.pause.wait.String())
	}
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
