package runner

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/marqo-ai/ec2-github-runner/ec2"
	"github.com/marqo-ai/ec2-github-runner/github"
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
		case i.Tags[TagNonce] != w.identity.Nonce:
			return w.lose(ctx, s)
		case i.State == ec2.Stopped && time.Since(s.taken.startedAt) < startShows:
			return nil
		case i.State == ec2.Stopped && w.mayStartAgain(s):
			s.taken.again, s.timeline.Running = true, 0
			w.warn(fmt.Sprintf("AWS EC2 instance %s was stopped by somebody while its runner was waited for; it is started again", i.ID))
			return w.power(ctx, s)
		case i.State == ec2.Stopping && w.mayStartAgain(s):
			return nil
		}
		return w.judge(s)
	}
	return &FailedError{Message: fmt.Sprintf("AWS EC2 instance %s is not listed by EC2 any more", s.instance.ID), Hint: "something else terminated it"}
}

// mayStartAgain tells that a machine was stopped by a call and not by itself: by the end of an earlier use, which has met the
// beginning of ours. Once is enough.
func (w *waiter) mayStartAgain(s *slot) bool {
	return !s.taken.again && strings.HasPrefix(s.instance.StateReason, "Client.UserInitiatedShutdown")
}

// lose gives a machine up that another start has taken. Who takes what we have started could not know that it must be stopped
// at the end.
func (w *waiter) lose(ctx context.Context, s *slot) error {
	s.taken.lost = true
	if s.taken.found == foundStopped && s.instance.Tags[TagFound] == foundRunning {
		if err := w.Cloud.Tag(ctx, s.instance.Region, s.instance.ID, map[string]string{TagFound: foundStopped}); err != nil {
			w.log.Warn(fmt.Sprintf("AWS EC2 instance %s was started by this start and is used by another one, which does not know that: stop it by hand", s.instance.ID), "error", err)
		}
	}
	return &FailedError{
		Message: fmt.Sprintf("AWS EC2 instance %s was taken by another start (run %s) while its runner was waited for", s.instance.ID, s.instance.Tags[TagRunID]),
		Hint:    hintNotTaken,
	}
}

// lookAtExisting asks GitHub for the runners of existing machines: those that are known by name as any other, and the rest by
// their label among all.
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

// match joins machines whose runner nobody has named with the runners that have the label: a machine that ran already with one
// that was online before, a machine that was started with one that has come since. It is told only from numbers that leave
// no doubt: as many runners as machines. Which is whose is known only of one alone.
func (w *waiter) match(ctx context.Context, all []github.Runner, unknown []*slot) error {
	var started, standing []*slot
	coming := 0
	for _, s := range unknown {
		switch {
		case s.taken.ran:
			standing = append(standing, s)
		case s.timeline.Running == 0 && !w.blind: // not before EC2 says that it runs
			coming++
		default:
			started = append(started, s)
		}
	}
	if len(started)+len(standing)+coming == 0 {
		return nil
	}
	others, rivals, err := w.others(ctx)
	if err != nil {
		w.complain("EC2 cannot be asked for other machines with the same label", err)
		return nil
	}
	for _, s := range w.slots {
		if s.name != "" {
			others[s.name] = true
		}
	}
	newcomers, stood := divideByBefore(all, w.existing.before, unknown[0].label, others)
	newcomers = slices.DeleteFunc(newcomers, func(r github.Runner) bool { return w.foreign[r.ID] })
	if len(started) == 0 && coming > 0 && len(newcomers) > 0 {
		return w.tellForeign(ctx, newcomers)
	}
	ran, come := w.unnamedThatRan(others), len(started)+coming+rivals
	if len(stood) < ran || w.long(started) {
		// One was on, but its runner not yet online; or GitHub never missed a runner whose machine was stopped: then all together
		// must be as many.
		w.joinThem(slices.Concat(standing, started), slices.Concat(stood, newcomers), ran+come)
		return nil
	}
	w.joinThem(standing, stood, ran)
	w.joinThem(started, newcomers, come)
	return nil
}

// tellForeign notes runners that came before any machine of ours ran: they are on others. That is sure only if EC2, asked after
// GitHub has shown them, still says so.
func (w *waiter) tellForeign(ctx context.Context, newcomers []github.Runner) error {
	w.cloudAt = time.Time{}
	if err := w.lookAtCloud(ctx, time.Now()); err != nil || w.blind {
		return err
	}
	for _, s := range w.pending() {
		if s.timeline.Running > 0 || s.instance.State != ec2.Pending {
			return nil
		}
	}
	for _, r := range newcomers {
		w.foreign[r.ID] = true
	}
	return nil
}

// long tells that machines have run for so long that what GitHub says of their runners is true.
func (w *waiter) long(started []*slot) bool {
	return len(started) > 0 && !slices.ContainsFunc(started, func(s *slot) bool { return w.running(s) < staleGrace })
}

// unnamedThatRan is how many of the machines that are asked for ran before and have no runner that is known.
func (w *waiter) unnamedThatRan(named map[string]bool) int {
	n := 0
	for _, i := range w.existing.ran {
		if name := i.Tags[TagRunnerName]; name == "" || !named[name] {
			n++
		}
	}
	return n
}

// joinThem says that machines are online if there are exactly as many runners as are wanted.
func (w *waiter) joinThem(slots []*slot, runners []github.Runner, wanted int) {
	switch {
	case len(slots) == 0 || len(runners) < max(wanted, len(slots)):
	case len(runners) > wanted:
		w.ambiguous = fmt.Sprintf("more runners with the label are online than machines: %s", namesOf(runners))
		w.complain("which runner is on which machine cannot be told: name it in 'existing-runner-name'", fmt.Errorf("%s", w.ambiguous))
	default:
		w.ambiguous = ""
		if len(runners) > 1 {
			w.warn(fmt.Sprintf("the runners %s are online, but not told apart by machine; name them in 'existing-runner-name'", namesOf(runners)))
		}
		for i, s := range slots {
			runner := runners[i]
			if wanted == 1 {
				s.name = runner.Name
			} else {
				runner.ID, runner.Name = 0, ""
			}
			w.seen(s, runner, true)
		}
	}
}

// others are the names of the runners of other machines, and how many machines beside ours were started since this start has
// looked at the runners, and bring one that has no name yet: those of other starts with the label, and those with the tags that are
// asked for, whoever has started them.
func (w *waiter) others(ctx context.Context) (names map[string]bool, rivals int, err error) {
	selectors := []map[string]string{{TagMode: instanceExisting, TagScope: w.identity.Scope, TagLabel: escapeFilter(tagValue(w.identity.Label))}}
	if len(w.existing.Tags) > 0 {
		selectors = append(selectors, escaped(w.existing.Tags))
	}
	names, seen := map[string]bool{}, map[string]bool{}
	for _, tags := range selectors {
		machines, err := w.Cloud.Instances(ctx, w.existing.Region, ec2.Selector{Tags: tags, States: []string{ec2.Pending, ec2.Running}})
		if err != nil {
			return names, rivals, err
		}
		for _, i := range machines {
			name := i.Tags[TagRunnerName]
			switch {
			case seen[i.ID], i.Tags[TagNonce] == w.identity.Nonce:
			case name != "":
				names[name] = true
			case i.LaunchTime.After(w.existing.readAt.Add(-clockSkew)):
				rivals++
			}
			seen[i.ID] = true
		}
	}
	return names, rivals, nil
}

// isStale tells that a runner is called online although its machine may not have come so far: GitHub notices late that a
// machine was stopped. The caller holds the lock.
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
	message := fmt.Sprintf("A timeout of %s is exceeded: AWS EC2 instance %s runs, but %s did not come online", minutes(w.request.Waiting.Timeout), s.instance.ID, which)
	if w.ambiguous != "" && s.name == "" {
		message += " for certain: " + w.ambiguous
	}
	return &FailedError{Message: message, Hint: hintNeverCame}
}
