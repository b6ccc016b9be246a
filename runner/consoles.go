package runner

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/marqo-ai/ec2-github-runner/bootstrap"
	"github.com/marqo-ai/ec2-github-runner/ec2"
	"github.com/marqo-ai/ec2-github-runner/runner/diagnosis"
)

// Some machines have failed although EC2 reports them as running: the kernel panicked, or keep-failed-minutes keeps a
// machine whose setup failed. Only their consoles show it. Reading them is optional (ec2:GetConsoleOutput).

// Delays of reading consoles. Most runners are online before the first read.
const (
	consoleAfter    = 30 * time.Second // since `running`
	consoleInterval = 15 * time.Second
)

// maxConsoles limits how many consoles are read at a time.
const maxConsoles = 5

// pollConsoles finds machines that have failed although EC2 reports them as running.
func (w *waiter) pollConsoles(ctx context.Context, now time.Time) {
	if w.consolesDenied {
		return
	}
	bounded, cancel := context.WithTimeout(ctx, consoleTimeout)
	defer cancel()
	var group sync.WaitGroup
	for _, s := range w.consolesDue(now) {
		group.Go(func() {
			console, denied, err := w.st.Cloud.Console(bounded, s.instance.Region, s.instance.ID)
			if err != nil {
				w.consoleFailed(s, denied, err)
				return
			}
			w.readConsole(s, console)
		})
	}
	group.Wait()
}

// consolesDue returns the slots whose consoles should be read now, the longest unread first.
func (w *waiter) consolesDue(now time.Time) []*Slot {
	if w.readAt == nil {
		w.readAt = map[string]time.Time{}
	}
	var due []*Slot
	for _, s := range w.pending() {
		after, every := consoleAfter, consoleInterval
		if w.st.Request.KeepFailed > 0 ||
			s.group.found.System(s.offering.Placement).OnType(s.offering.InstanceType) == ec2.RunsNot {
			after, every = 0, cloudInterval
		}
		since := s.timeline.Running
		if since == 0 && w.st.CloudDenied {
			since = s.timeline.Launched
		}
		if s.machine.Kind() != Kept && since > 0 && w.st.Since()-since >= after &&
			now.Sub(w.readAt[s.instance.ID]) >= every {
			due = append(due, s)
		}
	}
	slices.SortStableFunc(due, func(a, b *Slot) int { return w.readAt[a.instance.ID].Compare(w.readAt[b.instance.ID]) })
	due = due[:min(len(due), maxConsoles)]
	for _, s := range due {
		w.readAt[s.instance.ID] = now
	}
	return due
}

// consoleFailed reports that consoles cannot be read, if the start has a feature that needs them.
func (w *waiter) consoleFailed(s *Slot, denied bool, err error) {
	w.st.mu.Lock()
	defer w.st.mu.Unlock()
	if w.st.Request.KeepFailed > 0 {
		w.st.WarnOnce(w.log, "the console of a machine cannot be read, so a failed setup is not seen early (needs "+
			"ec2:GetConsoleOutput)", err)
		return
	}
	w.log.Debug("the console of a machine cannot be read", "error", err)
	if !denied {
		return
	}
	// Right after the launch, a policy with conditions on tags may not see the tags yet, so each machine's console is
	// requested once more.
	w.consolesDenied = w.consolesDenied || w.refusedAt[s.instance.ID]
	if w.refusedAt == nil {
		w.refusedAt = map[string]bool{}
	}
	w.refusedAt[s.instance.ID] = true
}

// readConsole evaluates a console. If the type's processor is too old for the image, all machines of that type and
// image have failed.
func (w *waiter) readConsole(s *Slot, console string) {
	if p, panicked := bootstrap.ReadPanic(diagnosis.Printable(console)); panicked {
		for _, other := range w.pending() {
			if other == s || p.Processor && alike(other.offering, s.offering) && other.instance.ID != "" {
				w.noteFailure(newPanicError(other, p), other)
			}
		}
		return
	}
	if w.st.Request.KeepFailed > 0 && diagnosis.HasFailed(console) {
		s.console = console
		w.noteFailure(&diagnosis.FailedError{
			Message: fmt.Sprintf("the setup of AWS EC2 instance %s failed: %s", s.instance.ID,
				strings.Join(diagnosis.Said(console),
					"; ")),
			Hint: diagnosis.Read(console, "", false).Hint(),
		}, s)
	}
}

// panicError means that the machine's kernel panicked. Another instance type may work.
type panicError struct{ diagnosis.FailedError }

// Unwrap makes the hint available.
func (e *panicError) Unwrap() error { return &e.FailedError }

func newPanicError(s *Slot, p bootstrap.Panic) *panicError {
	e := &panicError{diagnosis.FailedError{
		Message: fmt.Sprintf("the kernel of AWS EC2 instance %s (%s) panicked at boot: %s", s.instance.ID,
			s.instance.Type, p.Line), Hint: diagnosis.HintPanic,
	}}
	if p.Processor {
		e.Message = fmt.Sprintf("AWS EC2 instance %s does not boot: its image needs a newer processor than %s has (%s)",
			s.instance.ID, s.instance.Type, p.Line)
		e.Hint = diagnosis.HintProcessor
	}
	return e
}

// alike reports whether two offerings have the same type and image, so that both boot or neither does.
func alike(a, b ec2.Offering) bool {
	return a.Number > 0 && a.InstanceType == b.InstanceType && a.Placement.ImageID == b.Placement.ImageID &&
		a.Placement.Region == b.Placement.Region
}

// offeringsLeft returns the group's offerings or, after panics, those that follow the ones that panicked.
func (u *unit) offeringsLeft() []ec2.Offering {
	if len(u.panicked) == 0 {
		return u.group.found.Offerings
	}
	first := slices.MinFunc(u.panicked, func(a, b ec2.Offering) int { return cmp.Compare(a.Number, b.Number) })
	return slices.DeleteFunc(slices.Clone(u.group.found.Offerings), func(o ec2.Offering) bool {
		return o.Number <= first.Number || slices.ContainsFunc(u.panicked,
			func(p ec2.Offering) bool { return alike(o, p) })
	})
}

// offeringsAfter returns the offerings that would be left if the slot's machine had panicked.
func (u *unit) offeringsAfter(s *Slot) []ec2.Offering {
	after := *u
	after.panicked = append(slices.Clone(u.panicked), s.offering)
	return after.offeringsLeft()
}

// withPanic adds the panic to the reasons why the offerings after it failed.
func (u *unit) withPanic(err error) error {
	if u.panic == nil {
		return err
	}
	return diagnosis.Join([]error{u.panic, err})
}
