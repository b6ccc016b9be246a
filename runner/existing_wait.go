package runner

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/marqo-ai/ec2-github-runner/ec2"
	"github.com/marqo-ai/ec2-github-runner/github"
	"github.com/marqo-ai/ec2-github-runner/runner/diagnosis"
	"github.com/marqo-ai/ec2-github-runner/runner/tags"
)

// staleGrace is how long GitHub may go on calling a runner online whose machine was stopped.
const staleGrace = 45 * time.Second

// clockSkew is how far EC2's clock and ours may be apart.
const clockSkew = 5 * time.Second

func (k *kept) kind() kind { return keptKind }

// judge says whether the machine is still ours, and whether it goes on.
func (k *kept) judge(ctx context.Context, shown *ec2.Instance) error {
	s := k.slot
	if shown == nil {
		return &diagnosis.FailedError{Message: fmt.Sprintf("AWS EC2 instance %s is not listed by EC2 any more",
			s.instance.ID),
			Hint: "something else terminated it"}
	}
	s.instance = *shown
	switch i := s.instance; {
	case k.isRival(i):
		return k.lose(ctx)
	case i.State == ec2.Stopped && time.Since(k.startedAt) < startShows:
		return nil
	case i.State == ec2.Stopped && k.mayStartAgain():
		k.again, s.timeline.Running = true, 0
		k.st.warn(fmt.Sprintf("AWS EC2 instance %s was stopped by somebody while its runner was waited for; it is started "+
			"again", i.ID))
		return k.power(ctx)
	case i.State == ec2.Stopping && k.mayStartAgain():
		return nil
	}
	return k.st.judgeState(s)
}

// replace never frees the slot: a start takes no other machine than it has found at its beginning.
func (k *kept) replace(_ context.Context, cause error) error { return cause }

// mayStartAgain reports whether a machine was stopped by a call and not by itself: by the end of an earlier use, which
// has met the beginning of ours. Once is enough.
func (k *kept) mayStartAgain() bool {
	return !k.again && strings.HasPrefix(k.slot.instance.StateReason, "Client.UserInitiatedShutdown")
}

// lose gives a machine up that another start has taken. Who takes what we have started could not know that it must be
// stopped at the end.
func (k *kept) lose(ctx context.Context) error {
	s := k.slot
	k.lost = true
	if k.found == tags.FoundStopped && s.instance.Tags[tags.Found] == tags.FoundRunning {
		if err := k.st.Cloud.Tag(ctx, s.instance.Region, s.instance.ID,
			map[string]string{tags.Found: tags.FoundStopped}); err != nil {
			k.st.log.Warn(fmt.Sprintf("AWS EC2 instance %s was started by this start and is used by another one, which does "+
				"not know that: stop it by hand", s.instance.ID), "error", err)
		}
	}
	return &diagnosis.FailedError{
		Message: fmt.Sprintf("AWS EC2 instance %s was taken by another start (run %s) while its runner was waited for",
			s.instance.ID, s.instance.Tags[tags.RunID]),
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
func (k *kept) overdue() error {
	s, which := k.slot, "a runner with the label "+k.slot.label
	if s.name != "" {
		which = "its runner " + s.name
	}
	message := fmt.Sprintf("A timeout of %s is exceeded: AWS EC2 instance %s runs, but %s did not come online",
		diagnosis.Minutes(k.st.request.Waiting.Timeout), s.instance.ID, which)
	if k.ambiguous != "" && s.name == "" {
		message += " for certain: " + k.ambiguous
	}
	return k.st.overdueAfter(s, &diagnosis.FailedError{Message: message, Hint: diagnosis.HintNeverCame})
}

// settle notes at the machines whose runners are online who uses them.
func (x *existing) settle(ctx context.Context) {
	_ = x.st.each(func(s *slot) error {
		keptBy(s).noteUse(ctx)
		return nil
	})
}

// keptBy is the machine that a slot has taken.
func keptBy(s *slot) *kept { return s.machine.(*kept) }
