package runner

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/marqo-ai/ec2-github-runner/ec2"
	"github.com/marqo-ai/ec2-github-runner/github"
	"github.com/marqo-ai/ec2-github-runner/runner/diagnosis"
	"github.com/marqo-ai/ec2-github-runner/runner/remove"
	"github.com/marqo-ai/ec2-github-runner/runner/tags"
)

// Machine is what a slot's runner runs on. There are three kinds: a cold one is launched for the slot, a warm one is
// claimed from a pool, and a kept one is the user's own, which is only started and stopped.
type Machine interface {
	// kind is cold, warm or kept.
	kind() kind
	// judge says, as an error, why the runner cannot come online any more, by how EC2 shows the instance now; nil where
	// EC2 does not list it.
	judge(ctx context.Context, shown *ec2.Instance) error
	// overdue says, as an error, that the time to come online is over.
	overdue() error
	// replace frees the slot for another machine, or returns why the slot is given up after cause.
	replace(ctx context.Context, cause error) error
	// end ends the machine's use in a roll-back, and names what is left.
	end(ctx context.Context, r *remove.Remover) (left []string)
}

// kind tells where a slot's machine comes from.
type kind string

const (
	coldKind kind = ""
	warmKind kind = "warm"
	keptKind kind = tags.ModeExisting
)

// source gives machines to slots before anything is registered. A slot that has none after its steps is launched cold.
type source struct {
	steps []step
	// match looks for the runners of slots without a name among all runners of the scope.
	match func(ctx context.Context, all []github.Runner, unnamed []*slot, again relook)
	// settle notes what is known only when the runners are online.
	settle func(ctx context.Context)
	// clear undoes what came to nothing, and names what is left.
	clear func(ctx context.Context, r *remove.Remover, cloud *ec2.Client) (left []string)
}

// relook looks at EC2 at once, and returns the slots whose runners are still to come.
type relook func(context.Context) []*slot

// launched is a machine that the start launches for one slot: the cold kind.
type launched struct {
	*start
	slot *slot
}

func (launched) kind() kind { return coldKind }

func (m launched) judge(ctx context.Context, shown *ec2.Instance) error {
	return m.judgeLaunched(ctx, m.slot, shown)
}

// judgeLaunched judges a machine that this start has started and that ends with its job.
func (st *start) judgeLaunched(ctx context.Context, s *slot, shown *ec2.Instance) error {
	switch {
	case shown != nil:
		market := s.instance.Market
		s.instance = *shown
		s.instance.Market = market
		if st.hasHadItsJob(ctx, s) {
			st.wasOnline(s)
			return nil
		}
		return st.judgeState(s)
	case st.since()-s.timeline.Launched < unseenGrace && s.timeline.Running == 0:
		return nil
	}
	return &diagnosis.FailedError{
		Message: fmt.Sprintf("AWS EC2 instance %s is not listed by EC2 any more", s.instance.ID),
		Hint:    "something else terminated it: look for clean-up jobs and lifecycle rules in the account",
	}
}

// judgeState says, as an error, that an instance is about to end, and notes when it runs.
func (st *start) judgeState(s *slot) error {
	switch s.instance.State {
	case ec2.Running:
		if s.timeline.Running == 0 {
			s.timeline.Running = st.since()
			st.log.Info(fmt.Sprintf("AWS EC2 instance %s is up and running", s.instance.ID))
		}
	case ec2.ShuttingDown, ec2.Terminated, ec2.Stopping, ec2.Stopped:
		reason := s.instance.StateReason
		if reason == "" {
			reason = "EC2 gives no reason"
		}
		return &diagnosis.FailedError{
			Message: fmt.Sprintf("AWS EC2 instance %s is %s before its runner came online: %s", s.instance.ID, s.instance.State,
				reason),
			Hint: diagnosis.StateHint(s.instance.StateReason),
		}
	}
	return nil
}

// overdue returns an error when the slot's time is over.
func (m launched) overdue() error {
	return m.overdueAfter(m.slot, &diagnosis.FailedError{
		Message: fmt.Sprintf("A timeout of %s is exceeded. "+
			"Your AWS EC2 instance was not able to register itself in GitHub as a new self-hosted runner.",
			diagnosis.Minutes(m.request.Waiting.Timeout)),
		Hint: diagnosis.HintTimeout + "; check that the subnet has outbound internet access to github.com on port 443",
	})
}

// overdueAfter is exceeded where a slot's time is over. The clock starts when the instance runs and the quiet period is
// over; where EC2 may not be looked at, it starts with the launch and the time that machulav's looking takes.
func (st *start) overdueAfter(s *slot, exceeded error) error {
	running := s.timeline.Running
	switch {
	case running != 0:
	case st.blind:
		running = s.timeline.Launched + cloudLook
	case st.since()-s.timeline.Launched > mostPending:
		return &diagnosis.FailedError{
			Message: fmt.Sprintf("AWS EC2 instance %s is still %s after %s", s.instance.ID, orUnknown(s.instance.State),
				diagnosis.Minutes(mostPending)),
			Hint: "look at the instance's state in the EC2 console; try another instance type or zone",
		}
	default:
		return nil
	}
	if st.since()-running <= st.request.Waiting.grace()+st.request.Waiting.Timeout {
		return nil
	}
	return exceeded
}

// replace frees the slot for the next offering where the kernel of its machine panicked. The machine must be gone
// before another one takes its place: one that cannot be ended now is the slot's last, and for the roll-back to end. It
// never used its registration, which stays.
func (m launched) replace(ctx context.Context, cause error) error {
	s, u := m.slot, m.slot.unit
	if _, panicked := errors.AsType[*panicError](cause); !panicked {
		return cause
	}
	m.mu.Lock()
	u.panic = cause
	last := len(u.offeringsAfter(s)) == 0
	m.mu.Unlock()
	if last {
		return cause
	}
	m.warn(fmt.Sprintf("%v, so it is terminated and the next offering is asked for", cause))
	bounded, cancel := context.WithTimeout(ctx, rollBackWithin)
	defer cancel()
	r := &remove.Remover{Cloud: m.Cloud, Registry: m.Registry, Log: m.log}
	if err := r.Terminate(bounded, s.instance.Region, s.instance.ID); err != nil {
		return fmt.Errorf("its kernel panicked, and it cannot be ended: %w", err)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	u.panicked = append(u.panicked, s.offering)
	s.instance, s.console, s.timeline = ec2.Instance{}, "", Timeline{Registered: s.timeline.Registered}
	return nil
}

func (m launched) end(ctx context.Context, r *remove.Remover) (left []string) {
	i := m.slot.instance
	return m.notEnded(m.slot, r.Terminate(ctx, i.Region, i.ID))
}

// notEnded names a machine that could not be terminated.
func (st *start) notEnded(s *slot, err error) (left []string) {
	if err == nil {
		return nil
	}
	return []string{fmt.Sprintf("instance %s in %s (%s): terminate it in the EC2 console; %s",
		s.instance.ID, s.instance.Region, ec2.Reason(err), st.ownEnd(s))}
}

// replaceFallen frees the slots whose machines failed, as far as another machine may do, and starts these slots anew.
func (w *waiter) replaceFallen(ctx context.Context) error {
	w.mu.Lock()
	fallen := w.fallen
	w.fallen = nil
	w.mu.Unlock()
	var slots []*slot
	for _, s := range w.slots {
		if fallen[s] != nil {
			slots = append(slots, s)
		}
	}
	err := w.sideBySide(slots, func(s *slot) error { return s.machine.replace(ctx, fallen[s]) })
	if err != nil || !slices.ContainsFunc(w.living(), func(s *slot) bool { return s.instance.ID == "" }) {
		return err
	}
	if err := w.register(ctx); err != nil {
		return err
	}
	return w.launch(ctx)
}

// fails notes that a slot's machine does not come up. It may be called side by side.
func (w *waiter) fails(err error, s *slot) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.fallen == nil {
		w.fallen = map[*slot]error{}
	}
	if w.fallen[s] == nil {
		w.fallen[s] = err
	}
}
