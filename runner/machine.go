package runner

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"

	"github.com/marqo-ai/ec2-github-runner/ec2"
	"github.com/marqo-ai/ec2-github-runner/ec2/refusal"
	"github.com/marqo-ai/ec2-github-runner/runner/diagnosis"
	"github.com/marqo-ai/ec2-github-runner/runner/remove"
)

// launched is a machine that the start launches for one slot. It implements Machine.
type launched struct {
	st   *Start
	slot *Slot
}

// Kind implements Machine.
func (launched) Kind() Kind { return Cold }

// Judge implements Machine.
func (m launched) Judge(ctx context.Context, log *slog.Logger, shown *ec2.Instance) error {
	return m.st.JudgeLaunched(ctx, log, m.slot, shown)
}

// JudgeLaunched judges a machine that this start has started and that ends with its job.
func (st *Start) JudgeLaunched(ctx context.Context, log *slog.Logger, s *Slot, shown *ec2.Instance) error {
	switch {
	case shown != nil:
		market := s.instance.Market
		s.instance = *shown
		s.instance.Market = market
		if st.hasDoneItsJob(ctx, s) {
			st.wasOnline(log, s)
			return nil
		}
		return st.JudgeState(log, s)
	case st.Since()-s.timeline.Launched < unseenGrace && s.timeline.Running == 0:
		return nil
	}
	return &diagnosis.FailedError{
		Message: fmt.Sprintf("AWS EC2 instance %s is not listed by EC2 any more", s.instance.ID),
		Hint:    "something else terminated it: look for clean-up jobs and lifecycle rules in the account",
	}
}

// JudgeState returns an error if an instance is ending, and records when it is running.
func (st *Start) JudgeState(log *slog.Logger, s *Slot) error {
	switch s.instance.State {
	case ec2.Running:
		if s.timeline.Running == 0 {
			s.timeline.Running = st.Since()
			log.Info(fmt.Sprintf("AWS EC2 instance %s is up and running", s.instance.ID))
		}
	case ec2.ShuttingDown, ec2.Terminated, ec2.Stopping, ec2.Stopped:
		reason := cmp.Or(s.instance.StateReason, "EC2 gives no reason")
		return &diagnosis.FailedError{
			Message: fmt.Sprintf("AWS EC2 instance %s is %s before its runner came online: %s", s.instance.ID,
				s.instance.State, reason),
			Hint: diagnosis.StateHint(s.instance.StateReason),
		}
	}
	return nil
}

// Overdue returns an error once the slot's time is over.
func (m launched) Overdue() error {
	return m.st.OverdueAfter(m.slot, &diagnosis.FailedError{
		Message: fmt.Sprintf("A timeout of %s is exceeded. Your AWS EC2 instance was not able to register itself in "+
			"GitHub as a new self-hosted runner.", diagnosis.Minutes(m.st.Request.Waiting.Timeout)),
		Hint: diagnosis.HintTimeout + "; check that the subnet has outbound internet access to github.com on port 443",
	})
}

// OverdueAfter returns exceeded once a slot's time is over. The clock starts when the instance is running and the quiet
// period is over; if EC2 denies describing it, the clock starts with the launch plus one interval of looking.
func (st *Start) OverdueAfter(s *Slot, exceeded error) error {
	running := s.timeline.Running
	switch {
	case running != 0:
	case st.CloudDenied:
		running = s.timeline.Launched + cloudInterval
	case st.Since()-s.timeline.Launched > maxPending:
		return &diagnosis.FailedError{
			Message: fmt.Sprintf("AWS EC2 instance %s is still %s after %s", s.instance.ID, orUnknown(s.instance.State),
				diagnosis.Minutes(maxPending)),
			Hint: "look at the instance's state in the EC2 console; try another instance type or zone",
		}
	default:
		return nil
	}
	if st.Since()-running <= st.Request.Waiting.grace()+st.Request.Waiting.Timeout {
		return nil
	}
	return exceeded
}

// Replace frees the slot for the next offering if its machine's kernel panicked. That machine must be terminated before
// another one takes its place; if it cannot be, it stays the slot's machine and the roll-back terminates it. Its
// registration was never used and stays.
func (m launched) Replace(ctx context.Context, log *slog.Logger, cause error) error {
	s, u := m.slot, m.slot.unit
	if _, panicked := errors.AsType[*panicError](cause); !panicked {
		return cause
	}
	m.st.mu.Lock()
	u.panic = cause
	last := len(u.offeringsAfter(s)) == 0
	m.st.mu.Unlock()
	if last {
		return cause
	}
	m.st.Warn(log, fmt.Sprintf("%v, so it is terminated and the next offering is requested", cause))
	bounded, cancel := context.WithTimeout(ctx, rollBackTimeout)
	defer cancel()
	if err := m.st.remover(log).Terminate(bounded, s.instance.Region, s.instance.ID); err != nil {
		return fmt.Errorf("its kernel panicked, but it cannot be terminated: %w", err)
	}
	m.st.mu.Lock()
	defer m.st.mu.Unlock()
	u.panicked = append(u.panicked, s.offering)
	s.instance, s.console, s.timeline = ec2.Instance{}, "", Timeline{Registered: s.timeline.Registered}
	return nil
}

// End implements Machine.
func (m launched) End(ctx context.Context, r *remove.Remover) (left []string) {
	i := m.slot.instance
	return m.st.NotEnded(m.slot, r.Terminate(ctx, i.Region, i.ID))
}

// NotEnded describes a machine that could not be terminated.
func (st *Start) NotEnded(s *Slot, err error) (left []string) {
	if err == nil {
		return nil
	}
	return []string{fmt.Sprintf("instance %s in %s (%s): terminate it in the EC2 console; %s",
		s.instance.ID, s.instance.Region, refusal.Reason(err), st.ownEnd(s))}
}

// replaceFailed frees the slots whose failed machines can be replaced, and launches these slots again.
func (w *waiter) replaceFailed(ctx context.Context) error {
	w.st.mu.Lock()
	fallen := w.failed
	w.failed = nil
	w.st.mu.Unlock()
	var slots []*Slot
	for _, s := range w.st.slots {
		if fallen[s] != nil {
			slots = append(slots, s)
		}
	}
	err := w.st.sideBySide(slots, func(s *Slot) error { return s.machine.Replace(ctx, w.log, fallen[s]) })
	if err != nil || !slices.ContainsFunc(w.st.living(), func(s *Slot) bool { return s.instance.ID == "" }) {
		return err
	}
	if err := w.st.register(ctx, w.log); err != nil {
		return err
	}
	return w.st.launch(ctx, w.log)
}

// noteFailure records that a slot's machine has failed. It may be called concurrently.
func (w *waiter) noteFailure(err error, s *Slot) {
	w.st.mu.Lock()
	defer w.st.mu.Unlock()
	if w.failed == nil {
		w.failed = map[*Slot]error{}
	}
	if w.failed[s] == nil {
		w.failed[s] = err
	}
}
