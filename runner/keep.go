package runner

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/marqo-ai/ec2-github-runner/ec2/refusal"
	"github.com/marqo-ai/ec2-github-runner/runner/diagnosis"
	"github.com/marqo-ai/ec2-github-runner/runner/remove"
	"github.com/marqo-ai/ec2-github-runner/runner/tags/key"
)

// keep-failed-minutes leaves a machine whose setup failed for inspection. Nothing that was started may outlive what it
// was started for, so a machine is kept only if its console shows that its own boot script has given up: then the
// script's watchdog has begun to count, and powers the machine off when the time is over, whatever becomes of us.

// keptSlack is how long after its time a kept machine may take to end itself.
const keptSlack = 2 * time.Minute

// machineGivesUp is when a machine gives up by itself if its runner is not online. It does so after the start has, so
// that the start can say why; but one that is to be kept must have given up before, since only then is it sure to end.
func (r StartRequest) machineGivesUp() time.Duration {
	if r.KeepFailed == 0 {
		return r.Waiting.RegistrationTimeout()
	}
	return max(r.Waiting.grace()+r.Waiting.Timeout-defaultQuietPeriod, defaultQuietPeriod)
}

// keepTimeout is how long a start may take to find out which machines may stay: those that may not must still be ended
// in time.
const keepTimeout = 2500 * time.Millisecond

// keep leaves failed machines that end by themselves, and tells how to look at each. All others are for the caller to
// end.
func (e ending) keep(ctx context.Context, failed []*Slot) (kept []string) {
	if e.st.Request.KeepFailed == 0 {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, keepTimeout)
	defer cancel()
	words := make([]string, len(failed))
	remove.Each(failed, func(i int, s *Slot) {
		if s.instance.ID == "" || s.timeline.Online > 0 {
			return
		}
		if why := e.whyNotKept(ctx, s); why != "" {
			e.log.Info(fmt.Sprintf("AWS EC2 instance %s is not kept: %s", s.instance.ID, why))
			return
		}
		s.kept, words[i] = true, e.describeKept(ctx, s)
	})
	return slices.DeleteFunc(words, func(text string) bool { return text == "" })
}

// whyNotKept returns why a machine cannot be kept, or nothing.
func (e ending) whyNotKept(ctx context.Context, s *Slot) string {
	if s.group.StopsOnPowerOff() {
		return "launch-parameters switch its own end off"
	}
	console, err := e.consoleOf(ctx, s)
	switch {
	case !s.instance.Alive():
		return "it has ended already"
	case err != nil:
		return "its console cannot be read, so whether it ends by itself is not known (needs ec2:GetConsoleOutput)"
	case !diagnosis.HasFailed(console):
		return "its boot script has not given up, so it would not end by itself in time"
	}
	return ""
}

// describeKept tags a kept machine, and says where it is and how to look at it.
func (e ending) describeKept(ctx context.Context, s *Slot) string {
	until := time.Now().Add(e.st.Request.KeepFailed + keptSlack).UTC()
	words := fmt.Sprintf("AWS EC2 instance %s in %s is kept for inspection and ends itself by %s: log in by EC2 "+
		"Instance Connect, Session Manager (aws ssm start-session --target %s) or the serial console, and look at "+
		"/tmp/runner-setup.log", s.instance.ID, s.instance.Region, until.Format("15:04 MST"), s.instance.ID)
	err := e.st.Cloud.Tag(ctx, s.instance.Region, s.instance.ID,
		map[string]string{key.KeptUntil: until.Format(time.RFC3339)})
	if err != nil {
		words += fmt.Sprintf("; a stop step of this run ends it at once, since it cannot be tagged (%s)",
			refusal.Reason(err))
	}
	return words
}

// consoleOf reads a machine's console, once in a start's end.
func (e ending) consoleOf(ctx context.Context, s *Slot) (string, error) {
	if s.console != "" {
		return s.console, nil
	}
	bounded, cancel := context.WithTimeout(ctx, consoleTimeout)
	defer cancel()
	text, err := e.st.Cloud.Console(bounded, s.instance.Region, s.instance.ID)
	s.console = text
	return text, err
}
