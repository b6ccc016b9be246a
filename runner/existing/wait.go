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

// clockSkew is how far EC2's clock and ours may be apart.
const clockSkew = 5 * time.Second

// Kind implements runner.Machine.
func (k *kept) Kind() runner.Kind { return runner.Kept }

// judge says whether the machine is still ours, and whether it goes on.
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
		k.x.st.Warn(log, fmt.Sprintf("AWS EC2 instance %s was stopped by somebody while its runner was waited for; "+
			"it is started again", i.ID))
		return k.power(ctx, log)
	case i.State == ec2.Stopping && k.mayStartAgain():
		return nil
	}
	return k.x.st.JudgeState(log, s)
}

// replace never frees the slot: a start takes no other machine than it has found at its beginning.
func (k *kept) Replace(_ context.Context, _ *slog.Logger, cause error) error { return cause }

// mayStartAgain reports whether a machine was stopped by a call and not by itself: by the end of an earlier use, which
// has met the beginning of ours. Once is enough.
func (k *kept) mayStartAgain() bool {
	return !k.again && strings.HasPrefix(k.slot.Instance().StateReason, "Client.UserInitiatedShutdown")
}

// markLost gives a machine up that another start has taken. Who takes what we have started could not know that it must
// be stopped at the end.
func (k *kept) markLost(ctx context.Context, log *slog.Logger) error {
	s := k.slot
	k.lost = true
	if k.found == tags.FoundStopped && s.Instance().Tags[key.Found] == tags.FoundRunning {
		if err := k.x.st.Cloud.Tag(ctx, s.Instance().Region, s.Instance().ID,
			map[string]string{key.Found: tags.FoundStopped}); err != nil {
			log.Warn(fmt.Sprintf("AWS EC2 instance %s was started by this start and is used by another one, which "+
				"does not know that: stop it by hand", s.Instance().ID), "error", err)
		}
	}
	return &diagnosis.FailedError{
		Message: fmt.Sprintf("AWS EC2 instance %s was taken by another start (run %s) while its runner was waited for",
			s.Instance().ID, s.Instance().Tags[key.RunID]),
		Hint: diagnosis.HintNotTaken,
	}
}

// forget notes runners that are offline by now: one of them that was online before is as good as one that comes.
func (x *existing) forget(all []github.Runner) {
	online := map[int64]bool{}
	for _, r := range all {
		online[r.ID] = r.Online
	}
	for n, r := range x.runners {
		x.runners[n].Online = r.Online && online[r.ID]
	}
}

// overdue returns an error when the machine's runner did not come online in time.
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

// settle notes at the machines whose runners are online who uses them.
func (x *existing) settle(ctx context.Context, log *slog.Logger) {
	_ = x.st.Each(func(s *runner.Slot) error {
		keptBy(s).noteUse(ctx, log)
		return nil
	})
}

// keptBy is the machine that a slot has taken.
func keptBy(s *runner.Slot) *kept { return s.Machine().(*kept) }
