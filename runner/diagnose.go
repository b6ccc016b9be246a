package runner

import (
	"context"
	"errors"
	"strings"

	"github.com/marqo-ai/ec2-github-runner/runner/diagnosis"
)

// consoleLines is how many lines of the console a failure shows.
const consoleLines = 30

// phaseWait is the phase in which a machine's console can explain a failure.
const phaseWait = "wait"

// newFailure returns the Failure for an error in a phase.
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

// diagnose adds EC2's state and the console of the first runner that did not come online, as far as they can be read,
// and the one hint that fits.
func (e ending) diagnose(ctx context.Context, failure *Failure) {
	for _, s := range e.st.slots {
		if s.instance.ID == "" || s.timeline.Online > 0 {
			continue
		}
		failure.State = strings.Trim(s.instance.State+" "+s.instance.StateReason, " ")
		if s.machine.Kind() == Kept { // its console belongs to the user
			return
		}
		text, err := e.consoleOf(ctx, s)
		if err != nil {
			e.log.Debug("cannot read the console", "error", err)
			return
		}
		reason := ""
		if !s.instance.Alive() {
			reason = s.instance.StateReason
		}
		found := diagnosis.Read(text, reason, s.group.Overlay.Has("LaunchTemplate"))
		failure.LastPhase, failure.Said, failure.Console = found.LastPhase, found.Said,
			diagnosis.Tail(text, consoleLines)
		if hint := found.Hint(); hint != "" && failure.Phase == phaseWait {
			failure.Hint = hint
		}
		return
	}
}
