package sweep

import (
	"slices"
	"strings"

	"github.com/marqo-ai/ec2-github-runner/ec2"
	"github.com/marqo-ai/ec2-github-runner/github"
	"github.com/marqo-ai/ec2-github-runner/runner/tags"
)

// index joins instances with registrations by maps, so that a sweep over thousands of each takes one pass.
type index struct {
	survey *survey
	byID   map[int64]github.Runner
	byName map[string]github.Runner
	namers map[int64][]ec2.Instance // by runner id: instances of ours whose tags have it
	living map[string]int           // by runner name: how many living instances of ours have it
	// strayBusy reports whether some runner with a name like ours is busy and no tag says on which machine: it may be
	// on any machine without tags.
	strayBusy bool
}

func (s *survey) index() *index {
	x := &index{survey: s, byID: map[int64]github.Runner{}, byName: map[string]github.Runner{},
		namers: map[int64][]ec2.Instance{}, living: map[string]int{}}
	for _, r := range s.runners {
		x.byID[r.ID] = r
		x.byName[r.Name] = r
	}
	for _, i := range s.instances {
		if !s.isOurs(i) {
			continue
		}
		if id := x.taggedRunnerID(i); id != 0 {
			x.namers[id] = append(x.namers[id], i)
		}
		if name := tags.Of(i).RunnerName; name != "" && i.Alive() {
			x.living[name]++
			if other := tags.Of(i).Owner().Other; other != "" {
				x.living[other]++
			}
		}
	}
	for _, r := range s.runners {
		if r.Busy && strings.HasPrefix(r.Name, tags.NamePrefix) && len(x.namers[r.ID]) == 0 && x.living[r.Name] == 0 {
			x.strayBusy = true
		}
	}
	return x
}

// factsOf collects what the lists say about an instance.
func (x *index) factsOf(i ec2.Instance) facts {
	f := facts{run: x.survey.runs[tags.Of(i).RunID]}
	switch {
	case tags.Of(i).Mode == tags.ModeExisting:
		f.runner, f.state = existingState(i, x.survey.runners, x.survey.listed)
	case tags.Of(i).Entry:
		f.state = runnerNone
		if f.runner = x.byName[tags.EntryName(i.ID)]; f.runner.ID != 0 {
			f.state, f.named = stateOf(f.runner), true
		} else if !x.survey.listed && i.State != ec2.Stopped { // a stopped machine has no job
			f.state = runnerUnseen
		}
	case tags.Of(i).Tagged && !hasRegistration(i):
		f.state = runnerNone
	case !x.survey.listed:
		f.state = runnerUnseen
	case tags.Of(i).Tagged:
		f.runner, f.named = x.registrationOf(i)
		f.state = stateOf(f.runner)
		f.alone = x.survey.whole && x.living[tags.Of(i).RunnerName] == 1
	default:
		f.runner, f.state = x.guessRegistration(i)
	}
	return f
}

// hasRegistration reports whether a machine with our tags registers under the name in them.
func hasRegistration(i ec2.Instance) bool {
	mode := tags.Of(i).Mode
	return mode == tags.ModeStart || mode == tags.ModeServe
}

// existingState returns the runner of an existing machine and its state. If the tags do not identify the runner, a busy
// one with the machine's label counts.
func existingState(i ec2.Instance, runners []github.Runner, listed bool) (github.Runner, runnerState) {
	if !listed {
		return github.Runner{}, runnerUnseen
	}
	r, candidates := tags.Of(i).Runner(runners)
	switch {
	case r.ID != 0:
		return r, stateOf(r)
	case slices.ContainsFunc(candidates, func(r github.Runner) bool { return r.Busy }):
		return github.Runner{}, runnerUnseen
	}
	return github.Runner{}, runnerNone
}

// registrationOf finds the registration of a tagged instance: by id, else by name, since names are unique within a
// scope.
func (x *index) registrationOf(i ec2.Instance) (r github.Runner, named bool) {
	if r, found := x.byID[x.taggedRunnerID(i)]; found {
		return r, true
	}
	return x.ownRegistration(i), false
}

// ownRegistration returns the registration that has one of the instance's names and belongs to it.
func (x *index) ownRegistration(i ec2.Instance) github.Runner {
	owner := tags.Of(i).Owner()
	for _, name := range owner.Names() {
		if r, found := x.byName[name]; found && owner.Owns(r) {
			return r
		}
	}
	return github.Runner{}
}

// taggedRunnerID returns the runner id in the tags of an instance, 0 if there is none. Machines launched together have
// the ids of all of them in their tags, so the name decides which one is the machine's.
func (x *index) taggedRunnerID(i ec2.Instance) int64 {
	if id := tags.Of(i).RunnerID; id != 0 {
		return id
	}
	if r := x.ownRegistration(i); r.ID != 0 && (tags.Of(i).NamesRunner(r.ID) || tags.Of(i).Entry) {
		return r.ID
	}
	return 0
}

// guessRegistration finds the registration of an instance without tags: its client token contains a hash of the label.
// If none matches, the registration is gone, unless some busy runner might be the machine's.
func (x *index) guessRegistration(i ec2.Instance) (github.Runner, runnerState) {
	token, ok := tags.ParseToken(i.ClientToken)
	if !ok {
		return github.Runner{}, runnerUnseen
	}
	var best github.Runner
	for _, r := range x.survey.runners {
		if token.Fits(r) && (best.ID == 0 || isMoreAlive(r, best)) {
			best = r
		}
	}
	if best.ID == 0 && x.strayBusy {
		return best, runnerUnseen
	}
	return best, stateOf(best)
}

// isMoreAlive orders registrations by what a wrong guess would cost.
func isMoreAlive(a, b github.Runner) bool {
	if stateOf(a) != stateOf(b) {
		return stateOf(a) > stateOf(b)
	}
	return a.ID < b.ID
}

func stateOf(r github.Runner) runnerState {
	switch {
	case r.ID == 0:
		return runnerGone
	case r.Busy:
		return runnerBusy
	case r.Online:
		return runnerIdle
	}
	return runnerOffline
}

// judgeRegistration decides about a registration that belongs to no living instance. It is removed only if our tags
// have its id, on terminated instances older than the grace period alone; or, if such an instance has lost its tags, if
// its client token matches, its run is over, and no living instance can own the registration. GitHub itself removes
// other ephemeral ones.
func (x *index) judgeRegistration(r github.Runner) verdict {
	v := verdict{act: Ignored, runner: r, named: true}
	if r.Online || r.Busy || !x.survey.listed {
		return v
	}
	for _, i := range x.namers[r.ID] {
		if tags.Of(i).Mode == tags.ModeExisting { // belongs to the user
			return v
		}
		if act, _ := x.survey.spareYoung(i, facts{}); i.Alive() || act != "" || !x.survey.whole {
			return v
		}
		v.instance = i
	}
	dead := x.survey.terminatedOwners(r)
	switch {
	case len(x.namers[r.ID]) > 0:
		v.act, v.why = Deregistered, "its instance "+v.instance.ID+" has ended"
	case x.survey.isAbandoned(r, dead):
		v.act, v.why, v.named, v.instance = Deregistered, "its instance "+dead[0].ID+" has ended, according to "+
			"the client token",
			false, dead[0]
	case strings.HasPrefix(r.Name, tags.NamePrefix) && x.living[r.Name] == 0:
		v.act, v.why, v.named = Listed, "it is offline, and no tag on an instance of ours names it", false
	}
	return v
}

// terminatedOwners returns the terminated instances of ours that have lost their tags and whose client tokens match the
// registration. EC2 shows them for about an hour. A registration that has never been online may belong to a start in
// progress, so it has none.
func (s *survey) terminatedOwners(r github.Runner) []ec2.Instance {
	if r.Online || r.Busy || r.Unused || !hasNameOfLabel(r) {
		return nil
	}
	var dead []ec2.Instance
	for _, i := range s.instances {
		if act, _ := s.spareYoung(i, facts{}); act != "" || i.Alive() || tags.Of(i).Tagged || !s.isOurs(i) {
			continue
		}
		if token, ok := tags.ParseToken(i.ClientToken); ok && token.Fits(r) {
			dead = append(dead, i)
		}
	}
	return dead
}

// isAbandoned reports whether the runs of all terminated instances that may own a registration are over, and no living
// machine may own it.
func (s *survey) isAbandoned(r github.Runner, dead []ec2.Instance) bool {
	return len(dead) > 0 && s.whole &&
		!slices.ContainsFunc(dead, func(i ec2.Instance) bool { return s.runs[tags.Of(i).RunID] != runOver }) &&
		!slices.ContainsFunc(s.instances, func(i ec2.Instance) bool { return i.Alive() && tags.Of(i).MayOwn(r) })
}

// hasNameOfLabel reports whether a registration's name is derived from one of its labels.
func hasNameOfLabel(r github.Runner) bool {
	return slices.ContainsFunc(r.Labels, func(label string) bool { return tags.IsNamedFor(r, label) })
}
