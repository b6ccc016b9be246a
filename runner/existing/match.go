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

// This file finds out which runner is on which machine if the user does not name the runners. It never guesses, see
// docs/adr/0008-existing.md.

// match assigns runners with the label to machines whose runner is not named: a machine that was already running gets
// one that was online before, a machine that was started gets one that has come online since. It assigns only if the
// numbers leave no doubt, that is with as many runners as machines; only a single runner is assigned to its particular
// machine.
func (x *existing) match(ctx context.Context, log *slog.Logger, all []github.Runner, unknown []*runner.Slot,
	again runner.Relook) {
	x.noteOffline(all)
	var started, standing []*runner.Slot
	coming := 0
	for _, s := range unknown {
		switch {
		case keptBy(s).ran:
			standing = append(standing, s)
		case s.Timeline().Running == 0 && !x.st.CloudDenied: // it is not running yet
			coming++
		default:
			started = append(started, s)
		}
	}
	of, err := x.others(ctx)
	switch {
	case err == nil:
		x.rivals = of.running + of.pending
	case remove.IsRefused(err): // a retry would be refused too: go by the rivals known so far
		of.running = x.rivals
	default:
		x.st.WarnOnce(log, "cannot list other machines with the same label", err)
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
	case coming > 0: // their runners could be mistaken for those of machines that were running
		if len(stood) >= ran {
			x.join(log, standing, stood, ran)
		}
		return
	case len(stood) < ran || x.ranLongEnough(started):
		// A machine was running but its runner not online yet; or GitHub still reported the runner of a stopped machine
		// as online; or another machine's runner came online before ours ran, and so is not a newcomer. In all these
		// cases the total numbers must match.
		foreign = foreign[:min(len(foreign), ran+of.running)]
		x.join(log, slices.Concat(standing, started), slices.Concat(stood, newcomers, foreign), ran+expected)
		return
	}
	x.join(log, standing, stood, ran)
	x.join(log, started, newcomers, expected)
}

// noteForeign records runners that came online before any machine of ours ran: they are on other machines. That is
// certain only if EC2, asked after GitHub, still shows our machines as pending.
func (x *existing) noteForeign(ctx context.Context, newcomers []github.Runner, again runner.Relook) {
	pending := again(ctx)
	if x.st.CloudDenied || slices.ContainsFunc(pending, func(s *runner.Slot) bool {
		return s.Timeline().Running > 0 || s.Instance().State != ec2.Pending
	}) {
		return
	}
	for _, r := range newcomers {
		x.foreign[r.ID] = true
	}
}

// ranLongEnough reports whether all machines have been running for so long that GitHub's state of their runners is
// current.
func (x *existing) ranLongEnough(started []*runner.Slot) bool {
	return len(started) > 0 && !slices.ContainsFunc(started,
		func(s *runner.Slot) bool { return x.st.Running(s) < runner.StaleGrace })
}

// unnamedThatRan counts the matching machines that were running before and whose runner is unknown. Another start may
// have identified the runner since: then its tags show the name now.
func (x *existing) unnamedThatRan(known map[string]bool, of others) int {
	n := 0
	for _, i := range x.ran {
		if name := cmp.Or(of.named[i.ID], i.Tags[key.RunnerName]); name == "" || !known[name] {
			n++
		}
	}
	return n
}

// join marks machines as online if there are exactly as many runners as wanted.
func (x *existing) join(log *slog.Logger, slots []*runner.Slot, runners []github.Runner, wanted int) {
	switch {
	case len(slots) == 0 || len(runners) < max(wanted, len(slots)):
	case len(runners) > wanted:
		x.ambiguous = fmt.Sprintf("more runners with the label are online than machines: %s", namesOf(runners))
		x.st.WarnOnce(log, "cannot tell which runner is on which machine: name it in 'existing-runner-name'",
			fmt.Errorf("%s", x.ambiguous))
	default:
		x.ambiguous = ""
		if len(runners) > 1 {
			x.st.Warn(log, fmt.Sprintf("the runners %s are online, but which one is on which machine is unknown; "+
				"name them in 'existing-runner-name'", namesOf(runners)))
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

// splitForeign separates newcomers from runners on other machines.
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

// others describes the other machines with the same label or tags.
type others struct {
	named            map[string]string // by instance id: the runner's name in the tags
	running, pending int               // rivals: machines with a new runner that no tag names yet
}

// isOurs reports whether the instance belongs to a slot of this start.
func (x *existing) isOurs(id string) bool {
	return slices.ContainsFunc(x.st.Slots(), func(s *runner.Slot) bool { return s.Instance().ID == id })
}

// names returns the names of the runners that are known to be on other machines.
func (o others) names() map[string]bool {
	names := map[string]bool{}
	for _, name := range o.named {
		names[name] = true
	}
	return names
}

// others asks EC2 for the machines of other starts with the label and for the machines with the requested tags, whoever
// started them. A rival is one that was started after this start listed the runners. GitHub must be asked first: a
// rival that is still pending afterwards has none of the runners that GitHub listed.
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
			case seen[i.ID], x.isOurs(i.ID): // by id, since EC2 may show its tags late
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

// divideByBefore splits the runners with a label that are online now into those that were not online before (newcomers)
// and those that were (standing). It leaves out the runners of other machines.
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
