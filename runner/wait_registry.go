package runner

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/marqo-ai/ec2-github-runner/github"
)

// lookAtRegistry asks GitHub for the runners that are still to come.
func (w *waiter) lookAtRegistry(ctx context.Context, now time.Time) error {
	if now.Before(w.registryAt) || w.isQuiet() {
		return nil
	}
	// A look of many calls is made less often, so that one start stays within half of the secondary limit.
	next := max(w.pacer.next(time.Since(w.begun), w.Registry.Rate(), now), time.Duration(float64(w.callsOfLook())/secondary*float64(time.Second)))
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

// isQuiet tells that the user's own quiet period is not over for any slot.
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
	if w.existing != nil {
		return w.lookAtExisting(ctx, pending)
	}
	if w.byPages(len(pending)) {
		return w.lookAtPages(ctx, pending)
	}
	return w.lookAtEach(ctx, pending)
}

// byPages tells that reading GitHub's whole list is fewer calls than so many look-ups. How long the list is shows with
// its first page, so that is read unless there are hardly more runners than that to look for.
func (w *waiter) byPages(pending int) bool {
	if w.pages == 0 {
		return pending > 2
	}
	return w.pages < pending
}

// callsOfLook is how many calls the next look takes.
func (w *waiter) callsOfLook() int {
	pending := len(w.pending())
	if w.existing != nil || w.byPages(pending) {
		return max(w.pages, 1)
	}
	return pending
}

func (w *waiter) lookAtEach(ctx context.Context, pending []*slot) error {
	errs := make([]error, len(pending))
	places := make(chan struct{}, mostAtOnce)
	var group sync.WaitGroup
	for i, s := range pending {
		places <- struct{}{}
		group.Go(func() {
			defer func() { <-places }()
			runner, found, err := w.lookAtRunner(ctx, s)
			if _, gone := errors.AsType[*FailedError](err); gone {
				w.fails(err, s)
				return
			}
			if errs[i] = err; err == nil {
				w.seen(s, runner, found)
			}
		})
	}
	group.Wait()
	return errors.Join(errs...)
}

// lookAtPages reads page after page until all are found, and remembers how many pages there are. If the list turns out to
// be longer than what is looked for, the rest is looked up one by one.
func (w *waiter) lookAtPages(ctx context.Context, pending []*slot) error {
	byName := map[string]*slot{}
	for _, s := range pending {
		byName[s.name] = s
	}
	for page := 1; len(byName) > 0; page++ {
		list, pages, err := w.Registry.RunnersPage(ctx, page)
		if err != nil {
			return err
		}
		w.pages = pages
		for _, runner := range list {
			if s := byName[runner.Name]; s != nil {
				w.seen(s, runner, true)
				delete(byName, runner.Name)
			}
		}
		if page >= pages {
			break
		}
		if page == 1 && !w.byPages(len(byName)) {
			return w.lookAtEach(ctx, slices.DeleteFunc(pending, func(s *slot) bool { return byName[s.name] == nil }))
		}
	}
	w.missed(pending, byName)
	return nil
}

// missed gives up the JIT runners that the whole list does not hold: their registrations exist from the beginning.
func (w *waiter) missed(pending []*slot, absent map[string]*slot) {
	for _, s := range pending {
		if absent[s.name] != nil && s.runnerID != 0 && w.since()-s.timeline.Registered >= vanishGrace && !w.mayHaveHadItsJob(s) {
			w.fails(vanished(s, nil), s)
		}
	}
}

// lookAtRunner asks by runner id where it is known, else by exact name.
func (w *waiter) lookAtRunner(ctx context.Context, s *slot) (github.Runner, bool, error) {
	if s.runnerID == 0 {
		return w.Registry.RunnerByName(ctx, s.name)
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

func vanished(s *slot, err error) *FailedError {
	return &FailedError{
		Message: fmt.Sprintf("the registration of runner %s (id %d) is gone before the runner came online", s.name, s.runnerID),
		Hint:    "somebody or something removes runners that are offline: another start with the same label, or a clean-up job",
		Err:     err,
	}
}

// seen notes what GitHub says of a runner.
func (w *waiter) seen(s *slot, runner github.Runner, found bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if s.isStale(runner, w.running(s)) || !found || !runner.Online {
		return
	}
	s.runnerID = runner.ID
	s.timeline.Online = w.since()
	if s.timeline.Running == 0 { // EC2 was not looked at in between
		s.timeline.Running = s.timeline.Online
		w.log.Info(fmt.Sprintf("AWS EC2 instance %s is up and running", s.instance.ID))
	}
	w.log.Info(fmt.Sprintf("GitHub self-hosted runner %s is registered and ready to use", cmp.Or(s.name, "with the label "+s.label)))
}

// running is for how long a slot's machine has been running.
func (w *waiter) running(s *slot) time.Duration {
	if s.timeline.Running == 0 {
		return 0
	}
	return w.since() - s.timeline.Running
}
