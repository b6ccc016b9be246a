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

// The input keep-failed-minutes leaves a machine whose setup failed for inspection. Nothing may outlive its purpose, so
// a machine is kept only if its console shows that its own boot script has given up: then the script's watchdog is
// already counting, and powers the machine off in time whatever happens to this action.

// keptSlack is how long after its time a kept machine may take to terminate itself.
const keptSlack = 2 * time.Minute

// machineGivesUp is after how long a machine whose runner is not online gives up by itself. Normally that is after the
// start has given up, so that the start can report why; but a machine that may be kept must give up before, since only
// then it is certain to terminate itself.
func (r StartRequest) machineGivesUp() time.Duration {
	if r.KeepFailed == 0 {
		return r.Waiting.RegistrationTimeout()
	}
	return max(r.Waiting.grace()+r.Waiting.Timeout-defaultQuietPeriod, defaultQuietPeriod)
}

// keepTimeout limits how long a failing start checks which machines to keep: the others must still be terminated in
// time.
const keepTimeout = 2500 * time.Millisecond

// keep leaves failed machines that terminate themselves, and returns how to inspect each. The caller terminates all
// others.
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

// whyNotKept returns why a machine cannot be kept, or "" if it can.
func (e ending) whyNotKept(ctx context.Context, s *Slot) string {
	if s.group.StopsOnPowerOff() {
		return "launch-parameters disable its self-termination"
	}
	console, err := e.consoleOf(ctx, s)
	switch {
	case !s.instance.Alive():
		return "it has ended already"
	case err != nil:
		return "its console cannot be read, so it is unknown whether it terminates itself (needs ec2:GetConsoleOutput)"
	case !diagnosis.HasFailed(console):
		return "its boot script has not given up, so it would not terminate itself in time"
	}
	return ""
}

// describeKept tags a kept machine, and returns where it is and how to inspect it.
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

// consoleOf reads a machine's console, once per failed start.
func (e ending) consoleOf(ctx context.Context, s *Slot) (string, error) {
	if s.console != "" {
		return s.console, nil
	}
	bounded, cancel := context.WithTimeout(ctx, consoleTimeout)
	defer cancel()
	text, _, err := e.st.Cloud.Console(bounded, s.instance.Region, s.instance.ID)
	s.console = text
	return text, err
}
