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
	"github.com/marqo-ai/ec2-github-runner/ec2/refusal"
	"github.com/marqo-ai/ec2-github-runner/runner/diagnosis"
)

// Some machines are over and EC2 calls them running: the kernel panicked, or keep-failed-minutes keeps a machine
// whose setup failed. Only their consoles say so. Reading them is optional (ec2:GetConsoleOutput).

// Times of looking at consoles. Most runners are online before the first look.
const (
	consoleAfter    = 30 * time.Second // since `running`
	consoleInterval = 15 * time.Second
)

// maxConsoles bounds how many consoles are read at one look.
const maxConsoles = 5

// lookAtConsoles sees early, by the console, that a machine is over although EC2 calls it running.
func (w *waiter) lookAtConsoles(ctx context.Context, now time.Time) {
	if w.consolesDenied {
		return
	}
	bounded, cancel := context.WithTimeout(ctx, consoleTimeout)
	defer cancel()
	var group sync.WaitGroup
	for _, s := range w.consolesDue(now) {
		group.Go(func() {
			console, err := w.st.Cloud.Console(bounded, s.instance.Region, s.instance.ID)
			if err != nil {
				w.consoleFailed(s, err)
				return
			}
			w.readConsole(s, console)
		})
	}
	group.Wait()
}

// consolesDue are the slots whose consoles are to be read now, those that were read longest ago first.
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
		if since == 0 && w.st.Blind {
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

// consoleFailed returns what is lost where consoles cannot be read. A start of which nothing is asked that needs them
// goes without.
func (w *waiter) consoleFailed(s *Slot, err error) {
	w.st.mu.Lock()
	defer w.st.mu.Unlock()
	if w.st.Request.KeepFailed > 0 {
		w.st.Complain(w.log, "the console of a machine cannot be read, so a failed setup is not seen early (needs "+
			"ec2:GetConsoleOutput)", err)
		return
	}
	w.log.Debug("the console of a machine cannot be read", "error", err)
	if refusal.ClassOf(err) != refusal.Denied {
		return
	}
	// Right after the launch a policy that goes by tags may not see them yet, so each machine's console is asked for
	// once more.
	w.consolesDenied = w.consolesDenied || w.refusedAt[s.instance.ID]
	if w.refusedAt == nil {
		w.refusedAt = map[string]bool{}
	}
	w.refusedAt[s.instance.ID] = true
}

// readConsole reads a console. Where the type's processor is too old for the image, all machines of that type and image
// are over.
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

// panicError is a machine whose kernel panicked. Another type may do.
type panicError struct{ diagnosis.FailedError }

// Unwrap lets the hint be found.
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

// alike reports whether two offerings are the same type with the same image, so that what one does not boot the
// other does not either.
func alike(a, b ec2.Offering) bool {
	return a.Number > 0 && a.InstanceType == b.InstanceType && a.Placement.ImageID == b.Placement.ImageID &&
		a.Placement.Region == b.Placement.Region
}

// offeringsLeft are the group's offerings, or those that come after machines that panicked.
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

// offeringsAfter are those that would be left if the slot's machine panicked.
func (u *unit) offeringsAfter(s *Slot) []ec2.Offering {
	after := *u
	after.panicked = append(slices.Clone(u.panicked), s.offering)
	return after.offeringsLeft()
}

// withPanic adds the panic to why the offerings after it came to nothing.
func (u *unit) withPanic(err error) error {
	if u.panic == nil {
		return err
	}
	return diagnosis.Join([]error{u.panic, err})
}
