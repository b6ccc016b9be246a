package runner

import (
	"context"
	"errors"
	"strings"

	"github.com/marqo-ai/ec2-github-runner/runner/diagnosis"
)

// consoleLines is how much of the console a failure shows.
const consoleLines = 30

// phaseWait is the phase in which a machine can be asked what is wrong.
const phaseWait = "wait"

// newFailure makes a Failure of what went wrong in a phase.
func newFailure(phase string, err error) *Failure {
	failure := &Failure{Phase: phase, Message: err.Error(), Hint: diagnosis.Hint(err)}
	if errors.Is(err, context.Canceled) {
		failure.Message = "the start was cancelled"
		failure.Hint = ""
	}
	return failure
}

// withHint returns the error with the hint that the diagnosis found.
func (f *Failure) withHint(err error) error {
	if f.Hint == diagnosis.Hint(err) || errors.Is(err, context.Canceled) {
		return err
	}
	return &diagnosis.FailedError{Message: f.Message, Hint: f.Hint, Err: err}
}

// diagnose adds what EC2 and the console say of the first runner that did not come, as far as it may be read, and the
// one hint that fits.
func (e ending) diagnose(ctx context.Context, failure *Failure) {
	for _, s := range e.st.slots {
		if s.instance.ID == "" || s.timeline.Online > 0 {
			continue
		}
		failure.State = strings.Trim(s.instance.State+" "+s.instance.StateReason, " ")
		if s.machine.Kind() == Kept { // its console is the user's own
			return
		}
		text, err := e.consoleOf(ctx, s)
		if err != nil {
			e.log.Debug("the console cannot be read", "error", err)
			return
		}
		reason := ""
		if !s.instance.Alive() {
			reason = s.instance.StateReason
		}
		found := diagnosis.Read(text, reason, s.group.Overlay.Has("LaunchTemplate"))
		failure.LastPhase, failure.Said, failure.Console = found.LastPhase, found.Said, diagnosis.Tail(text, consoleLines)
		if hint := found.Hint(); hint != "" && failure.Phase == phaseWait {
			failure.Hint = hint
		}
		return
	}
}
