package serve

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/marqo-ai/ec2-github-runner/ec2"
	"github.com/marqo-ai/ec2-github-runner/ec2/refusal"
	"github.com/marqo-ai/ec2-github-runner/machine"
	"github.com/marqo-ai/ec2-github-runner/runner/diagnosis"
	"github.com/marqo-ai/ec2-github-runner/serve/queue"
)

// begin starts the launch of one more machine. mu is held.
func (s *set) begin(ctx context.Context, now time.Time) {
	r := &runner{name: newName(s.installation, s.Name), state: runnerUnseen, launching: true, wanted: now}
	s.runners[r.name] = r
	s.launches.Go(func() {
		err := s.launch(ctx, r)
		s.launched(ctx, r, err)
	})
}

// errPaused is a launch that did not begin, because another one of the set was refused meanwhile.
var errPaused = errors.New("launches are paused")

// launch registers a runner and launches its machine. Nothing is made before it is its turn.
func (s *set) launch(ctx context.Context, r *runner) error {
	giveBack, err := s.turns.take(ctx, s.Name)
	if err != nil {
		return err
	}
	defer giveBack()
	s.mu.Lock()
	now := time.Now()
	paused := !s.removed.IsZero() || s.pause.isOn() && now.Before(s.pause.until)
	r.due, r.expires = now.Add(dueTime), now.Add(lifetime) // a turn may be long in coming
	s.mu.Unlock()
	if paused {
		return errPaused
	}
	found, err := s.offer(ctx)
	if err != nil {
		return err
	}
	by, err := s.register(ctx, r)
	if err != nil {
		return err
	}
	s.mu.Lock()
	r.id, r.registered = by.ID, time.Now()
	s.mu.Unlock()
	if w := s.takeWarm(found); w != nil {
		return s.startWarm(ctx, r, w, by, found)
	}
	spec, err := s.spec(r, by, found)
	if err != nil {
		return err
	}
	instances, trail, err := s.askOfferings(ctx, spec, found.offerings)
	s.tellTrail(r, trail)
	if len(instances) == 0 {
		return &launchError{err, trail}
	}
	i := instances[0]
	i.Type = cmp.Or(i.Type, found.offerings[i.Offering].InstanceType)
	if found.offerings[i.Offering].Market == machine.Spot {
		i.Market = machine.Spot
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if r.instance.ID == "" { // else a look was faster
		r.instance = i
	}
	r.launched = time.Now()
	return nil
}

// askOfferings asks for the offerings in order, and stops where an answer was lost: the machine may be there, and the
// next offering would give its registration a second one.
func (s *set) askOfferings(ctx context.Context, spec ec2.LaunchSpec,
	offerings []ec2.Offering) ([]ec2.Instance, []ec2.Attempt, error) {
	asking, stop := context.WithCancel(ctx)
	defer stop()
	return s.cloud.LaunchMany(asking, spec, 1, offerings, ec2.Observer{Tried: func(a ec2.Attempt) {
		if a.InDoubt {
			stop()
		}
	}})
}

// register makes the registration. A name that is taken is one whose earlier answer was lost, since names are random:
// that registration is of no use without its configuration.
func (s *set) register(ctx context.Context, r *runner) (queue.Registration, error) {
	api, err := s.client()
	if err != nil {
		return queue.Registration{}, err
	}
	s.mu.Lock()
	set := s.id
	r.registered = time.Now()
	s.mu.Unlock()
	by, err := api.Register(ctx, set, r.name)
	if queue.ClassOf(err) != queue.Taken {
		return by, err
	}
	id, of, found, err := api.Runner(ctx, r.name)
	if err == nil && found && of == set {
		err = api.Remove(ctx, id)
	}
	if err != nil {
		return queue.Registration{}, err
	}
	return api.Register(ctx, set, r.name)
}

// launchError is a launch that gave no machine.
type launchError struct {
	error
	trail []ec2.Attempt
}

func (e *launchError) Unwrap() error { return e.error }

// isInDoubt reports whether EC2 may have launched something all the same.
func (e *launchError) isInDoubt() bool {
	return slices.ContainsFunc(e.trail, func(a ec2.Attempt) bool { return a.InDoubt })
}

// launched takes in how a launch ended.
func (s *set) launched(ctx context.Context, r *runner, err error) {
	now := time.Now()
	refused, isRefused := errors.AsType[*launchError](err)
	s.mu.Lock()
	r.launching = false
	switch {
	case err == nil:
		s.noteLaunched(r)
	case isRefused && refused.isInDoubt():
		r.shows = now.Add(absentTime)
		s.log.Warn("an answer of EC2 was lost: the machine may show itself", "runner", r.name, "error", err.Error())
		s.hold(now, false, err)
	case isWarmError(err):
		s.warmFailed(now, r, err)
	case ctx.Err() != nil || errors.Is(err, errPaused):
	default:
		s.hold(now, isFatal(err), err)
	}
	remove := err != nil && s.giveUp(r, now)
	s.mu.Unlock()
	if remove {
		s.deregister(ctx, r)
	}
	if isRefused && isImageGone(refused) {
		s.forgetOffer()
	}
	s.poke()
}

// giveUp forgets a runner that no machine was launched for, and reports whether its registration is to be removed. mu
// is held.
func (s *set) giveUp(r *runner, now time.Time) (remove bool) {
	switch {
	case !r.shows.IsZero() || r.instance.ID != "":
	case r.id != 0:
		return true
	case r.registered.IsZero():
		delete(s.runners, r.name)
	default:
		// The answer may have been lost. A look removes the registration, if there is one: no machine will come for it.
		r.registered = now
	}
	return false
}

// noteLaunched notes that there is capacity. mu is held.
func (s *set) noteLaunched(r *runner) {
	if s.pause.isOn() {
		s.log.Info("machines are launched again")
	}
	s.pause = pause{}
	s.log.Info("machine launched", "runner", r.name, "machine", r.instance.ID, "type", r.instance.Type,
		"market", r.instance.Market, "region", r.instance.Region, "registering", span(r.wanted, r.registered),
		"launching", span(r.registered, r.launched))
}

// hold pauses the set's launches after a refusal, and says so once, or again where something else is refused. mu is
// held.
func (s *set) hold(now time.Time, fatal bool, err error) {
	s.countRefusal(err)
	if s.pause.isOn() && now.Before(s.pause.until) {
		return // several launches were refused at the same time
	}
	reason, message := reasonOf(err), holdMessage(fatal, err)
	s.noteRefusal(now, message+": "+reason, launchHint(err))
	was := s.pause
	s.pause = was.next(now, fatal, reason, rand.Float64()) //nolint:gosec // spreads load, keeps no secret
	switch {
	case was.isOn() && was.fatal == fatal && was.why == reason && !fatal:
		return
	case fatal:
		s.log.Error(message, "error", reason, "hint", launchHint(err),
			"retry", s.pause.wait.String())
	default:
		s.log.Warn(message, "error", reason, "hint", launchHint(err),
			"retry", s.pause.wait.String())
	}
}

// holdMessage says who is in the way.
func holdMessage(fatal bool, err error) string {
	refused, isRefused := errors.AsType[*launchError](err)
	isCapacity := func(a ec2.Attempt) bool { return refusal.ClassOf(a.Err) == refusal.Capacity }
	switch {
	case fatal:
		return "no machine can be launched until this is repaired"
	case !isRefused:
		return "no machine can be launched for now, so jobs wait at GitHub"
	case slices.ContainsFunc(refused.trail, isCapacity):
		return "EC2 has no capacity, so jobs wait at GitHub"
	}
	return "EC2 launches no machine, so jobs wait at GitHub"
}

// reasonOf is what a launch was refused for: where every offering was, what each was.
func reasonOf(err error) string {
	refused, ok := errors.AsType[*launchError](err)
	if !ok || len(refused.trail) == 0 {
		return err.Error()
	}
	text, said := "", map[string]bool{}
	for _, a := range refused.trail {
		words := fmt.Sprintf("%s %s in %s: %s", a.Offering.Market, a.Offering.InstanceType,
			cmp.Or(a.Offering.Placement.SubnetID, a.Offering.Placement.Region), refusal.Reason(a.Err))
		if a.Err != nil && !said[words] {
			said[words] = true
			text += "; " + words
		}
	}
	if text == "" {
		return err.Error()
	}
	return text[len("; "):]
}

// isFatal reports whether waiting does not help a launch: nothing in it was refused for lack of capacity, or is not
// known.
func isFatal(err error) bool {
	refused, ok := errors.AsType[*launchError](err)
	if !ok {
		if _, plain := errors.AsType[*diagnosis.RefusedError](err); plain {
			return true
		}
		switch queue.ClassOf(err) {
		case queue.Denied, queue.Refused, queue.NotFound:
			return true
		}
		return false
	}
	for _, a := range refused.trail {
		switch refusal.ClassOf(a.Err) {
		case refusal.Capacity, refusal.Throttle, refusal.Unknown:
			return false
		}
	}
	return len(refused.trail) > 0
}

func isImageGone(refused *launchError) bool {
	return slices.ContainsFunc(refused.trail,
		func(a ec2.Attempt) bool { return refusal.ClassOf(a.Err) == refusal.NotFound })
}

// launchHint is what to do about a launch that was refused.
func launchHint(err error) string {
	refused, ok := errors.AsType[*launchError](err)
	if !ok {
		if plain, ok := errors.AsType[*diagnosis.RefusedError](err); ok {
			return plain.Hint
		}
		return hintOf(err)
	}
	var causes []error
	for _, a := range refused.trail {
		if a.Err != nil {
			causes = append(causes, a.Err)
		}
	}
	return diagnosis.LaunchHint(causes)
}

// tellTrail says which offerings were refused before one was given.
func (s *set) tellTrail(r *runner, trail []ec2.Attempt) {
	for _, a := range trail {
		if a.Err != nil {
			s.metrics.RefusedByEC2(s.Name, codeOf(a.Err))
			s.log.Info("offering refused", "runner", r.name, "type", a.Offering.InstanceType,
				"market", a.Offering.Market, "subnet", a.Offering.Placement.SubnetID, "code", refusal.Reason(a.Err),
				"took", a.Took.Round(time.Millisecond).String())
		}
	}
}

// deregister removes the registration of a runner that has no machine. What cannot be removed now, a look removes.
func (s *set) deregister(ctx context.Context, r *runner) {
	api, err := s.client()
	if err == nil {
		ending, cancel := context.WithTimeout(context.WithoutCancel(ctx), closeTime)
		defer cancel()
		err = api.Remove(ending, r.id)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if err != nil {
		s.log.Warn("a registration without a machine was not removed; the next look does it", "runner", r.name,
			"error", err.Error())
		return
	}
	s.drop(r.name)
}
