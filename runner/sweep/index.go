package sweep

import (
	"slices"
	"strings"

	"github.com/marqo-ai/ec2-github-runner/ec2"
	"github.com/marqo-ai/ec2-github-runner/github"
	"github.com/marqo-ai/ec2-github-runner/runner/tags"
)

// index joins instances with registrations, so that a sweep over thousands of each stays one pass.
type index struct {
	survey *survey
	byID   map[int64]github.Runner
	byName map[string]github.Runner
	namers map[int64][]ec2.Instance // instances of ours whose tag names a runner id
	living map[string]int           // by runner name: how many living instances of ours carry it
	// strayBusy reports whether a runner with a name like ours is busy and that no tag says on which machine. It may be
	// on one without tags.
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
		if id := x.namedBy(i); id != 0 {
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

// factsOf finds what the lists say of an instance.
func (x *index) factsOf(i ec2.Instance) facts {
	f := facts{run: x.survey.runs[tags.Of(i).RunID]}
	switch {
	case tags.Of(i).Mode == tags.ModeExisting:
		f.runner, f.state = existingState(i, x.survey.runners, x.survey.listed)
	case tags.Of(i).Entry:
		f.state = runnerNone
		if f.runner = x.byName[tags.EntryName(i.ID)]; f.runner.ID != 0 {
			f.state, f.named = stateOf(f.runner), true
		} else if !x.survey.listed && i.State != ec2.Stopped { // a machine that stands still has no job
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
		f.runner, f.state = x.guess(i)
	}
	return f
}

// hasRegistration reports whether a machine with tags of ours registers by the name in them.
func hasRegistration(i ec2.Instance) bool {
	mode := tags.Of(i).Mode
	return mode == tags.ModeStart || mode == tags.ModeServe
}

// existingState is what the runner of an existing machine does. Where nothing tells which one it is, a busy one with
// its label may be it.
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

// registrationOf finds the registration of a tagged instance: by id, else by name, since a name is unique in its scope.
func (x *index) registrationOf(i ec2.Instance) (r github.Runner, named bool) {
	if r, found := x.byID[x.namedBy(i)]; found {
		return r, true
	}
	return x.ownOf(i), false
}

// ownOf is the registration that has one of the instance's names and is its own.
func (x *index) ownOf(i ec2.Instance) github.Runner {
	owner := tags.Of(i).Owner()
	for _, name := range owner.Names() {
		if r, found := x.byName[name]; found && owner.Owns(r) {
			return r
		}
	}
	return github.Runner{}
}

// namedBy is the runner id that the tags of an instance name, 0 for none. Those launched together carry the ids of all,
// so the name tells which is whose.
func (x *index) namedBy(i ec2.Instance) int64 {
	if id := tags.Of(i).RunnerID; id != 0 {
		return id
	}
	if r := x.ownOf(i); r.ID != 0 && (tags.Of(i).NamesRunner(r.ID) || tags.Of(i).Entry) {
		return r.ID
	}
	return 0
}

// guess finds the registration of an instance without tags: its client token holds a hash of the label. Where none
// fits, it is gone, unless somebody is busy who might be it.
func (x *index) guess(i ec2.Instance) (github.Runner, runnerState) {
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

// judgeRegistration decides about a registration apart from a living instance: it is removed only if tags of ours name
// its id, on dead and grown-up instances alone; or, where such an instance has lost its tags, if its client token fits,
// its run is over, and no living instance can be the runner's. Ephemeral ones that nobody names are removed by GitHub
// itself.
func (x *index) judgeRegistration(r github.Runner) verdict {
	v := verdict{act: Ignored, runner: r, named: true}
	if r.Online || r.Busy || !x.survey.listed {
		return v
	}
	for _, i := range x.namers[r.ID] {
		if tags.Of(i).Mode == tags.ModeExisting { // the user's own
			return v
		}
		if act, _ := x.survey.isYoung(i, facts{}); i.Alive() || act != "" || !x.survey.whole {
			return v
		}
		v.instance = i
	}
	dead := x.survey.deadOf(r)
	switch {
	case len(x.namers[r.ID]) > 0:
		v.act, v.why = Deregistered, "its instance "+v.instance.ID+" has ended"
	case x.survey.isAbandoned(r, dead):
		v.act, v.why, v.named, v.instance = Deregistered, "its instance "+dead[0].ID+" has ended, as the client "+
			"token says",
			false, dead[0]
	case strings.HasPrefix(r.Name, tags.NamePrefix) && x.living[r.Name] == 0:
		v.act, v.why, v.named = Listed, "it is offline, and no tag on an instance of ours names it", false
	}
	return v
}

// deadOf are the instances of ours that have ended and lost their tags, and whose client tokens say that the
// registration is of their start. EC2 shows them for about an hour. What no machine has used yet may be of a start that
// is under way.
func (s *survey) deadOf(r github.Runner) []ec2.Instance {
	if r.Online || r.Busy || r.Unused || !hasNameOfLabel(r) {
		return nil
	}
	var dead []ec2.Instance
	for _, i := range s.instances {
		if act, _ := s.isYoung(i, facts{}); act != "" || i.Alive() || tags.Of(i).Tagged || !s.isOurs(i) {
			continue
		}
		if token, ok := tags.ParseToken(i.ClientToken); ok && token.Fits(r) {
			dead = append(dead, i)
		}
	}
	return dead
}

// isAbandoned reports whether the runs of the dead that a registration may be of are over, and no living machine may
// have it.
func (s *survey) isAbandoned(r github.Runner, dead []ec2.Instance) bool {
	return len(dead) > 0 && s.whole &&
		!slices.ContainsFunc(dead, func(i ec2.Instance) bool { return s.runs[tags.Of(i).RunID] != runOver }) &&
		!slices.ContainsFunc(s.instances, func(i ec2.Instance) bool { return i.Alive() && tags.Of(i).MayOwn(r) })
}

// hasNameOfLabel reports whether a registration has a name that a start makes of one of its labels.
func hasNameOfLabel(r github.Runner) bool {
	return slices.ContainsFunc(r.Labels, func(label string) bool { return tags.IsNamedFor(r, label) })
}
