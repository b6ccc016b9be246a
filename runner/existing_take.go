package runner

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/marqo-ai/ec2-github-runner/ec2"
	"github.com/marqo-ai/ec2-github-runner/runner/diagnosis"
	"github.com/marqo-ai/ec2-github-runner/runner/tags"
)

// taken is an existing machine that a slot has tagged as its own.
type taken struct {
	found     string    // the state it counts as found in
	ran       bool      // it ran when it was taken
	startedAt time.Time // of our StartInstances; zero where it ran already
	started   bool      // by this start
	doubt     bool      // no answer said whether it was started
	// GitHub called its runner online while the machine was stopped, and has not called it offline since
	stale  bool
	before string // the nonce that its tags had before
	rival  string // a nonce that neither is that one nor ours, as the last look showed it
	lost   bool   // another start has taken it since
	again  bool   // it was started a second time
}

// Times of taking a machine.
const (
	stoppingLook = 2 * time.Second  // how often to look at one that is stopping
	mostStopping = 5 * time.Minute  // how long to wait for it
	startShows   = 10 * time.Second // EC2 may show a machine as stopped for a moment although it is being started
)

// notTakenError is why one machine could not be taken. Another one may do.
type notTakenError struct{ why string }

func (e *notTakenError) Error() string { return e.why }

// take finds a machine for each slot: it is tagged first, and only what is ours by its tags is started.
func (st *start) take(ctx context.Context) error {
	return st.each(func(s *slot) error {
		for {
			machine, more := st.existing.next()
			if !more {
				return st.noneLeft("no machine could be taken")
			}
			err := st.takeOne(ctx, s, machine)
			why, isWhy := errors.AsType[*notTakenError](err)
			if !isWhy {
				return err
			}
			st.log.Info(fmt.Sprintf("AWS EC2 instance %s is not taken: %s", machine.ID, why.why))
			st.existing.refuse(machine.ID, why.why)
			s.instance, s.taken = ec2.Instance{}, nil
		}
	})
}

// takeOne tags a machine, makes sure that the tag is ours, and starts it.
func (st *start) takeOne(ctx context.Context, s *slot, machine ec2.Instance) error {
	if err := st.Journal.Taking(machine.ID, machine.Region); err != nil {
		return err
	}
	machine, err := st.Cloud.Instance(ctx, machine.Region, machine.ID) // the list may be old
	if err != nil {
		return err
	}
	if why, err := st.whyNot(ctx, machine); why != "" || err != nil {
		return orWhy(why, err)
	}
	st.know(s, machine)
	s.instance, s.taken = machine, &taken{found: tags.FoundAs(machine), ran: tags.IsOn(machine),
		before: machine.Tags[tags.Nonce]}
	due := time.Now().Add(st.request.Waiting.registrationTimeout() + mostStopping)
	if err := st.Cloud.Tag(ctx, machine.Region, machine.ID, st.existingTags(s, s.taken.found, due)); err != nil {
		return st.mayNot("it may not be tagged, and what cannot be tagged is not taken", err)
	}
	if err := st.settleTags(ctx, s); err != nil {
		return err
	}
	if err := st.power(ctx, s); err != nil {
		return st.notStarted(ctx, s, err)
	}
	s.timeline.Launched = st.since()
	return st.Journal.Launched(s.handoff())
}

func orWhy(why string, err error) error {
	if err != nil {
		return err
	}
	return &notTakenError{why}
}

// know returns which runner a machine has, where that can be told beforehand: by the input, else by the tag of an
// earlier use.
func (st *start) know(s *slot, machine ec2.Instance) {
	name := st.existing.nameOf(machine.ID)
	if name == "" {
		name = machine.Tags[tags.RunnerName]
	}
	s.name, s.runnerID = "", 0
	for _, r := range st.existing.before {
		if name != "" && r.Name == name && tags.HasLabel(r, s.label) {
			s.name, s.runnerID = r.Name, r.ID
		}
	}
}

// mayNot returns a refusal, after which another machine may do, from what fails them all.
func (st *start) mayNot(what string, err error) error {
	switch ec2.ClassOf(err) {
	case ec2.Denied, ec2.Tagging:
		st.existing.mu.Lock()
		st.existing.denied = true
		st.existing.mu.Unlock()
		return &notTakenError{what + " (" + ec2.Reason(err) + ")"}
	case ec2.Capacity, ec2.WrongState, ec2.Impossible, ec2.NotFound, ec2.Other:
		if errors.Is(err, context.Canceled) {
			return err
		}
		return &notTakenError{what + " (" + ec2.Reason(err) + ")"}
	}
	return err
}

// notStarted gives a machine free that EC2 did not start. Where no answer tells that, it stays this slot's, and is
// given back.
func (st *start) notStarted(ctx context.Context, s *slot, err error) error {
	if s.taken.doubt || ctx.Err() != nil {
		return err
	}
	err = st.mayNot("EC2 does not start it", err)
	if _, another := errors.AsType[*notTakenError](err); another {
		release(ctx, st.Cloud, s.instance)
	}
	return err
}

// power starts the machine, unless it runs. One that is stopping is waited for: EC2 would refuse to start it.
func (st *start) power(ctx context.Context, s *slot) error {
	until := time.Now().Add(mostStopping)
	for {
		switch s.instance.State {
		case ec2.Pending, ec2.Running:
			return st.ranAlready(ctx, s)
		case ec2.Stopped:
			err := st.startInstance(ctx, s)
			if ec2.ClassOf(err) != ec2.WrongState {
				return err
			}
		case ec2.Stopping:
			st.log.Debug("the machine is stopping; it is started when it has stopped", "instance", s.instance.ID)
		default:
			return &notTakenError{"it is " + s.instance.State}
		}
		if time.Now().After(until) {
			return &notTakenError{"it is still " + s.instance.State + " after " + diagnosis.Minutes(mostStopping)}
		}
		if !pause(ctx, stoppingLook) {
			return ctx.Err()
		}
		machine, err := st.Cloud.Instance(ctx, s.instance.Region, s.instance.ID)
		if err != nil {
			return err
		}
		s.instance = machine
	}
}

// startInstance is StartInstances, and what its answer means.
func (st *start) startInstance(ctx context.Context, s *slot) error {
	s.taken.doubt = true // until EC2 has said otherwise
	previous, err := st.Cloud.Start(ctx, s.instance.Region, s.instance.ID)
	s.taken.doubt = ec2.ClassOf(err) == ec2.Unknown && err != nil
	if err != nil {
		return err
	}
	s.taken.startedAt = time.Now()
	s.instance.State = ec2.Pending
	if previous == ec2.Running || previous == ec2.Pending { // somebody has started it since our last look
		return st.ranAlready(ctx, s)
	}
	s.taken.started = true
	s.taken.stale = st.wasOnline(s)
	st.log.Info(fmt.Sprintf("AWS EC2 instance %s is being started", s.instance.ID))
	return nil
}

// wasOnline reports whether GitHub called the slot's runner online while its machine was stopped.
func (st *start) wasOnline(s *slot) bool {
	for _, r := range st.existing.before {
		if s.runnerID != 0 && r.ID == s.runnerID {
			return r.Online
		}
	}
	return false
}

// ranAlready notes that the machine runs and that this start has not started it. If it was stopped when it was taken,
// somebody else has started it: then it is left running.
func (st *start) ranAlready(ctx context.Context, s *slot) error {
	if s.taken.found == tags.FoundStopped && !s.taken.ran {
		s.taken.found = tags.FoundRunning
		if err := st.Cloud.Tag(ctx, s.instance.Region, s.instance.ID,
			map[string]string{tags.Found: tags.FoundRunning}); err != nil {
			return err
		}
	}
	st.log.Info(fmt.Sprintf("AWS EC2 instance %s runs already", s.instance.ID))
	return nil
}

// noteUse tags a machine, once its runner is online, with the runner and with the time of its start.
func (st *start) noteUse(ctx context.Context, s *slot) {
	values := map[string]string{tags.DueAt: ""}
	if s.taken.found == tags.FoundStopped {
		values[tags.StartedAt] = s.instance.LaunchTime.UTC().Format(time.RFC3339)
	}
	if s.name != "" && s.runnerID != 0 {
		values[tags.RunnerName], values[tags.RunnerID] = s.name, fmt.Sprint(s.runnerID)
	}
	if err := st.Cloud.Tag(ctx, s.instance.Region, s.instance.ID, values); err != nil {
		st.log.Debug("the machine's runner cannot be noted in its tags", "instance", s.instance.ID, "error", err)
	}
}
