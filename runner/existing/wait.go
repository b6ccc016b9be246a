package existing

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"github.com/marqo-ai/ec2-github-runner/ec2"
	"github.com/marqo-ai/ec2-github-runner/github"
	"github.com/marqo-ai/ec2-github-runner/runner"
	"github.com/marqo-ai/ec2-github-runner/runner/diagnosis"
	"github.com/marqo-ai/ec2-github-runner/runner/tags"
	"github.com/marqo-ai/ec2-github-runner/runner/tags/key"
)

// clockSkew is how much EC2's clock and ours may differ.
const clockSkew = 5 * time.Second

// Kind implements runner.Machine.
func (k *kept) Kind() runner.Kind { return runner.Kept }

// Judge returns an error if the machine is no longer ours or will not come up.
func (k *kept) Judge(ctx context.Context, log *slog.Logger, shown *ec2.Instance) error {
	s := k.slot
	if shown == nil {
		return &diagnosis.FailedError{Message: fmt.Sprintf("AWS EC2 instance %s is not listed by EC2 any more",
			s.Instance().ID),
			Hint: "something else terminated it"}
	}
	s.SetInstance(*shown)
	switch i := s.Instance(); {
	case k.isRival(i):
		return k.markLost(ctx, log)
	case i.State == ec2.Stopped && time.Since(k.startedAt) < runner.StartDelay:
		return nil
	case i.State == ec2.Stopped && k.mayStartAgain():
		k.again, s.Timeline().Running = true, 0
		k.x.st.Warn(log, fmt.Sprintf("AWS EC2 instance %s was stopped while this start was waiting for its runner; "+
			"it is started again", i.ID))
		return k.power(ctx, log)
	case i.State == ec2.Stopping && k.mayStartAgain():
		return nil
	}
	return k.x.st.JudgeState(log, s)
}

// Replace never frees the slot: a start uses only machines that it has found at its beginning.
func (k *kept) Replace(_ context.Context, _ *slog.Logger, cause error) error { return cause }

// mayStartAgain reports whether a call stopped the machine, and not the machine itself: an earlier use ended just after
// ours began. One restart is enough.
func (k *kept) mayStartAgain() bool {
	return !k.again && strings.HasPrefix(k.slot.Instance().StateReason, "Client.UserInitiatedShutdown")
}

// markLost releases a machine that another start has adopted. If that start adopts one that we have started, it cannot
// know that it must stop it, so the tags are corrected.
func (k *kept) markLost(ctx context.Context, log *slog.Logger) error {
	s := k.slot
	k.lost = true
	if k.found == tags.FoundStopped && s.Instance().Tags[key.Found] == tags.FoundRunning {
		if err := k.x.st.Cloud.Tag(ctx, s.Instance().Region, s.Instance().ID,
			map[string]string{key.Found: tags.FoundStopped}); err != nil {
			log.Warn(fmt.Sprintf("AWS EC2 instance %s was started by this start and is used by another one, which "+
				"cannot know that it must be stopped: stop it by hand", s.Instance().ID), "error", err)
		}
	}
	return &diagnosis.FailedError{
		Message: fmt.Sprintf("another start (run %s) has adopted AWS EC2 instance %s while this start was waiting "+
			"for its runner", s.Instance().Tags[key.RunID], s.Instance().ID),
		Hint: diagnosis.HintNotTaken,
	}
}

// noteOffline records runners that are offline by now: one that was online before can then count as a newcomer.
func (x *existing) noteOffline(all []github.Runner) {
	online := map[int64]bool{}
	for _, r := range all {
		online[r.ID] = r.Online
	}
	for n, r := range x.runners {
		x.runners[n].Online = r.Online && online[r.ID]
	}
}

// Overdue returns an error if the machine's runner has not come online in time.
func (k *kept) Overdue() error {
	s, which := k.slot, "a runner with the label "+k.slot.RunnerLabel()
	if s.RunnerName() != "" {
		which = "its runner " + s.RunnerName()
	}
	message := fmt.Sprintf("A timeout of %s is exceeded: AWS EC2 instance %s runs, but %s did not come online",
		diagnosis.Minutes(k.x.st.Request.Waiting.Timeout), s.Instance().ID, which)
	if k.x.ambiguous != "" && s.RunnerName() == "" {
		message += " for certain: " + k.x.ambiguous
	}
	return k.x.st.OverdueAfter(s, &diagnosis.FailedError{Message: message, Hint: diagnosis.HintNeverCame})
}

// settle tags the machines whose runners are online with their use.
func (x *existing) settle(ctx context.Context, log *slog.Logger) {
	_ = x.st.Each(func(s *runner.Slot) error {
		keptBy(s).noteUse(ctx, log)
		return nil
	})
}

// keptBy returns the machine that a slot has adopted.
func keptBy(s *runner.Slot) *kept { return s.Machine().(*kept) }
