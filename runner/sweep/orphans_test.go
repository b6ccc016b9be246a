package sweep

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/marqo-ai/ec2-github-runner/ec2"
	"github.com/marqo-ai/ec2-github-runner/github"
	"github.com/marqo-ai/ec2-github-runner/runner/tags"
	"github.com/marqo-ai/ec2-github-runner/runner/tags/key"
)

const (
	ourScope      = "org/repo"
	ourRepository = "org/repo"
)

var surveyed = time.Date(2026, 11, 1, 12, 0, 0, 0, time.UTC)

// anySurvey draws lists from small sets of ids, names and runs, so that they refer to each other.
func anySurvey(t *rapid.T) *survey {
	s := &survey{
		now: surveyed, grace: time.Duration(rapid.IntRange(1, 20).Draw(t, "grace")) * time.Minute, scope: ourScope,
		repository: ourRepository,
		whole:      rapid.Bool().Draw(t, "whole"), listed: rapid.Bool().Draw(t, "listed"), runs: map[string]runState{},
	}
	for _, run := range []string{"1", "2"} {
		s.runs[run] = rapid.SampledFrom([]runState{runUnknown, runGoesOn, runOver}).Draw(t, "run")
	}
	for n := range rapid.IntRange(0, 6).Draw(t, "instances") {
		s.instances = append(s.instances, anyInstance(t, n))
	}
	names := rapid.SliceOfNDistinct(rapid.SampledFrom([]string{"ec2-a", "ec2-b", "ec2-c", "ec2-c-0", "other",
		"ec2-a-nonc"}), 0, 5, rapid.ID[string]).Draw(t, "names")
	if s.listed {
		for n, name := range names {
			s.runners = append(s.runners, github.Runner{
				ID: int64(n + 1), Name: name, Online: rapid.Bool().Draw(t, "online"), Busy: rapid.Bool().Draw(t,
					"busy"),
				Unused: rapid.Bool().Draw(t, "unused"), Labels: []string{strings.TrimPrefix(name, tags.NamePrefix)},
			})
		}
	}
	return s
}

func anyInstance(t *rapid.T, n int) ec2.Instance {
	i := ec2.Instance{
		ID: "i-" + strconv.Itoa(n), Tags: map[string]string{},
		State: rapid.SampledFrom([]string{ec2.Pending, ec2.Running, ec2.Running, ec2.Stopped, ec2.ShuttingDown,
			ec2.Terminated}).Draw(t, "state"),
		LaunchTime: surveyed.Add(-time.Duration(rapid.IntRange(0, 60).Draw(t, "age")) * time.Minute),
	}
	set := func(key string, values ...string) {
		if value := rapid.SampledFrom(append(values, "")).Draw(t, key); value != "" {
			i.Tags[key] = value
		}
	}
	if rapid.Bool().Draw(t, "tagged") {
		set(key.Scope, ourScope, ourScope, ourScope, "org")
		set(key.Repository, ourRepository, ourRepository, ourRepository, "org/other")
		set(key.RunID, "1", "2")
		set(key.Mode, tags.ModeStart, tags.ModeStart, tags.ModeBake, tags.ModePool, "existing", tags.ModeServe)
		set(key.RunnerName, "ec2-a", "ec2-b", "ec2-c")
		set(key.RunnerID, "1", "2", "3")
		set(key.Slots, "3", "")
		set(key.Label, "a", "b")
		set(key.Found, tags.FoundStopped, tags.FoundStopped, tags.FoundRunning)
		if rapid.Bool().Draw(t, "started-at") {
			i.Tags[key.StartedAt] = i.LaunchTime.Add(time.Duration(rapid.IntRange(0, 1).Draw(t,
				"later")) * time.Minute).Format(time.RFC3339)
		}
		for _, key := range []string{key.ExpiresAt, key.SuspectSince, key.DueAt} {
			set(key, surveyed.Add(time.Duration(rapid.IntRange(-60, 60).Draw(t,
				"at"))*time.Minute).Format(time.RFC3339), "",
				"nonsense")
		}
	}
	switch rapid.IntRange(0, 2).Draw(t, "token") {
	case 0:
		label := rapid.SampledFrom([]string{"a", "b"}).Draw(t, "label")
		i.ClientToken = tags.Identity{Run: tags.Run{Repository: ourRepository, ID: "1"}, Scope: ourScope,
			Nonce: "noncenon"}.ClientToken(label, 0, 0, 0)
	case 1:
		i.ClientToken = tags.Identity{Run: tags.Run{Repository: "org/other", ID: "1"}, Scope: "org/other",
			Nonce: "noncenon"}.ClientToken("a", 0, 0, 0)
	}
	return i
}

// changes reports whether an act changes an instance.
func changes(a Act) bool { return a == Terminated || a == Marked || a == Unmarked }

func TestNothingIsWronglyEnded(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		s := anySurvey(t)
		for _, v := range s.verdicts() {
			if changes(v.act) {
				checkInstanceVerdict(t, s, v)
			}
			if v.act == Deregistered {
				checkRegistrationVerdict(t, s, v)
			}
		}
	})
}

func oursByTags(i ec2.Instance) bool {
	repository, named := i.Tags[key.Repository]
	return i.Tags[key.Scope] == ourScope &&
		(repository == ourRepository || !named && i.Tags[key.Mode] == tags.ModeServe)
}

func oursByToken(i ec2.Instance) bool {
	return i.Tags[key.Scope] == "" && i.Tags[key.Repository] == "" && strings.HasPrefix(i.ClientToken, "egr-"+
		tags.ShortHash(ourRepository, 8)+"-")
}

func checkInstanceVerdict(t *rapid.T, s *survey, v verdict) {
	i := v.instance
	ours, tagless := oursByTags(i), oursByToken(i)
	mode := i.Tags[key.Mode]
	if tagless {
		mode = tags.ModeStart // an instance with tags but no scope is not ours
	}
	switch {
	case !ours && !tagless:
		t.Fatalf("%s is foreign or of another scope, but it is %s", i.ID, v.act)
	case s.now.Sub(i.LaunchTime) < s.grace:
		t.Fatalf("%s is young, but it is %s", i.ID, v.act)
	case i.State == ec2.Terminated || i.State == ec2.ShuttingDown:
		t.Fatalf("%s has ended, but it is %s", i.ID, v.act)
	case ours && !slices.Contains([]string{"start", "bake", "pool", "serve"}, mode):
		t.Fatalf("%s has mode %q, but it is %s", i.ID, mode, v.act)
	case mode == "serve" && (tags.Of(i).ExpiresAt.IsZero() || s.now.Before(tags.Of(i).ExpiresAt)):
		t.Fatalf("%s is of a scale set and has not expired, but it is %s", i.ID, v.act)
	case (mode == "start" || mode == "serve" || tagless) && !s.listed:
		t.Fatalf("the state of the runner of %s is unknown, but it is %s", i.ID, v.act)
	}
	for _, r := range s.runners {
		named := ours && (i.Tags[key.RunnerID] == strconv.FormatInt(r.ID, 10) || (i.Tags[key.RunnerID] == "" &&
			i.Tags[key.Slots] == "" && i.Tags[key.RunnerName] == r.Name))
		if r.Busy && v.act != Unmarked && named && (mode == "start" || mode == "serve") {
			t.Fatalf("the runner %s of %s is busy, but it is %s", r.Name, i.ID, v.act)
		}
		if r.Busy && v.act != Unmarked && tagless && strings.Contains(i.ClientToken, tags.ShortHash(r.Labels[0], 6)) {
			t.Fatalf("the runner %s, whose label is in the token of %s, is busy, but it is %s", r.Name, i.ID, v.act)
		}
	}
	if v.act != Terminated {
		return
	}
	expired := !tags.Of(i).ExpiresAt.IsZero() && !s.now.Before(tags.Of(i).ExpiresAt)
	run := i.Tags[key.RunID]
	if tagless {
		run = "1"
	}
	over := s.runs[run] == runOver && mode != "pool"
	since := tags.Of(i).SuspectSince
	twice := !since.IsZero() && s.now.Sub(since) >= s.grace
	// A warm-up has its own deadline; a stopped entry has none but its expiry.
	due, standsStill := tags.Of(i).DueAt, i.State == ec2.Stopped || i.State == ec2.Stopping
	hangs := mode == "pool" && !standsStill && !due.IsZero() && s.now.Sub(due) > s.grace
	if !expired && !over && !twice && !hangs {
		t.Fatalf("%s is terminated without a valid reason: %q", i.ID, v.why)
	}
}

func checkRegistrationVerdict(t *rapid.T, s *survey, v verdict) {
	if v.runner.Online || v.runner.Busy || !s.listed || !s.whole {
		t.Fatalf("runner %+v is removed; listed %t, whole %t", v.runner, s.listed, s.whole)
	}
	named := false
	for _, i := range s.instances {
		if (!oursByTags(i) && !oursByToken(i)) || i.Tags[key.RunnerID] != strconv.FormatInt(v.runner.ID, 10) {
			continue
		}
		named = true
		if i.State != ec2.Terminated && i.State != ec2.ShuttingDown {
			t.Fatalf("runner %d is removed, but its machine %s is alive", v.runner.ID, i.ID)
		}
		if s.now.Sub(i.LaunchTime) < s.grace {
			t.Fatalf("runner %d is removed, but its machine %s was young", v.runner.ID, i.ID)
		}
	}
	if !named {
		checkRemovedByToken(t, s, v)
	}
}

// checkRemovedByToken checks a removed registration that no tag names: the client token of a terminated machine must
// match it, and the machine's run must be over.
func checkRemovedByToken(t *rapid.T, s *survey, v verdict) {
	i, name := v.instance, v.runner.Name
	label := strings.TrimSuffix(strings.TrimPrefix(name, tags.NamePrefix), "-nonc")
	switch {
	case !oursByToken(i) || !strings.Contains(i.ClientToken, tags.ShortHash(label, 6)):
		t.Fatalf("runner %s is removed, but neither a tag nor the client token of %s matches it", name, i.ID)
	case i.Alive() || s.now.Sub(i.LaunchTime) < s.grace || s.runs["1"] != runOver:
		t.Fatalf("runner %s is removed by the token of %s, which is %s, launched at %s, of run %v", name, i.ID, i.State,
			i.LaunchTime, s.runs)
	case v.runner.Unused:
		t.Fatalf("runner %s is removed, but has never been online", name)
	}
	for _, i := range s.instances {
		if i.Alive() && (oursByToken(i) && strings.Contains(i.ClientToken, tags.ShortHash(label, 6)) || oursByTags(i) &&
			i.Tags[key.RunnerName] == name) {
			t.Fatalf("runner %s is removed, but %s is alive and may own it", name, i.ID)
		}
	}
}

// TestTheTaglessDeadAreKnownByToken: a terminated machine that has lost its tags is still known by its client token.
// Its registration is removed once its run is over, unless a living machine may own it.
func TestTheTaglessDeadAreKnownByToken(t *testing.T) {
	t.Parallel()
	const label = "build"
	token := func(run string) string {
		return tags.Identity{Run: tags.Run{Repository: ourRepository, ID: run}, Scope: ourScope,
			Nonce: "noncenon"}.ClientToken(label,
			0, 0, 0)
	}
	dead := ec2.Instance{ID: "i-dead", State: ec2.Terminated, LaunchTime: surveyed.Add(-time.Hour),
		ClientToken: token("1")}
	alive := ec2.Instance{ID: "i-alive", State: ec2.Running, LaunchTime: surveyed, ClientToken: token("2")}
	cases := map[string]struct {
		change func(*survey, *github.Runner)
		want   Act
	}{
		"gone":                 {func(*survey, *github.Runner) {}, Deregistered},
		"its run goes on":      {func(s *survey, _ *github.Runner) { s.runs["1"] = runGoesOn }, Listed},
		"its run is not known": {func(s *survey, _ *github.Runner) { s.runs["1"] = runUnknown }, Listed},
		"not every region":     {func(s *survey, _ *github.Runner) { s.whole = false }, Listed},
		"another lives": {func(s *survey, _ *github.Runner) { s.instances = append(s.instances, alive) },
			Listed},
		"not used yet":   {func(_ *survey, r *github.Runner) { r.Unused = true }, Listed},
		"another's mark": {func(_ *survey, r *github.Runner) { r.Labels = append(r.Labels, "egr-zzzzzzzz") }, Listed},
		"its own mark": {func(_ *survey, r *github.Runner) { r.Labels = append(r.Labels, "egr-noncenon") },
			Deregistered},
		"its other name": {func(_ *survey, r *github.Runner) { r.Name += "-nonc" }, Deregistered},
		"another label": {func(_ *survey, r *github.Runner) { r.Name, r.Labels = "ec2-other", []string{"other"} },
			Listed},
		"somebody's own name": {func(_ *survey, r *github.Runner) { r.Name = "gpu-box" }, Ignored},
		"online":              {func(_ *survey, r *github.Runner) { r.Online = true }, Ignored},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := &survey{
				now: surveyed, grace: 10 * time.Minute, scope: ourScope, repository: ourRepository, whole: true,
				listed: true,
				runs:   map[string]runState{"1": runOver}, instances: []ec2.Instance{dead},
			}
			r := github.Runner{ID: 7, Name: tags.NameOf(label), Labels: []string{"self-hosted", label}}
			c.change(s, &r)
			s.runners = []github.Runner{r}
			if got := s.index().judgeRegistration(r); got.act != c.want {
				t.Errorf("%s: %s, want %s", got.act, got.why, c.want)
			}
		})
	}
}

// TestOrphansAreFound is the converse: an orphan that no rule spares is ended.
func TestOrphansAreFound(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		s := anySurvey(t)
		s.listed, s.runs["9"] = true, runOver
		orphan := ec2.Instance{ID: "i-orphan", State: ec2.Running, LaunchTime: s.now.Add(-s.grace),
			Tags: map[string]string{
				key.Scope: ourScope, key.Repository: ourRepository, key.RunID: "9", key.Mode: tags.ModeStart,
				key.RunnerName: "ec2-orphan", key.RunnerID: "77",
			}}
		s.instances = append(s.instances, orphan)
		if rapid.Bool().Draw(t, "registered") {
			s.runners = append(s.runners, github.Runner{ID: 77, Name: "ec2-orphan", Online: rapid.Bool().Draw(t,
				"online")})
		}
		for _, v := range s.verdicts() {
			if v.instance.ID == orphan.ID && v.act == Terminated {
				return
			}
		}
		t.Fatalf("the orphan is not ended: %+v", s.verdicts())
	})
}

// TestOrderDoesNotMatter compares the verdicts with those on the same lists in another order.
func TestOrderDoesNotMatter(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		s := anySurvey(t)
		other := *s
		other.instances = rapid.Permutation(s.instances).Draw(t, "instances again")
		other.runners = rapid.Permutation(s.runners).Draw(t, "runners again")
		if a, b := summary(s.verdicts()), summary(other.verdicts()); !slices.Equal(a, b) {
			t.Fatalf("in one order %v, in another %v", a, b)
		}
	})
}

func summary(list []verdict) []string {
	var lines []string
	for _, v := range list {
		instance := v.instance.ID
		if v.act == Deregistered { // any instance whose tags have its id
			instance = ""
		}
		lines = append(lines, fmt.Sprint(v.act, " ", instance, " ", v.runner.ID))
	}
	slices.Sort(lines)
	return lines
}
