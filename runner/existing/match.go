package existing

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"slices"
	"strings"

	"github.com/marqo-ai/ec2-github-runner/ec2"
	"github.com/marqo-ai/ec2-github-runner/github"
	"github.com/marqo-ai/ec2-github-runner/runner"
	"github.com/marqo-ai/ec2-github-runner/runner/remove"
	"github.com/marqo-ai/ec2-github-runner/runner/tags"
	"github.com/marqo-ai/ec2-github-runner/runner/tags/key"
)

// This file joins machines with runners where nobody has said which is whose, and guesses nothing:
// docs/adr/0008-existing.md.

// match joins machines whose runner nobody has named with the runners that have the label: a machine that ran already
// with one that was online before, a machine that was started with one that has come since. It is told only from
// numbers that leave no doubt: as many runners as machines. Which is whose is known only of one alone.
func (x *existing) match(ctx context.Context, log *slog.Logger, all []github.Runner, unknown []*runner.Slot,
	again runner.Relook) {
	x.forget(all)
	var started, standing []*runner.Slot
	coming := 0
	for _, s := range unknown {
		switch {
		case keptBy(s).ran:
			standing = append(standing, s)
		case s.Timeline().Running == 0 && !x.st.Blind: // not before EC2 says that it runs
			coming++
		default:
			started = append(started, s)
		}
	}
	of, err := x.others(ctx)
	switch {
	case err == nil:
		x.rivals = of.running + of.pending
	case remove.IsRefused(err): // no later look says more: GitHub decides, by what was seen so far
		of.running = x.rivals
	default:
		x.st.Complain(log, "EC2 cannot be asked for other machines with the same label", err)
		return
	}
	known := of.names()
	for _, s := range x.st.Slots() {
		if s.RunnerName() != "" {
			known[s.RunnerName()] = true
		}
	}
	online, stood := divideByBefore(all, x.runners, unknown[0].RunnerLabel(), known)
	newcomers, foreign := x.splitForeign(online)
	if len(started) == 0 && coming > 0 && len(newcomers) > 0 {
		x.noteForeign(ctx, newcomers, again)
		return
	}
	ran, expected := x.unnamedThatRan(known, of), len(started)+of.running
	switch {
	case coming > 0: // their runners could be taken for those of the machines that run already
		if len(stood) >= ran {
			x.joinThem(log, standing, stood, ran)
		}
		return
	case len(stood) < ran || x.long(started):
		// One was on, but its runner not yet online; or GitHub never missed a runner whose machine was stopped; or the
		// runner of another machine came before ours ran, and so is no newcomer: then all together must be as many.
		foreign = foreign[:min(len(foreign), ran+of.running)]
		x.joinThem(log, slices.Concat(standing, started), slices.Concat(stood, newcomers, foreign), ran+expected)
		return
	}
	x.joinThem(log, standing, stood, ran)
	x.joinThem(log, started, newcomers, expected)
}

// noteForeign notes runners that came before any machine of ours ran: they are on others. That is sure only if EC2,
// asked after GitHub has shown them, still says so.
func (x *existing) noteForeign(ctx context.Context, newcomers []github.Runner, again runner.Relook) {
	pending := again(ctx)
	if x.st.Blind || slices.ContainsFunc(pending, func(s *runner.Slot) bool {
		return s.Timeline().Running > 0 || s.Instance().State != ec2.Pending
	}) {
		return
	}
	for _, r := range newcomers {
		x.foreign[r.ID] = true
	}
}

// long reports whether machines have run for so long that what GitHub says of their runners is true.
func (x *existing) long(started []*runner.Slot) bool {
	return len(started) > 0 && !slices.ContainsFunc(started,
		func(s *runner.Slot) bool { return x.st.Running(s) < runner.StaleGrace })
}

// unnamedThatRan is how many of the machines that are asked for ran before and have no runner that is known. Another
// start may have found the name since: then EC2 shows it now.
func (x *existing) unnamedThatRan(known map[string]bool, of others) int {
	n := 0
	for _, i := range x.ran {
		if name := cmp.Or(of.named[i.ID], i.Tags[key.RunnerName]); name == "" || !known[name] {
			n++
		}
	}
	return n
}

// joinThem marks machines as online if there are exactly as many runners as are wanted.
func (x *existing) joinThem(log *slog.Logger, slots []*runner.Slot, runners []github.Runner, wanted int) {
	switch {
	case len(slots) == 0 || len(runners) < max(wanted, len(slots)):
	case len(runners) > wanted:
		x.ambiguous = fmt.Sprintf("more runners with the label are online than machines: %s", namesOf(runners))
		x.st.Complain(log, "which runner is on which machine cannot be told: name it in 'existing-runner-name'",
			fmt.Errorf("%s", x.ambiguous))
	default:
		x.ambiguous = ""
		if len(runners) > 1 {
			x.st.Warn(log, fmt.Sprintf("the runners %s are online, but not told apart by machine; name them in "+
				"'existing-runner-name'", namesOf(runners)))
		}
		for i, s := range slots {
			runner := runners[i]
			if wanted == 1 {
				s.SetRunner(runner.Name, s.RunnerID(), false)
			} else {
				runner.ID, runner.Name = 0, ""
			}
			x.st.NoteRunner(log, s, runner)
		}
	}
}

// splitForeign parts newcomers from those that are on others' machines.
func (x *existing) splitForeign(runners []github.Runner) (newcomers, foreign []github.Runner) {
	for _, r := range runners {
		if x.foreign[r.ID] {
			foreign = append(foreign, r)
		} else {
			newcomers = append(newcomers, r)
		}
	}
	return newcomers, foreign
}

// others is what EC2 shows of machines beside ours with the same label or tags.
type others struct {
	named            map[string]string // their runners' names, by instance id, where the tags say them
	running, pending int               // rivals: machines that bring a runner whose name no tag says yet
}

// isOurs reports whether a slot of the start has the instance.
func (x *existing) isOurs(id string) bool {
	return slices.ContainsFunc(x.st.Slots(), func(s *runner.Slot) bool { return s.Instance().ID == id })
}

// names are those of the runners that are known to be on other machines.
func (o others) names() map[string]bool {
	names := map[string]bool{}
	for _, name := range o.named {
		names[name] = true
	}
	return names
}

// others asks EC2 for the other machines of starts with the label and for those with the tags that are asked for,
// whoever has started them. A rival was started since this start has looked at the runners. GitHub is to be asked
// before: a rival that is pending even then has none of the runners that GitHub has shown.
func (x *existing) others(ctx context.Context) (others, error) {
	of := others{named: map[string]string{}}
	selectors := []map[string]string{{key.Mode: tags.ModeExisting, key.Scope: x.st.Identity.Scope,
		key.Label: tags.EscapeFilter(tags.Value(x.st.Identity.Label))}}
	if len(x.Tags) > 0 {
		selectors = append(selectors, escaped(x.Tags))
	}
	seen := map[string]bool{}
	for _, values := range selectors {
		machines, err := x.st.Cloud.Instances(ctx, x.Region, ec2.Selector{Tags: values,
			States: []string{ec2.Pending,
				ec2.Running}})
		if err != nil {
			return of, err
		}
		for _, i := range machines {
			name := i.Tags[key.RunnerName]
			switch {
			case seen[i.ID], x.isOurs(i.ID): // by id, as EC2 may show its tags late
			case name != "":
				of.named[i.ID] = name
			case x.hasRun(i.ID), !i.LaunchTime.After(x.readAt.Add(-clockSkew)):
			case i.State == ec2.Pending:
				of.pending++
			default:
				of.running++
			}
			seen[i.ID] = true
		}
	}
	return of, nil
}

// divideByBefore returns the runners with a label that are online now and were not before (newcomers) from those that
// were (standing). Those of other machines are left out.
func divideByBefore(now, before []github.Runner, label string, taken map[string]bool) (newcomers,
	standing []github.Runner) {
	was := map[int64]bool{}
	for _, r := range before {
		was[r.ID] = r.Online
	}
	for _, r := range now {
		switch {
		case !r.Online || !tags.HasLabel(r, label) || taken[r.Name]:
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
