package runner

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"github.com/marqo-ai/ec2-github-runner/github"
	"github.com/marqo-ai/ec2-github-runner/runner/diagnosis"
	"github.com/marqo-ai/ec2-github-runner/runner/remove"
)

// pollRegistry asks GitHub for the runners that are not online.
func (w *waiter) pollRegistry(ctx context.Context, now time.Time) error {
	if now.Before(w.registryAt) || w.isQuiet() {
		return nil
	}
	// A look that takes many calls is made less often, so that one start stays within half of the secondary limit.
	next := max(w.pacer.next(time.Since(w.begun), w.st.Registry.Rate(), now),
		time.Duration(float64(w.callsOfLook())/secondary*float64(time.Second)))
	if every := w.st.Request.Waiting.RetryInterval; every != nil {
		next = *every
	}
	w.registryAt = now.Add(next)
	pending := w.pending()
	err := w.lookUpRunners(ctx, pending)
	switch github.ClassOf(err) {
	case github.RateLimited:
		call, _ := errors.AsType[*github.CallError](err)
		w.registryAt = later(w.registryAt, call.Until)
		w.st.WarnOnce(w.log, "GitHub's rate limit is reached; trying again when GitHub allows it", err)
		return nil
	case github.Unknown:
		w.st.WarnOnce(w.log, "GitHub does not answer reliably; trying again", err)
		return nil
	}
	return err
}

// isQuiet reports whether every slot is still within the user's own quiet period.
func (w *waiter) isQuiet() bool {
	quiet := w.st.Request.Waiting.quiet()
	if quiet == 0 {
		return false
	}
	for _, s := range w.pending() {
		since := s.timeline.Running
		if since == 0 && w.st.CloudDenied {
			since = s.timeline.Launched
		}
		if since > 0 && w.st.Since()-since >= quiet {
			return false
		}
	}
	return true
}

// lookUpRunners looks up the pending runners, one by one or by pages, whichever takes fewer calls.
func (w *waiter) lookUpRunners(ctx context.Context, pending []*Slot) error {
	named, unnamed := partition(pending, func(s *Slot) bool { return s.name != "" })
	if err := w.lookUpNamed(ctx, named); err != nil || len(unnamed) == 0 {
		return err
	}
	all, pages, err := w.st.Registry.LookAtAll(ctx)
	if err != nil {
		return err
	}
	w.pages = pages
	w.st.source.Match(ctx, w.log, all, unnamed, func(ctx context.Context) []*Slot {
		w.cloudAt = time.Time{}
		w.pollCloud(ctx, time.Now())
		return w.pending()
	})
	return nil
}

func (w *waiter) lookUpNamed(ctx context.Context, pending []*Slot) error {
	switch {
	case len(pending) == 0:
		return nil
	case w.byPages(len(pending)):
		return w.readPages(ctx, pending)
	}
	return w.lookUpEach(ctx, pending)
}

// partition splits a list in two.
func partition[T any](list []T, in func(T) bool) (inside, outside []T) {
	for _, e := range list {
		if in(e) {
			inside = append(inside, e)
		} else {
			outside = append(outside, e)
		}
	}
	return inside, outside
}

// byPages reports whether reading GitHub's whole list takes fewer calls than looking up that many runners. The first
// page shows how long the list is, so it is read unless there are at most two runners to look up.
func (w *waiter) byPages(pending int) bool {
	if w.pages == 0 {
		return pending > 2
	}
	return w.pages < pending
}

// callsOfLook returns how many calls the next look takes.
func (w *waiter) callsOfLook() int {
	named, unnamed := partition(w.pending(), func(s *Slot) bool { return s.name != "" })
	calls := len(named)
	if calls > 0 && w.byPages(calls) {
		calls = max(w.pages, 1)
	}
	if len(unnamed) > 0 {
		calls += max(w.pages, 1)
	}
	return calls
}

func (w *waiter) lookUpEach(ctx context.Context, pending []*Slot) error {
	errs := make([]error, len(pending))
	remove.Each(pending, func(i int, s *Slot) {
		runner, found, err := w.lookUpRunner(ctx, s)
		if _, gone := errors.AsType[*diagnosis.FailedError](err); gone {
			w.noteFailure(err, s)
			return
		}
		if errs[i] = err; err == nil && found {
			w.st.NoteRunner(w.log, s, runner)
		}
	})
	return errors.Join(errs...)
}

// readPages reads GitHub's whole list, and records the number of pages. If the first page shows more further pages
// than runners are missing, these are looked up one by one.
func (w *waiter) readPages(ctx context.Context, pending []*Slot) error {
	absent := map[string]*Slot{}
	for _, s := range pending {
		for _, name := range s.owner(w.st.Identity).Names() {
			absent[name] = s
		}
	}
	first, pages, err := w.st.Registry.RunnersPage(ctx, 1)
	if err != nil {
		return err
	}
	w.pages = pages
	left := len(pending) - w.notePage(first, absent)
	switch {
	case left == 0:
		return nil
	case pages > 1 && !w.byPages(left):
		return w.lookUpEach(ctx, slices.DeleteFunc(pending, func(s *Slot) bool { return absent[s.name] == nil }))
	case pages > 1:
		rest, err := w.st.Registry.RunnersPages(ctx, 2, pages)
		if err != nil {
			return err
		}
		w.notePage(rest, absent)
	}
	return w.lookUpMissed(ctx, pending, absent)
}

// notePage records the runners of a page that the start waits for, and returns how many they are.
func (w *waiter) notePage(list []github.Runner, absent map[string]*Slot) (found int) {
	for _, runner := range list {
		s := absent[runner.Name]
		switch {
		case s == nil:
		case !s.owner(w.st.Identity).Owns(runner):
			s.contested = true
		case s.alternative != "" && runner.Name == s.name && !runner.Online:
			s.noteStray(runner.ID)
		default:
			found++
			delete(absent, s.name)
			delete(absent, s.alternative)
			w.st.NoteRunner(w.log, s, runner)
		}
	}
	return found
}

// lookUpMissed looks up by id the JIT runners that were on no page, although their registrations exist from the
// beginning: a runner that moves to an earlier page while the pages are read is on none.
func (w *waiter) lookUpMissed(ctx context.Context, pending []*Slot, absent map[string]*Slot) error {
	return w.lookUpEach(ctx, slices.DeleteFunc(slices.Clone(pending), func(s *Slot) bool {
		return absent[s.name] == nil || s.runnerID == 0 || w.st.Since()-s.timeline.Registered < vanishGrace
	}))
}

// lookUpRunner looks up a runner by id if known, else by exact name.
func (w *waiter) lookUpRunner(ctx context.Context, s *Slot) (github.Runner, bool, error) {
	if s.runnerID == 0 {
		return w.lookByName(ctx, s)
	}
	runner, err := w.st.Registry.Runner(ctx, s.runnerID)
	if github.ClassOf(err) != github.NotFound {
		return runner, err == nil, err
	}
	if w.st.Since()-s.timeline.Registered < vanishGrace || w.mayHaveDoneItsJob(s) {
		return runner, false, nil
	}
	return runner, false, vanished(s, err)
}

// A machine's alternative name is looked up from otherAfter on, counted from `running`, and then every otherInterval;
// earlier if another start's runner is seen to have the first name.
const (
	otherAfter    = 3 * time.Minute
	otherInterval = 10 * time.Second
)

// lookByName looks up a machine's runner by its name and, if another start's runner has or had that one, by its
// alternative name. The first may have become free again, so the machine may have either.
func (w *waiter) lookByName(ctx context.Context, s *Slot) (github.Runner, bool, error) {
	owner := s.owner(w.st.Identity)
	runner, found, err := w.st.Registry.RunnerByName(ctx, s.name)
	if err != nil || s.alternative == "" {
		return runner, found, err
	}
	switch own := owner.Owns(runner); {
	case found && own && runner.Online:
		return runner, true, nil
	case found && own:
		s.noteStray(runner.ID)
	case found:
		s.contested = true
	}
	soon := s.contested || (s.stray != 0 && time.Since(s.strayAt) > otherInterval)
	if !soon && (w.st.Running(s) < otherAfter || time.Since(s.otherAt) < otherInterval) {
		return runner, false, nil
	}
	s.otherAt = time.Now()
	return w.st.Registry.RunnerByName(ctx, s.alternative)
}

func vanished(s *Slot, err error) *diagnosis.FailedError {
	return &diagnosis.FailedError{
		Message: fmt.Sprintf("the registration of runner %s (id %d) is gone before the runner came online", s.name,
			s.runnerID),
		Hint: "somebody or something removes runners that are offline: another start with the same label, or a " +
			"clean-up job",
		Err: err,
	}
}

// NoteRunner records GitHub's state of a runner.
func (st *Start) NoteRunner(log *slog.Logger, s *Slot, runner github.Runner) {
	st.mu.Lock()
	defer st.mu.Unlock()
	if runner.ID != 0 && !runner.Online {
		s.stale = false
	}
	if !runner.Online || s.stale && st.Running(s) < StaleGrace {
		return
	}
	if s.alternative != "" && runner.Name == s.alternative { // another start's runner has its first name
		st.noteOther(log, s)
	}
	s.runnerID = runner.ID
	s.timeline.Online = st.Since()
	if s.timeline.Running == 0 { // EC2 was not asked in between
		s.timeline.Running = s.timeline.Online
		log.Info(fmt.Sprintf("AWS EC2 instance %s is up and running", s.instance.ID))
	}
	log.Info(fmt.Sprintf("GitHub self-hosted runner %s is registered and ready to use",
		cmp.Or(s.name, "with the label "+s.group.label)))
}

// noteStray records a registration of the slot's own that is offline: it may still come online, or its machine has
// switched to the alternative name.
func (s *Slot) noteStray(id int64) {
	if s.stray != id {
		s.stray, s.strayAt = id, time.Now()
	}
}

// noteOther makes the slot's alternative name its own. The caller holds the lock.
func (st *Start) noteOther(log *slog.Logger, s *Slot) {
	message := fmt.Sprintf("the runner name %s was not available, so this one is named %s", s.name, s.alternative)
	if s.contested {
		message = fmt.Sprintf("the runner name %s is taken by a runner that is in use, so this one is named %s; %s",
			s.name, s.alternative, diagnosis.HintOwnLabel)
	}
	s.name, s.alternative = s.alternative, ""
	st.warnings = append(st.warnings, message)
	log.Warn(message)
}

// Running returns how long a slot's machine has been running.
func (st *Start) Running(s *Slot) time.Duration {
	if s.timeline.Running == 0 {
		return 0
	}
	return st.Since() - s.timeline.Running
}
