package runner

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/marqo-ai/ec2-github-runner/github"
	"github.com/marqo-ai/ec2-github-runner/runner/diagnosis"
)

// lookAtRegistry asks GitHub for the runners that are still to come.
func (w *waiter) lookAtRegistry(ctx context.Context, now time.Time) error {
	if now.Before(w.registryAt) || w.isQuiet() {
		return nil
	}
	// A look of many calls is made less often, so that one start stays within half of the secondary limit.
	next := max(w.pacer.next(time.Since(w.begun), w.Registry.Rate(), now),
		time.Duration(float64(w.callsOfLook())/secondary*float64(time.Second)))
	if every := w.request.Waiting.RetryInterval; every != nil {
		next = *every
	}
	w.registryAt = now.Add(next)
	pending := w.pending()
	err := w.lookAtRunners(ctx, pending)
	switch github.ClassOf(err) {
	case github.RateLimited:
		call, _ := errors.AsType[*github.CallError](err)
		w.registryAt = later(w.registryAt, call.Until)
		w.complain("GitHub's rate limit is reached; looking again when GitHub allows it", err)
		return nil
	case github.Unknown:
		w.complain("GitHub does not answer well; looking again", err)
		return nil
	}
	return err
}

// isQuiet reports whether the user's own quiet period is not over for any slot.
func (w *waiter) isQuiet() bool {
	quiet := w.request.Waiting.quiet()
	if quiet == 0 {
		return false
	}
	for _, s := range w.pending() {
		since := s.timeline.Running
		if since == 0 && w.blind {
			since = s.timeline.Launched
		}
		if since > 0 && w.since()-since >= quiet {
			return false
		}
	}
	return true
}

// lookAtRunners looks the pending runners up, one by one or by pages, whichever is fewer calls.
func (w *waiter) lookAtRunners(ctx context.Context, pending []*slot) error {
	named, unnamed := partition(pending, func(s *slot) bool { return s.name != "" })
	if err := w.lookAtNamed(ctx, named); err != nil || len(unnamed) == 0 {
		return err
	}
	all, pages, err := w.Registry.LookAtAll(ctx)
	if err != nil {
		return err
	}
	w.pages = pages
	w.source.Match(ctx, all, unnamed, func(ctx context.Context) []*slot {
		w.cloudAt = time.Time{}
		w.lookAtCloud(ctx, time.Now())
		return w.pending()
	})
	return nil
}

func (w *waiter) lookAtNamed(ctx context.Context, pending []*slot) error {
	switch {
	case len(pending) == 0:
		return nil
	case w.byPages(len(pending)):
		return w.lookAtPages(ctx, pending)
	}
	return w.lookAtEach(ctx, pending)
}

// partition parts a list in two.
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

// byPages reports whether reading GitHub's whole list is fewer calls than so many look-ups. How long the list is shows
// with its first page, so that is read unless there are hardly more runners than that to look for.
func (w *waiter) byPages(pending int) bool {
	if w.pages == 0 {
		return pending > 2
	}
	return w.pages < pending
}

// callsOfLook is how many calls the next look takes.
func (w *waiter) callsOfLook() int {
	named, unnamed := partition(w.pending(), func(s *slot) bool { return s.name != "" })
	calls := len(named)
	if calls > 0 && w.byPages(calls) {
		calls = max(w.pages, 1)
	}
	if len(unnamed) > 0 {
		calls += max(w.pages, 1)
	}
	return calls
}

func (w *waiter) lookAtEach(ctx context.Context, pending []*slot) error {
	errs := make([]error, len(pending))
	forEach(pending, func(i int, s *slot) {
		runner, found, err := w.lookAtRunner(ctx, s)
		if _, gone := errors.AsType[*diagnosis.FailedError](err); gone {
			w.fails(err, s)
			return
		}
		if errs[i] = err; err == nil {
			w.seen(s, runner, found)
		}
	})
	return errors.Join(errs...)
}

// lookAtPages reads GitHub's whole list, and remembers how many pages there are. If the first page shows that there are
// more of them than what is looked for, the rest is looked up one by one.
func (w *waiter) lookAtPages(ctx context.Context, pending []*slot) error {
	absent := map[string]*slot{}
	for _, s := range pending {
		for _, name := range s.owner(w.identity).Names() {
			absent[name] = s
		}
	}
	first, pages, err := w.Registry.RunnersPage(ctx, 1)
	if err != nil {
		return err
	}
	w.pages = pages
	left := len(pending) - w.sawPage(first, absent)
	switch {
	case left == 0:
		return nil
	case pages > 1 && !w.byPages(left):
		return w.lookAtEach(ctx, slices.DeleteFunc(pending, func(s *slot) bool { return absent[s.name] == nil }))
	case pages > 1:
		rest, err := w.Registry.RunnersPages(ctx, 2, pages)
		if err != nil {
			return err
		}
		w.sawPage(rest, absent)
	}
	return w.lookAtMissed(ctx, pending, absent)
}

// sawPage notes the runners of a page that are looked for, and returns how many they are.
func (w *waiter) sawPage(list []github.Runner, absent map[string]*slot) (found int) {
	for _, runner := range list {
		s := absent[runner.Name]
		switch {
		case s == nil:
		case !s.owner(w.identity).Owns(runner):
			s.contested = true
		case s.other != "" && runner.Name == s.name && !runner.Online:
			s.isStray(runner.ID)
		default:
			found++
			delete(absent, s.name)
			delete(absent, s.other)
			w.seen(s, runner, true)
		}
	}
	return found
}

// lookAtMissed asks by id for the JIT runners that no page held, although their registrations exist from the beginning:
// one that moves to an earlier page while the pages are read is on none.
func (w *waiter) lookAtMissed(ctx context.Context, pending []*slot, absent map[string]*slot) error {
	return w.lookAtEach(ctx, slices.DeleteFunc(slices.Clone(pending), func(s *slot) bool {
		return absent[s.name] == nil || s.runnerID == 0 || w.since()-s.timeline.Registered < vanishGrace
	}))
}

// lookAtRunner asks by runner id where it is known, else by exact name.
func (w *waiter) lookAtRunner(ctx context.Context, s *slot) (github.Runner, bool, error) {
	if s.runnerID == 0 {
		return w.lookByName(ctx, s)
	}
	runner, err := w.Registry.Runner(ctx, s.runnerID)
	if github.ClassOf(err) != github.NotFound {
		return runner, err == nil, err
	}
	if w.since()-s.timeline.Registered < vanishGrace || w.mayHaveHadItsJob(s) {
		return runner, false, nil
	}
	return runner, false, vanished(s, err)
}

// A machine's other name is looked up from otherAfter on, counted from `running`, and then every otherLook, unless it
// is seen before that another start's runner has the first.
const (
	otherAfter = 3 * time.Minute
	otherLook  = 10 * time.Second
)

// lookByName looks a machine's runner up by the name that it was given and, where another start's runner has or had
// that one, by its other. The first may be free again by then, so that a machine may have either.
func (w *waiter) lookByName(ctx context.Context, s *slot) (github.Runner, bool, error) {
	owner := s.owner(w.identity)
	runner, found, err := w.Registry.RunnerByName(ctx, s.name)
	if err != nil || s.other == "" {
		return runner, found, err
	}
	switch own := owner.Owns(runner); {
	case found && own && runner.Online:
		return runner, true, nil
	case found && own:
		s.isStray(runner.ID)
	case found:
		s.contested = true
	}
	soon := s.contested || (s.stray != 0 && time.Since(s.strayAt) > otherLook)
	if !soon && (w.running(s) < otherAfter || time.Since(s.otherAt) < otherLook) {
		return runner, false, nil
	}
	s.otherAt = time.Now()
	return w.Registry.RunnerByName(ctx, s.other)
}

func vanished(s *slot, err error) *diagnosis.FailedError {
	return &diagnosis.FailedError{
		Message: fmt.Sprintf("the registration of runner %s (id %d) is gone before the runner came online", s.name,
			s.runnerID),
		Hint: "somebody or something removes runners that are offline: another start with the same label, or a " +
			"clean-up job",
		Err: err,
	}
}

// seen notes what GitHub says of a runner.
func (st *start) seen(s *slot, runner github.Runner, found bool) {
	st.mu.Lock()
	defer st.mu.Unlock()
	if found && runner.ID != 0 && !runner.Online {
		s.stale = false
	}
	if !found || !runner.Online || s.stale && st.running(s) < StaleGrace {
		return
	}
	if s.other != "" && runner.Name == s.other { // its first name is another start's
		st.noteOther(s)
	}
	s.runnerID = runner.ID
	s.timeline.Online = st.since()
	if s.timeline.Running == 0 { // EC2 was not looked at in between
		s.timeline.Running = s.timeline.Online
		st.log.Info(fmt.Sprintf("AWS EC2 instance %s is up and running", s.instance.ID))
	}
	st.log.Info(fmt.Sprintf("GitHub self-hosted runner %s is registered and ready to use",
		cmp.Or(s.name, "with the label "+s.label)))
}

// isStray notes a registration of the slot's own that is offline: it may come online yet, or its machine has gone on to
// the other name.
func (s *slot) isStray(id int64) {
	if s.stray != id {
		s.stray, s.strayAt = id, time.Now()
	}
}

// noteOther makes the slot's other name its own. The caller holds the lock.
func (st *start) noteOther(s *slot) {
	message := fmt.Sprintf("the runner name %s could not be had, so this one is named %s", s.name, s.other)
	if s.contested {
		message = fmt.Sprintf("the runner name %s is taken by a runner that is in use, so this one is named %s; %s",
			s.name,
			s.other, diagnosis.HintOwnLabel)
	}
	s.name, s.other = s.other, ""
	st.warnings = append(st.warnings, message)
	st.log.Warn(message)
}

// running is for how long a slot's machine has been running.
func (st *start) running(s *slot) time.Duration {
	if s.timeline.Running == 0 {
		return 0
	}
	return st.since() - s.timeline.Running
}
