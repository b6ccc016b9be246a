package runner

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/marqo-ai/ec2-github-runner/ec2"
	"github.com/marqo-ai/ec2-github-runner/ec2/refusal"
	"github.com/marqo-ai/ec2-github-runner/github"
	"github.com/marqo-ai/ec2-github-runner/runner/remove"
	"github.com/marqo-ai/ec2-github-runner/runner/tags"
)

// rollBackTimeout limits a roll-back. GitHub sends SIGINT, 7.5 s later SIGTERM, and 2.5 s after that it kills the
// container's client (actions/runner, ProcessInvoker.cs).
const rollBackTimeout = 6500 * time.Millisecond

// consoleTimeout limits how long a failing start reads the console before it terminates the machine.
const consoleTimeout = 2 * time.Second

// rollBack removes everything that a start made, with its own clients and context, since the start's may be cancelled,
// hanging or rate-limited. What cannot be removed is named in the failure.
func (s *Starter) rollBack(ctx context.Context, st *Start, since time.Time, failure *Failure) {
	e := st.ending(s.Log.With("phase", "Roll back"))
	bounded, cancel := context.WithDeadline(context.WithoutCancel(ctx), since.Add(rollBackTimeout))
	defer cancel()
	if ctx.Err() == nil {
		e.diagnose(bounded, failure)
		failure.Kept = e.keep(bounded, st.slots)
	}
	e.r.Cloud, e.r.Registry = s.Fresh()
	e.terminateTogether(bounded)
	e.lookUpTogether(bounded)
	var mu sync.Mutex
	note := func(left []string) {
		mu.Lock()
		defer mu.Unlock()
		failure.Left = append(failure.Left, left...)
	}
	var claims sync.WaitGroup
	claims.Go(func() {
		if st.source.Clear != nil {
			note(st.source.Clear(bounded, e.r))
		}
	})
	remove.Each(st.slots, func(_ int, slot *Slot) {
		left := e.remove(bounded, slot)
		slot.removed = len(left) == 0 && !slot.kept
		note(left)
	})
	claims.Wait()
}

// terminateTogether terminates many instances with one call per region: EC2's token bucket would not last for single
// calls. One unknown id fails a whole call; the instances of a failed call are terminated one by one.
func (e ending) terminateTogether(ctx context.Context) {
	byRegion := map[string][]*Slot{}
	for _, s := range e.st.slots {
		if s.instance.ID != "" && !s.kept && s.machine.Kind() == Cold {
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
		if err := e.r.Cloud.Terminate(ctx, region, ids...); err != nil {
			e.log.Debug("the instances cannot be terminated by one call", "error", err)
			continue
		}
		for _, s := range slots {
			s.ended = true
			e.log.Info(fmt.Sprintf("AWS EC2 instance %s is terminated", s.instance.ID))
		}
	}
}

// fewLookUps is up to how many runners are looked up one by one, which reports each result exactly.
const fewLookUps = 3

// lookUpTogether finds the registrations of many machines whose runner ids are unknown, by two looks at the whole list
// as deregister does for one: single look-ups would not finish in time. After an error the single look-ups remain.
func (e ending) lookUpTogether(ctx context.Context) {
	byName := map[string]*Slot{}
	for _, s := range e.st.slots {
		if s.runnerID == 0 && s.registering && s.instance.ID != "" && !inDoubt(s.launchTrail()) {
			for _, name := range s.owner(e.st.Identity).Names() {
				byName[name] = s
			}
		}
	}
	if len(byName) <= fewLookUps {
		return
	}
	for look := range 2 {
		if look > 0 && !remove.Pause(ctx, remove.RegistrationDelay) {
			return
		}
		found, err := e.r.Registry.FindByNames(ctx, slices.Sorted(maps.Keys(byName)))
		if err != nil {
			e.log.Debug("cannot list the runners", "error", err)
			return
		}
		for name, runner := range found {
			byName[name].noteRegistration(e.st.Identity, runner)
		}
		maps.DeleteFunc(byName, func(_ string, s *Slot) bool { return s.runnerID != 0 })
		if len(byName) == 0 {
			return
		}
	}
	for _, s := range byName {
		s.registering = false // there is none
	}
}

// noteRegistration records a registration with one of the slot's names, if it is the slot's.
func (s *Slot) noteRegistration(id tags.Identity, runner github.Runner) {
	switch {
	case !s.owner(id).Owns(runner):
	case s.runnerID == 0:
		s.runnerID = runner.ID
	case s.runnerID != runner.ID:
		s.stray = runner.ID
	}
}

// remove removes what one slot made, the machine first: a machine that is still running could register again.
func (e ending) remove(ctx context.Context, s *Slot) (left []string) {
	if s.instance.ID != "" && !s.ended && !s.kept {
		left = s.machine.End(ctx, e.r)
	}
	for _, attempt := range s.trail {
		if !attempt.InDoubt {
			continue
		}
		if err := e.r.TerminateByToken(ctx, attempt.Offering.Placement.Region, attempt.Token); err != nil {
			left = append(left,
				fmt.Sprintf("perhaps an instance with client token %s in %s (%s): the post step looks again",
					attempt.Token, attempt.Offering.Placement.Region, refusal.Reason(err)))
		}
	}
	if !s.registering || (s.runnerID == 0 && !e.st.Request.JIT && s.instance.ID == "" && !inDoubt(s.launchTrail())) {
		return left // no machine, no registration
	}
	if err := errors.Join(e.r.Deregister(ctx, s.runnerID, s.owner(e.st.Identity)),
		removeStray(ctx, e.r.Registry, s)); err != nil {
		left = append(left, fmt.Sprintf("runner %s (%s): remove it in the settings of %s", s.name, err,
			e.st.Identity.Scope))
	}
	return left
}

// removeStray removes a registration that the slot's machine has made and does not use.
func removeStray(ctx context.Context, registry *github.Client, s *Slot) error {
	if s.stray == 0 || s.stray == s.runnerID {
		return nil
	}
	return registry.Remove(ctx, s.stray)
}

// bootTime is how long a machine may take until its user data runs; the machine's deadlines count from then.
const bootTime = 2 * time.Minute

// ownEnd says when a machine that could not be terminated terminates itself.
func (st *Start) ownEnd(s *Slot) string {
	if s.group.StopsOnPowerOff() {
		return "it does not terminate itself (launch-parameters)"
	}
	at := func(d time.Duration) string {
		return st.Begun.Add(s.timeline.Launched + d).UTC().Format("2006-01-02 15:04 MST")
	}
	words := "it ends by itself if its runner is not registered by " + at(st.Request.machineGivesUp()+
		st.Request.KeepFailed+bootTime)
	if st.Request.MaxLifetime > 0 {
		words += ", else when it runs no job after " + at(st.Request.MaxLifetime+bootTime)
	}
	return words
}

// launchTrail returns the attempts to launch the slot.
func (s *Slot) launchTrail() []ec2.Attempt {
	return s.unit.trail()
}

func inDoubt(trail []ec2.Attempt) bool {
	return slices.ContainsFunc(trail, func(a ec2.Attempt) bool { return a.InDoubt })
}
