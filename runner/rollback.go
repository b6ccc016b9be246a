package runner

import (
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
	"github.com/marqo-ai/ec2-github-runner/github"
	"github.com/marqo-ai/ec2-github-runner/runner/tags"
)

// rollBackWithin is the time that a roll-back has. GitHub sends SIGINT, 7.5 s later SIGTERM, and 2.5 s after that it
// ends the container's client (actions/runner, ProcessInvoker.cs).
const rollBackWithin = 6500 * time.Millisecond

// consoleWithin is how long a failing start may take to read the console before the machine is ended.
const consoleWithin = 2 * time.Second

// rollBack removes everything that the start made: on clients and a context of its own, since the start's may be
// cancelled, hanging or told by GitHub to wait. What cannot be removed is named in the failure.
func (st *start) rollBack(ctx context.Context, since time.Time, failure *Failure) {
	st.log = st.Log.With("phase", "Roll back")
	bounded, cancel := context.WithDeadline(context.WithoutCancel(ctx), since.Add(rollBackWithin))
	defer cancel()
	if ctx.Err() == nil {
		st.diagnose(bounded, failure)
		failure.Kept = st.keep(bounded, st.slots)
	}
	cloud, registry := st.Fresh()
	r := &remover{cloud: cloud, registry: registry, log: st.log}
	st.terminateTogether(bounded, r)
	st.lookUpTogether(bounded, r)
	var mu sync.Mutex
	var claims sync.WaitGroup
	claims.Go(func() {
		if st.source.clear == nil {
			return
		}
		left := st.source.clear(bounded, r, cloud)
		mu.Lock()
		defer mu.Unlock()
		failure.Left = append(failure.Left, left...)
	})
	_ = st.sideBySide(st.slots, func(s *slot) error {
		left := st.remove(bounded, r, s)
		mu.Lock()
		defer mu.Unlock()
		s.removed = len(left) == 0 && !s.kept
		failure.Left = append(failure.Left, left...)
		return nil
	})
	claims.Wait()
}

// terminateTogether ends many instances by one call per region: EC2's bucket for single calls would not last. What a
// call does not end (one unknown id spoils it) is ended one by one.
func (st *start) terminateTogether(ctx context.Context, r *remover) {
	byRegion := map[string][]*slot{}
	for _, s := range st.slots {
		if s.instance.ID != "" && !s.kept && s.machine.kind() == coldKind {
			byRegion[s.instance.Region] = append(byRegion[s.instance.Region], s)
		}
	}
	for region, slots := range byRegion {
		if len(slots) < 2 {
			continue
		}
		ids := make([]string, len(slots))
		for i, s := range slots {
			ids[i] = s.instance.ID
		}
		if err := r.cloud.Terminate(ctx, region, ids...); err != nil {
			st.log.Debug("the instances cannot be ended together", "error", err)
			continue
		}
		for _, s := range slots {
			s.ended = true
			st.log.Info(fmt.Sprintf("AWS EC2 instance %s is terminated", s.instance.ID))
		}
	}
}

// lookUpTogether finds the registrations of many machines whose runner ids are not known, by two looks at the whole
// list as deregister makes them for one: looked up one by one they would not be done in time. What goes wrong is left
// to the single look-ups.
func (st *start) lookUpTogether(ctx context.Context, r *remover) {
	byName := map[string]*slot{}
	for _, s := range st.slots {
		if s.runnerID == 0 && s.registering && s.instance.ID != "" && !inDoubt(s.launchTrail()) {
			for _, name := range s.owner(st.identity).Names() {
				byName[name] = s
			}
		}
	}
	if len(byName) <= fewStops {
		return
	}
	for look := range 2 {
		if look > 0 && !pause(ctx, registrationSettles) {
			return
		}
		found, err := r.registry.FindByNames(ctx, slices.Sorted(maps.Keys(byName)))
		if err != nil {
			st.log.Debug("the runners cannot be looked up together", "error", err)
			return
		}
		for name, runner := range found {
			byName[name].found(st.identity, runner)
		}
		maps.DeleteFunc(byName, func(_ string, s *slot) bool { return s.runnerID != 0 })
		if len(byName) == 0 {
			return
		}
	}
	for _, s := range byName {
		s.registering = false // there is none
	}
}

// found notes a registration with one of the slot's names, if it is the slot's.
func (s *slot) found(id tags.Identity, runner github.Runner) {
	switch {
	case !s.owner(id).Owns(runner):
	case s.runnerID == 0:
		s.runnerID = runner.ID
	case s.runnerID != runner.ID:
		s.stray = runner.ID
	}
}

// remove ends what one slot made, the machine first: a machine that still runs could register again.
func (st *start) remove(ctx context.Context, r *remover, s *slot) (left []string) {
	if s.instance.ID != "" && !s.ended && !s.kept {
		left = s.machine.end(ctx, r)
	}
	for _, attempt := range s.trail {
		if !attempt.InDoubt {
			continue
		}
		if err := r.terminateByToken(ctx, st.regionOf(attempt.Offering.Placement), attempt.Token); err != nil {
			left = append(left, fmt.Sprintf("perhaps an instance with client token %s in %s (%s): the post step looks again",
				attempt.Token, st.regionOf(attempt.Offering.Placement), ec2.Reason(err)))
		}
	}
	if !s.registering || (s.runnerID == 0 && !st.request.JIT && s.instance.ID == "" && !inDoubt(s.launchTrail())) {
		return left // no machine, no registration
	}
	if err := errors.Join(r.deregister(ctx, s.runnerID, s.owner(st.identity)), removeStray(ctx, r.registry, s)); err != nil {
		left = append(left, fmt.Sprintf("runner %s (%s): remove it in the settings of %s", s.name, err, st.identity.Scope))
	}
	return left
}

// removeStray removes a registration that the slot's machine has made and does not use.
func removeStray(ctx context.Context, registry *github.Client, s *slot) error {
	if s.stray == 0 || s.stray == s.runnerID {
		return nil
	}
	return registry.Remove(ctx, s.stray)
}

// bootTime is what a machine may need to begin with its user data, which counts its time from then.
const bootTime = 2 * time.Minute

// ownEnd returns when a machine that could not be terminated ends by itself.
func (st *start) ownEnd(s *slot) string {
	if s.StopsOnPowerOff() {
		return "it does not end by itself (launch-parameters)"
	}
	at := func(d time.Duration) string {
		return st.begun.Add(s.timeline.Launched + d).UTC().Format("2006-01-02 15:04 MST")
	}
	words := "it ends by itself if its runner is not registered by " + at(st.request.machineGivesUp()+
		st.request.KeepFailed+bootTime)
	if st.request.MaxLifetime > 0 {
		words += ", else when it runs no job after " + at(st.request.MaxLifetime+bootTime)
	}
	return words
}

// launchTrail is the trail of the calls that were to launch the slot.
func (s *slot) launchTrail() []ec2.Attempt {
	return s.unit.trail()
}

func inDoubt(trail []ec2.Attempt) bool {
	for _, attempt := range trail {
		if attempt.InDoubt {
			return true
		}
	}
	return false
}

// remover ends machines and registrations, with patience until its context ends.
type remover struct {
	cloud    *ec2.Client
	registry *github.Client
	log      *slog.Logger
}

// removeEvery is how often a removal that did not go through is tried again.
const removeEvery = 500 * time.Millisecond

// terminate ends one instance.
func (r *remover) terminate(ctx context.Context, region, id string) error {
	err := r.cloud.End(ctx, region, id)
	if err == nil {
		r.log.Info(fmt.Sprintf("AWS EC2 instance %s is terminated", id))
	}
	return err
}

// terminateByToken ends what was launched by a call of which only the client token is known. EC2 shows new instances
// late, so it looks until it finds some or the context ends; not finding one in all that time is no error.
func (r *remover) terminateByToken(ctx context.Context, region, token string) error {
	return r.cloud.EndByToken(ctx, region, tags.LaunchedWith(token),
		func(i ec2.Instance) error { return r.terminate(ctx, region, i.ID) })
}

// registrationSettles is how long a machine's registration may take to show in GitHub's list.
const registrationSettles = 1500 * time.Millisecond

// deregister removes a machine's registration, by id or by its names. A machine that was ended a moment ago may have
// registered just then, so what is not found is looked up once more.
func (r *remover) deregister(ctx context.Context, id int64, owner tags.Owner) error {
	found := []github.Runner{{ID: id, Name: owner.Name}}
	if id == 0 {
		var err error
		if found, err = r.findOwn(ctx, owner); err != nil {
			return err
		}
	}
	var errs []error
	for _, runner := range found {
		errs = append(errs, r.removeRunner(ctx, runner))
	}
	return errors.Join(errs...)
}

// findOwn finds what a machine has registered, by two looks.
func (r *remover) findOwn(ctx context.Context, owner tags.Owner) (own []github.Runner, err error) {
	for look := range 2 {
		if look > 0 && !pause(ctx, registrationSettles) {
			break
		}
		for _, name := range owner.Names() {
			runner, found, err := r.registry.FindByName(ctx, name)
			if err != nil {
				return nil, err
			}
			if found && owner.Owns(runner) {
				own = append(own, runner)
			}
		}
		if len(own) > 0 {
			break
		}
	}
	return own, nil
}

func (r *remover) removeRunner(ctx context.Context, runner github.Runner) error {
	err := ec2.RetryUntilDone(ctx, removeEvery, func() error {
		err := r.registry.Remove(ctx, runner.ID)
		if err != nil && !errors.Is(err, github.ErrBusy) {
			return backoff.Permanent(err)
		}
		return err
	})
	if err == nil {
		r.log.Info(fmt.Sprintf("GitHub self-hosted runner %s is removed", runner.Name))
	}
	return err
}

// pause waits; false says that the context ended first.
func pause(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}
