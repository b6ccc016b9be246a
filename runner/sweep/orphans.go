package sweep

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/marqo-ai/ec2-github-runner/ec2"
	"github.com/marqo-ai/ec2-github-runner/github"
	"github.com/marqo-ai/ec2-github-runner/runner/diagnosis"
	"github.com/marqo-ai/ec2-github-runner/runner/tags"
	"github.com/marqo-ai/ec2-github-runner/runner/tags/key"
)

// This file decides what a sweep does, and makes no call: docs/adr/0004-sweep.md has the reasons. Two rules stand above
// the others. What carries neither our tags of this scope and repository nor a client token of theirs is not ours. And
// what cannot be seen is not judged.

// Act is what a sweep does about an instance or a registration.
type Act string

// The acts. The first three change nothing.
const (
	Ignored      Act = "ignored" // not ours, or ended already
	Spared       Act = "spared"
	Listed       Act = "listed" // an offline runner that looks like ours and that nothing proves to be
	Marked       Act = "marked" // the first look at what is ambiguous
	Unmarked     Act = "unmarked"
	Terminated   Act = "terminated"
	Halted       Act = "stopped" // an existing machine: never anything else
	Deregistered Act = "deregistered"
	Deleted      Act = "deleted" // a volume
	Freed        Act = "freed"   // an entry of a pool whose claim came to nothing can be claimed again
)

// runState is what is known of a workflow run. The zero value is "unknown", which never counts as over.
type runState int

const (
	runUnknown runState = iota
	runGoesOn
	runOver
)

// runnerState is what is known of an instance's registration.
type runnerState int

const (
	runnerUnseen runnerState = iota // GitHub did not answer, or what to ask for is not known
	runnerNone                      // the instance is not meant to have one
	runnerGone                      // GitHub has none
	runnerOffline
	runnerIdle
	runnerBusy
)

// survey is what a sweep could see: the cloud first, the registry second, and the runs in between.
type survey struct {
	now               time.Time
	grace             time.Duration
	scope, repository string

	instances []ec2.Instance
	whole     bool         // every region has answered
	volumes   []ec2.Volume // of ours, those that nothing has
	runners   []github.Runner
	listed    bool // the scope's whole list of runners was answered
	runs      map[string]runState
}

// facts are what the judgement of one instance rests on.
type facts struct {
	run    runState
	state  runnerState
	runner github.Runner // ID 0 where there is none
	named  bool          // a tag of the instance names the runner's id
	alone  bool          // no other living instance carries the runner's name
}

// verdict is what is to be done about one thing, and why.
type verdict struct {
	act      Act
	why      string
	instance ec2.Instance  // no ID where a registration stands alone
	runner   github.Runner // no ID where there is no registration
	volume   ec2.Volume    // no ID but for a volume
	named    bool
	alone    bool
}

// verdicts judges everything in sight: instances first, in the order of the list, then registrations, then volumes.
func (s *survey) verdicts() []verdict {
	x := s.index()
	var list []verdict
	for _, i := range s.instances {
		if v := s.judge(i, x.factsOf(i)); v.act != Ignored {
			list = append(list, v)
		}
	}
	for _, r := range s.runners {
		if v := x.judgeRegistration(r); v.act != Ignored {
			list = append(list, v)
		}
	}
	for _, volume := range s.volumes {
		if v := s.judgeVolume(volume); v.act != Ignored {
			list = append(list, v)
		}
	}
	return list
}

// rule is one step of a judgement. It answers "" where it has nothing to say.
type rule func(*survey, ec2.Instance, facts) (Act, string)

// rules are asked in this order; the first answer holds. What spares stands before what ends.
var rules = []rule{
	(*survey).isDone,
	(*survey).isServed,
	(*survey).isKept,
	(*survey).isYoung,
	(*survey).isBusy,
	(*survey).isExisting,
	(*survey).isUnstarted,
	(*survey).isPoolEntry,
	(*survey).isExpired,
	(*survey).isOfRun,
	(*survey).isPresent,
	(*survey).isSuspect,
}

func (s *survey) judge(i ec2.Instance, f facts) verdict {
	for _, rule := range rules {
		if act, why := rule(s, i, f); act != "" {
			return verdict{act: act, why: why, instance: i, runner: f.runner, named: f.named, alone: f.alone}
		}
	}
	return verdict{act: Spared, why: "no rule says otherwise", instance: i}
}

func (s *survey) isDone(i ec2.Instance, _ facts) (Act, string) {
	if !i.Alive() || !s.isOurs(i) {
		return Ignored, ""
	}
	return "", ""
}

func (s *survey) isKept(i ec2.Instance, _ facts) (Act, string) {
	if tags.Of(i).IsKept(s.now) {
		why := "it is"
		if tags.Of(i).IsKeptFailed(s.now) {
			why = "it failed and is"
		}
		return Spared, why + " kept for inspection until " + tags.Of(i).KeptUntil.UTC().Format(time.RFC3339)
	}
	mode := tags.Of(i).Mode
	if slices.Contains([]string{tags.ModeStart, tags.ModeBake, tags.ModePool, tags.ModeExisting, tags.ModeServe},
		mode) {
		return "", ""
	}
	return Spared, fmt.Sprintf("its mode is %q, which a sweep does not end", mode)
}

// isYoung spares what was launched within the grace, and what has no known age.
func (s *survey) isYoung(i ec2.Instance, _ facts) (Act, string) {
	switch {
	case i.LaunchTime.IsZero():
		return Spared, "its age is not known"
	case s.now.Sub(i.LaunchTime) < s.grace:
		return Spared, fmt.Sprintf("it is younger than %s", diagnosis.Minutes(s.grace))
	}
	return "", ""
}

func (s *survey) isBusy(_ ec2.Instance, f facts) (Act, string) {
	switch f.state {
	case runnerBusy:
		return Spared, "its runner is busy"
	case runnerUnseen:
		return Spared, "what its runner does cannot be seen"
	}
	return "", ""
}

// isExisting is the whole judgement of a machine that the user keeps: it is stopped when its run is over and a start of
// that run has started it, and nothing else ever happens to it.
func (s *survey) isExisting(i ec2.Instance, f facts) (Act, string) {
	switch {
	case tags.Of(i).Mode != tags.ModeExisting:
		return "", ""
	case i.State == ec2.Stopped || i.State == ec2.Stopping:
		return Spared, "it is a machine that is kept, and it is " + i.State
	case !tags.Of(i).IsStartedByUs():
		return Spared, "it is a machine that is kept, and no start of ours has started it"
	case f.run == runOver && i.State == ec2.Running:
		return Halted, "its run " + tags.Of(i).RunID + " is over"
	case f.run == runUnknown:
		return Spared, "it is a machine that is kept, and whether its run " + tags.Of(i).RunID +
			" is over cannot be seen"
	}
	return Spared, "it is a machine that is kept, and its run " + tags.Of(i).RunID + " is not over"
}

func (s *survey) isExpired(i ec2.Instance, _ facts) (Act, string) {
	if tags.Of(i).IsKeptTooLong(s.now) {
		return Terminated, "it was kept for inspection until " +
			tags.Of(i).KeptUntil.UTC().Format(time.RFC3339)
	}
	if at := tags.Of(i).ExpiresAt; !at.IsZero() && !s.now.Before(at) {
		return Terminated, "its time was over at " + at.UTC().Format(time.RFC3339)
	}
	return "", ""
}

func (s *survey) isOfRun(i ec2.Instance, f facts) (Act, string) {
	if f.run == runOver {
		return Terminated, "its run " + tags.Of(i).RunID + " is over"
	}
	return "", ""
}

// isPresent spares what has all that it should have while its run is not over, and takes an old suspicion back.
func (s *survey) isPresent(i ec2.Instance, f facts) (Act, string) {
	if f.state == runnerGone {
		return "", ""
	}
	why := "its run " + tags.Of(i).RunID + " is not over"
	if f.run == runUnknown {
		why = "whether its run " + tags.Of(i).RunID + " is over cannot be seen"
	}
	if !tags.Of(i).SuspectSince.IsZero() {
		return Unmarked, "its runner is back"
	}
	return Spared, why
}

// isSuspect is about a machine without a registration. That is no wonder while its start still waits for it, and may
// pass later, so it takes two looks, a grace apart: two sweeps at the same moment are one look.
func (s *survey) isSuspect(i ec2.Instance, _ facts) (Act, string) {
	since, due := tags.Of(i).SuspectSince, tags.Of(i).DueAt
	switch {
	case s.now.Before(due):
		return Spared, "its runner is not due before " + due.UTC().Format(time.TimeOnly)
	case since.IsZero():
		return Marked, "its runner is gone"
	case s.now.Sub(since) < s.grace:
		return Spared, "its runner is gone since " + since.UTC().Format(time.TimeOnly) + "; a later sweep looks again"
	}
	return Terminated, "its runner is gone since " + since.UTC().Format(time.RFC3339)
}

// isOurs returns whose an instance is: by our tags, or, only where it has none of them, by its client token.
func (s *survey) isOurs(i ec2.Instance) bool {
	_, tagged := i.Tags[key.Scope]
	_, also := i.Tags[key.Repository]
	if tagged || also {
		return s.owns(i.Tags)
	}
	return strings.HasPrefix(i.ClientToken, tags.TokenOfScope(s.repository, s.scope))
}
