package runner

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/marqo-ai/ec2-github-runner/ec2"
	"github.com/marqo-ai/ec2-github-runner/github"
	"github.com/marqo-ai/ec2-github-runner/runner/diagnosis"
	"github.com/marqo-ai/ec2-github-runner/runner/tags"
)

// staleGrace is how long GitHub may go on calling a runner online whose machine was stopped.
const staleGrace = 45 * time.Second

// clockSkew is how far EC2's clock and ours may be apart.
const clockSkew = 5 * time.Second

// sawTaken judges an existing machine by a look at it: whether it is still ours, and whether it goes on.
func (w *waiter) sawTaken(ctx context.Context, s *slot, found []ec2.Instance) error {
	for _, i := range found {
		if i.ID != s.instance.ID {
			continue
		}
		s.instance = i
		switch {
		case w.isRival(s, i):
			return w.lose(ctx, s)
		case i.State == ec2.Stopped && time.Since(s.taken.startedAt) < startShows:
			return nil
		case i.State == ec2.Stopped && w.mayStartAgain(s):
			s.taken.again, s.timeline.Running = true, 0
			w.warn(fmt.Sprintf("AWS EC2 instance %s was stopped by somebody while its runner was waited for; it is started "+
				"again", i.ID))
			return w.power(ctx, s)
		case i.State == ec2.Stopping && w.mayStartAgain(s):
			return nil
		}
		return w.judge(s)
	}
	return &diagnosis.FailedError{Message: fmt.Sprintf("AWS EC2 instance %s is not listed by EC2 any more", s.instance.ID),
		Hint: "something else terminated it"}
}

// mayStartAgain reports whether a machine was stopped by a call and not by itself: by the end of an earlier use, which
// has met the beginning of ours. Once is enough.
func (w *waiter) mayStartAgain(s *slot) bool {
	return !s.taken.again && strings.HasPrefix(s.instance.StateReason, "Client.UserInitiatedShutdown")
}

// lose gives a machine up that another start has taken. Who takes what we have started could not know that it must be
// stopped at the end.
func (w *waiter) lose(ctx context.Context, s *slot) error {
	s.taken.lost = true
	if s.taken.found == tags.FoundStopped && s.instance.Tags[tags.Found] == tags.FoundRunning {
		if err := w.Cloud.Tag(ctx, s.instance.Region, s.instance.ID,
			map[string]string{tags.Found: tags.FoundStopped}); err != nil {
			w.log.Warn(fmt.Sprintf("AWS EC2 instance %s was started by this start and is used by another one, which does not "+
				"know that: stop it by hand", s.instance.ID), "error", err)
		}
	}
	return &diagnosis.FailedError{
		Message: fmt.Sprintf("AWS EC2 instance %s was taken by another start (run %s) while its runner was waited for",
			s.instance.ID, s.instance.Tags[tags.RunID]),
		Hint: diagnosis.HintNotTaken,
	}
}

// lookAtExisting asks GitHub for the runners of existing machines: those that are known by name as any other, and the
// rest by their label among all.
func (w *waiter) lookAtExisting(ctx context.Context, pending []*slot) error {
	var known, unknown []*slot
	for _, s := range pending {
		if s.name != "" {
			known = append(known, s)
		} else {
			unknown = append(unknown, s)
		}
	}
	if len(known) > 0 {
		if err := w.lookAtEach(ctx, known); err != nil {
			return err
		}
	}
	if len(unknown) == 0 {
		return nil
	}
	var all []github.Runner
	for page, pages := 1, 1; page <= pages; page++ {
		list, of, err := w.Registry.RunnersPage(ctx, page)
		if err != nil {
			return err
		}
		w.pages, pages = of, of
		all = append(all, list...)
	}
	w.forget(all)
	return w.match(ctx, all, unknown)
}

// forget notes runners that are offline by now: one of them that was online before is as good as one that comes.
func (w *waiter) forget(all []github.Runner) {
	online := map[int64]bool{}
	for _, r := range all {
		online[r.ID] = r.Online
	}
	for n, r := range w.existing.before {
		w.existing.before[n].Online = r.Online && online[r.ID]
	}
}

// isStale reports whether a runner is called online although its machine may not have come so far: GitHub notices late
// that a machine was stopped. The caller holds the lock.
func (s *slot) isStale(runner github.Runner, running time.Duration) bool {
	if s.taken == nil || !s.taken.stale {
		return false
	}
	if runner.ID != 0 && !runner.Online {
		s.taken.stale = false
	}
	return s.taken.stale && running < staleGrace
}

// neverCame is the failure of a machine whose runner did not come online.
func (w *waiter) neverCame(s *slot) error {
	which := "a runner with the label " + s.label
	if s.name != "" {
		which = "its runner " + s.name
	}
	message := fmt.Sprintf("A timeout of %s is exceeded: AWS EC2 instance %s runs, but %s did not come online",
		diagnosis.Minutes(w.request.Waiting.Timeout), s.instance.ID, which)
	if w.ambiguous != "" && s.name == "" {
		message += " for certain: " + w.ambiguous
	}
	return &diagnosis.FailedError{Message: message, Hint: diagnosis.HintNeverCame}
}
