package runner

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/marqo-ai/ec2-github-runner/github"
)

// lookAtRegistry asks GitHub for the runners that are still to come.
func (w *waiter) lookAtRegistry(ctx context.Context, now time.Time) error {
	if now.Before(w.registryAt) || w.isQuiet() {
		return nil
	}
	next := w.pacer.next(time.Since(w.begun), w.Registry.Rate(), now)
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
	if len(pending) <= max(2, w.pages-1) {
		return w.lookAtEach(ctx, pending)
	}
	return w.lookAtPages(ctx, pending)
}

func (w *waiter) lookAtEach(ctx context.Context, pending []*slot) error {
	for _, s := range pending {
		runner, found, err := w.lookAtRunner(ctx, s)
		var gone *FailedError
		switch {
		case errors.As(err, &gone):
			w.giveUp(err, s)
		case err != nil:
			return err
		default:
			w.seen(s, runner, found)
		}
	}
	return nil
}

// lookAtPages reads page after page. It stops when all are found or when there are more pages than runners to find,
// and remembers how many pages there were.
func (w *waiter) lookAtPages(ctx context.Context, pending []*slot) error {
	byName := map[string]*slot{}
	for _, s := range pending {
		byName[s.name] = s
	}
	for page := 1; page > 0 && len(byName) > 0; {
		if page > len(pending) {
			w.pages = page
			return w.lookAtEach(ctx, w.pending())
		}
		list, next, err := w.Registry.RunnersPage(ctx, page)
		if err != nil {
			return err
		}
		for _, runner := range list {
			if s := byName[runner.Name]; s != nil {
				w.seen(s, runner, true)
				delete(byName, runner.Name)
			}
		}
		w.pages, page = max(w.pages, page), next
	}
	return nil
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
	if w.since()-s.timeline.Registered < vanishGrace {
		return runner, false, nil
	}
	return runner, false, &FailedError{
		Message: fmt.Sprintf("the registration of runner %s (id %d) is gone before the runner came online", s.name, s.runnerID),
		Hint:    "somebody or something removes runners that are offline: another start with the same label, or a clean-up job",
		Err:     err,
	}
}

// seen notes what GitHub says of a runner.
func (w *waiter) seen(s *slot, runner github.Runner, found bool) {
	if !found || !runner.Online {
		return
	}
	s.runnerID = runner.ID
	s.timeline.Online = w.since()
	if s.timeline.Running == 0 { // EC2 was not looked at in between
		s.timeline.Running = s.timeline.Online
		w.log.Info(fmt.Sprintf("AWS EC2 instance %s is up and running", s.instance.ID))
	}
	w.log.Info(fmt.Sprintf("GitHub self-hosted runner %s is registered and ready to use", s.name))
}
