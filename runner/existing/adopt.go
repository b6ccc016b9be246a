package existing

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/marqo-ai/ec2-github-runner/ec2"
	"github.com/marqo-ai/ec2-github-runner/ec2/refusal"
	"github.com/marqo-ai/ec2-github-runner/runner"
	"github.com/marqo-ai/ec2-github-runner/runner/diagnosis"
	"github.com/marqo-ai/ec2-github-runner/runner/remove"
	"github.com/marqo-ai/ec2-github-runner/runner/tags"
	"github.com/marqo-ai/ec2-github-runner/runner/tags/key"
)

// kept is a machine of the user that a slot has tagged as its own. It implements runner.Machine.
type kept struct {
	x         *existing
	slot      *runner.Slot
	found     string    // the state in which it counts as found
	ran       bool      // it was running when it was adopted
	startedAt time.Time // of our StartInstances; zero if it was running already
	started   bool      // whether this start has started it
	doubt     bool      // whether the answer of StartInstances was lost
	before    string    // the earlier nonce in its tags
	rival     string    // another nonce, if the last read showed one
	lost      bool      // whether another start has adopted it since
	again     bool      // whether it was started a second time
}

// Delays of waiting for a machine that is stopping.
const (
	stoppingInterval = 2 * time.Second // how often its state is read
	maxStopping      = 5 * time.Minute // how long the start waits for it
)

// notTakenError says why one machine cannot be used. Another one may do.
type notTakenError struct{ why string }

func (e *notTakenError) Error() string { return e.why }

// adoptAll finds a machine for each slot. It tags a machine first and starts it only once the tags prove that it is
// ours.
func (x *existing) adoptAll(ctx context.Context, log *slog.Logger) error {
	return x.st.Each(func(s *runner.Slot) error {
		for {
			machine, more := x.next()
			if !more {
				return x.noneLeft("no machine can be used")
			}
			err := x.adopt(ctx, log, s, machine)
			why, isWhy := errors.AsType[*notTakenError](err)
			if !isWhy {
				return err
			}
			log.Info(fmt.Sprintf("AWS EC2 instance %s is not used: %s", machine.ID, why.why))
			x.refuse(machine.ID, why.why)
			s.Release()
		}
	})
}

// adopt tags a machine, verifies that the tag is ours, and starts it.
func (x *existing) adopt(ctx context.Context, log *slog.Logger, s *runner.Slot, machine ec2.Instance) error {
	if err := x.st.Journal.Taking(machine.ID, machine.Region); err != nil {
		return err
	}
	machine, err := x.st.Cloud.Instance(ctx, machine.Region, machine.ID) // the list may be outdated
	if err != nil {
		return err
	}
	if why, err := x.whyUnusable(ctx, machine); why != "" || err != nil {
		return notTakenOr(why, err)
	}
	x.lookupRunner(s, machine)
	k := &kept{x: x, slot: s, found: tags.Of(machine).FoundAs(), ran: machine.IsOn(),
		before: machine.Tags[key.Nonce]}
	s.Assign(k, machine)
	due := time.Now().Add(x.st.Request.Waiting.RegistrationTimeout() + maxStopping)
	if err := x.st.Cloud.Tag(ctx, machine.Region, machine.ID, k.tags(due)); err != nil {
		return x.notTaken("it cannot be tagged, so it is not used", err)
	}
	if err := k.settleTags(ctx); err != nil {
		return err
	}
	if err := k.power(ctx, log); err != nil {
		return k.notStarted(ctx, err)
	}
	s.Timeline().Launched = x.st.Since()
	return x.st.Journal.Launched(s.Handoff())
}

func notTakenOr(why string, err error) error {
	if err != nil {
		return err
	}
	return &notTakenError{why}
}

// lookupRunner assigns the slot its machine's runner if that is known beforehand: from the input, else from the tag of
// an earlier use.
func (x *existing) lookupRunner(s *runner.Slot, machine ec2.Instance) {
	name := cmp.Or(x.nameOf(machine.ID), machine.Tags[key.RunnerName])
	s.SetRunner("", 0, false)
	for _, r := range x.runners {
		if name != "" && r.Name == name && tags.HasLabel(r, s.RunnerLabel()) {
			s.SetRunner(r.Name, r.ID, false)
		}
	}
}

// notTaken turns an error about one machine into a notTakenError; it returns errors that affect all machines unchanged.
func (x *existing) notTaken(what string, err error) error {
	switch refusal.ClassOf(err) {
	case refusal.Denied, refusal.Tagging:
		x.mu.Lock()
		x.denied = true
		x.mu.Unlock()
		return &notTakenError{what + " (" + refusal.Reason(err) + ")"}
	case refusal.Capacity, refusal.WrongState, refusal.Impossible, refusal.NotFound, refusal.Other:
		if errors.Is(err, context.Canceled) {
			return err
		}
		return &notTakenError{what + " (" + refusal.Reason(err) + ")"}
	}
	return err
}

// notStarted releases a machine that EC2 did not start. If the answer was lost, the machine stays this slot's and is
// given back later.
func (k *kept) notStarted(ctx context.Context, err error) error {
	s := k.slot
	if k.doubt || ctx.Err() != nil {
		return err
	}
	err = k.x.notTaken("EC2 does not start it", err)
	if _, another := errors.AsType[*notTakenError](err); another {
		remove.ClearDue(ctx, k.x.st.Cloud, s.Instance())
	}
	return err
}

// power starts the machine unless it is running. It waits for one that is stopping: EC2 would refuse to start it.
func (k *kept) power(ctx context.Context, log *slog.Logger) error {
	s := k.slot
	until := time.Now().Add(maxStopping)
	for {
		switch s.Instance().State {
		case ec2.Pending, ec2.Running:
			return k.ranAlready(ctx, log)
		case ec2.Stopped:
			err := k.startInstance(ctx, log)
			if refusal.ClassOf(err) != refusal.WrongState {
				return err
			}
		case ec2.Stopping:
			log.Debug("the machine is stopping; waiting to start it", "instance", s.Instance().ID)
		default:
			return &notTakenError{"it is " + s.Instance().State}
		}
		if time.Now().After(until) {
			return &notTakenError{"it is still " + s.Instance().State + " after " + diagnosis.Minutes(maxStopping)}
		}
		if !remove.Pause(ctx, stoppingInterval) {
			return ctx.Err()
		}
		machine, err := k.x.st.Cloud.Instance(ctx, s.Instance().Region, s.Instance().ID)
		if err != nil {
			return err
		}
		s.SetInstance(machine)
	}
}

// startInstance calls StartInstances and evaluates the answer.
func (k *kept) startInstance(ctx context.Context, log *slog.Logger) error {
	s := k.slot
	k.doubt = true // until EC2 answers
	previous, err := k.x.st.Cloud.Start(ctx, s.Instance().Region, s.Instance().ID)
	k.doubt = refusal.ClassOf(err) == refusal.Unknown && err != nil
	if err != nil {
		return err
	}
	k.startedAt = time.Now()
	i := s.Instance()
	i.State = ec2.Pending
	s.SetInstance(i)
	if previous == ec2.Running || previous == ec2.Pending { // somebody has started it since our last read
		return k.ranAlready(ctx, log)
	}
	k.started = true
	s.SetRunner(s.RunnerName(), s.RunnerID(), k.wasOnline())
	log.Info(fmt.Sprintf("AWS EC2 instance %s is being started", s.Instance().ID))
	return nil
}

// wasOnline reports whether GitHub reported the slot's runner as online while its machine was stopped.
func (k *kept) wasOnline() bool {
	s := k.slot
	for _, r := range k.x.runners {
		if s.RunnerID() != 0 && r.ID == s.RunnerID() {
			return r.Online
		}
	}
	return false
}

// ranAlready records that the machine is running and that this start has not started it. If it was stopped when it was
// adopted, somebody else has started it: then it is left running.
func (k *kept) ranAlready(ctx context.Context, log *slog.Logger) error {
	s := k.slot
	if k.found == tags.FoundStopped && !k.ran {
		k.found = tags.FoundRunning
		if err := k.x.st.Cloud.Tag(ctx, s.Instance().Region, s.Instance().ID,
			map[string]string{key.Found: tags.FoundRunning}); err != nil {
			return err
		}
	}
	log.Info(fmt.Sprintf("AWS EC2 instance %s is already running", s.Instance().ID))
	return nil
}

// noteUse tags a machine whose runner is online with the runner and the launch time.
func (k *kept) noteUse(ctx context.Context, log *slog.Logger) {
	s := k.slot
	values := map[string]string{key.DueAt: ""}
	if k.found == tags.FoundStopped {
		values[key.StartedAt] = s.Instance().LaunchTime.UTC().Format(time.RFC3339)
	}
	if s.RunnerName() != "" && s.RunnerID() != 0 {
		values[key.RunnerName], values[key.RunnerID] = s.RunnerName(), fmt.Sprint(s.RunnerID())
	}
	if err := k.x.st.Cloud.Tag(ctx, s.Instance().Region, s.Instance().ID, values); err != nil {
		log.Debug("the runner cannot be recorded in the machine's tags", "instance", s.Instance().ID, "error", err)
	}
}
