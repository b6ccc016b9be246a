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

// This file decides what a sweep does; it makes no API calls. See docs/adr/0004-sweep.md for the reasons. Two rules
// come first: an instance with neither our tags of this scope and repository nor a client token of theirs is not ours,
// and what cannot be seen is not judged.

// Act is what a sweep does about an instance, a registration or a volume.
type Act string

// The first three acts change nothing.
const (
	Ignored      Act = "ignored" // not ours, or ended already
	Spared       Act = "spared"
	Listed       Act = "listed" // an offline runner that may be ours, without proof
	Marked       Act = "marked" // tagged at the first look
	Unmarked     Act = "unmarked"
	Terminated   Act = "terminated"
	Halted       Act = "stopped" // existing machines only
	Deregistered Act = "deregistered"
	Deleted      Act = "deleted" // a volume
	Freed        Act = "freed"   // a pool entry with a failed claim, returned to its pool
)

// runState is what is known about a workflow run. The zero value means unknown, which never counts as over.
type runState int

const (
	runUnknown runState = iota
	runGoesOn
	runOver
)

// runnerState is what is known about an instance's registration.
type runnerState int

const (
	runnerUnseen runnerState = iota // GitHub did not answer, or the registration is not identified
	runnerNone                      // the instance needs none
	runnerGone                      // GitHub has none
	runnerOffline
	runnerIdle
	runnerBusy
)

// survey is everything that a sweep has read: EC2 first, GitHub second, and the runs in between.
type survey struct {
	now               time.Time
	grace             time.Duration
	scope, repository string

	instances []ec2.Instance
	whole     bool         // whether every region has answered
	volumes   []ec2.Volume // our detached ones
	runners   []github.Runner
	listed    bool // whether the scope's whole list of runners was read
	runs      map[string]runState
}

// facts are what the verdict on one instance depends on.
type facts struct {
	run    runState
	state  runnerState
	runner github.Runner // ID 0 if there is none
	named  bool          // whether the instance's tags have the runner's id
	alone  bool          // whether no other living instance has the runner's name
}

// verdict says what to do about one instance, registration or volume, and why.
type verdict struct {
	act      Act
	why      string
	instance ec2.Instance  // no ID for a registration without instance
	runner   github.Runner // no ID without a registration
	volume   ec2.Volume    // no ID except for a volume
	named    bool
	alone    bool
	over     bool // the run of the instance is over
}

// verdicts judges everything in the survey: instances first, in the order of the list, then registrations, then
// volumes.
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

// rule is one step of a verdict. It returns "" if it does not apply.
type rule func(*survey, ec2.Instance, facts) (Act, string)

// rules are applied in this order; the first one that applies decides. Rules that spare come before rules that end.
var rules = []rule{
	(*survey).ignoreEnded,
	(*survey).spareServed,
	(*survey).spareKept,
	(*survey).spareYoung,
	(*survey).spareBusy,
	(*survey).judgeExisting,
	(*survey).freeUnstarted,
	(*survey).judgeEntry,
	(*survey).endExpired,
	(*survey).judgeAfterJob,
	(*survey).endFinishedRun,
	(*survey).sparePresent,
	(*survey).judgeSuspect,
}

func (s *survey) judge(i ec2.Instance, f facts) verdict {
	for _, rule := range rules {
		if act, why := rule(s, i, f); act != "" {
			return verdict{act: act, why: why, instance: i, runner: f.runner, named: f.named, alone: f.alone,
				over: f.run == runOver}
		}
	}
	return verdict{act: Spared, why: "no rule applies", instance: i}
}

func (s *survey) ignoreEnded(i ec2.Instance, _ facts) (Act, string) {
	if !i.Alive() || !s.isOurs(i) {
		return Ignored, ""
	}
	return "", ""
}

func (s *survey) spareKept(i ec2.Instance, _ facts) (Act, string) {
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
	return Spared, fmt.Sprintf("its mode is %q, which a sweep leaves alone", mode)
}

// spareYoung spares instances younger than the grace period or of unknown age.
func (s *survey) spareYoung(i ec2.Instance, _ facts) (Act, string) {
	switch {
	case i.LaunchTime.IsZero():
		return Spared, "its age is unknown"
	case s.now.Sub(i.LaunchTime) < s.grace:
		return Spared, fmt.Sprintf("it is younger than %s", diagnosis.Minutes(s.grace))
	}
	return "", ""
}

// spareBusy spares a machine with a job, and removes an earlier mark: a runner is gone only if two looks miss it, and
// none between them finds it.
func (s *survey) spareBusy(i ec2.Instance, f facts) (Act, string) {
	switch {
	case f.state == runnerBusy && i.State == ec2.Running && hasRegistration(i) &&
		!tags.Of(i).SuspectSince.IsZero():
		return Unmarked, "its runner is back, and it is busy"
	case f.state == runnerBusy:
		return Spared, "its runner is busy"
	case f.state == runnerUnseen:
		return Spared, "whether its runner is busy is unknown"
	}
	return "", ""
}

// judgeExisting is the whole verdict on a machine that belongs to the user: it is stopped if its run is over and a
// start of that run has started it; nothing else ever happens to it.
func (s *survey) judgeExisting(i ec2.Instance, f facts) (Act, string) {
	switch {
	case tags.Of(i).Mode != tags.ModeExisting:
		return "", ""
	case i.State == ec2.Stopped || i.State == ec2.Stopping:
		return Spared, "it is an existing machine, and it is " + i.State
	case !tags.Of(i).IsStartedByUs():
		return Spared, "it is an existing machine that this action did not start"
	case f.run == runOver && i.State == ec2.Running:
		return Halted, "its run " + tags.Of(i).RunID + " is over"
	case f.run == runUnknown:
		return Spared, "it is an existing machine, and whether its run " + tags.Of(i).RunID +
			" is over is unknown"
	}
	return Spared, "it is an existing machine, and its run " + tags.Of(i).RunID + " is not over"
}

func (s *survey) endExpired(i ec2.Instance, _ facts) (Act, string) {
	if tags.Of(i).IsKeptTooLong(s.now) {
		return Terminated, "it was kept for inspection until " +
			tags.Of(i).KeptUntil.UTC().Format(time.RFC3339)
	}
	if at := tags.Of(i).ExpiresAt; !at.IsZero() && !s.now.Before(at) {
		return Terminated, "it expired at " + at.UTC().Format(time.RFC3339)
	}
	return "", ""
}

func (s *survey) endFinishedRun(i ec2.Instance, f facts) (Act, string) {
	if f.run == runOver {
		return Terminated, "its run " + tags.Of(i).RunID + " is over"
	}
	return "", ""
}

// sparePresent spares a machine whose runner is there while its run is not over, and removes an earlier mark.
func (s *survey) sparePresent(i ec2.Instance, f facts) (Act, string) {
	if f.state == runnerGone {
		return "", ""
	}
	why := "its run " + tags.Of(i).RunID + " is not over"
	if f.run == runUnknown {
		why = "whether its run " + tags.Of(i).RunID + " is over is unknown"
	}
	if !tags.Of(i).SuspectSince.IsZero() {
		return Unmarked, "its runner is back"
	}
	return Spared, why
}

// judgeSuspect decides about a machine without a registration. Its start may still be waiting for it, or the
// registration may come back, so it takes two looks that are a grace period apart: two sweeps at the same moment count
// as one look.
func (s *survey) judgeSuspect(i ec2.Instance, _ facts) (Act, string) {
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

// isOurs reports whether an instance is ours: by our tags or, only if it has none of them, by its client token.
func (s *survey) isOurs(i ec2.Instance) bool {
	_, tagged := i.Tags[key.Scope]
	_, also := i.Tags[key.Repository]
	if tagged || also {
		return s.owns(i.Tags)
	}
	return strings.HasPrefix(i.ClientToken, tags.TokenOfScope(s.repository, s.scope))
}
