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

// This file joins machines with runners where nobody has said which is whose, and guesses nothing: docs/adr/0008-existing.md.

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
	switch {
	case err == nil:
		w.rivals = rivals
	case isRefused(err): // no later look says more: GitHub decides, by what was seen so far
		rivals = w.rivals
	default:
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
			case seen[i.ID], w.isOurs(i.ID): // by id, as EC2 may show its tags late
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

// divideByBefore tells the runners with a label that are online now and were not before (newcomers) from those that were
// (standing). Those of other machines are left out.
func divideByBefore(now, before []github.Runner, label string, taken map[string]bool) (newcomers, standing []github.Runner) {
	was := map[int64]bool{}
	for _, r := range before {
		was[r.ID] = r.Online
	}
	for _, r := range now {
		switch {
		case !r.Online || !hasLabel(r, label) || taken[r.Name]:
		case was[r.ID]:
			standing = append(standing, r)
		default:
			newcomers = append(newcomers, r)
		}
	}
	return newcomers, standing
}

func namesOf(runners []github.Runner) string {
	var names []string
	for _, r := range runners {
		names = append(names, r.Name)
	}
	return strings.Join(names, ", ")
}
