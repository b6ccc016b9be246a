package sweep

import (
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/marqo-ai/ec2-github-runner/ec2"
	"github.com/marqo-ai/ec2-github-runner/github"
	"github.com/marqo-ai/ec2-github-runner/runner/tags"
	"github.com/marqo-ai/ec2-github-runner/runner/tags/key"
)

// anyEntry draws an instance with a pool's tag: an entry, a started claim or an unstarted one, ours or foreign.
func anyEntry(t *rapid.T) ec2.Instance {
	at := func(name string) string {
		return rapid.SampledFrom([]string{"",
			tags.Stamp(surveyed.Add(time.Duration(rapid.IntRange(-90, 90).Draw(t, name)) * time.Minute))}).Draw(t, name+
			" given")
	}
	i := ec2.Instance{
		ID: "i-0a", State: rapid.SampledFrom([]string{ec2.Stopped, ec2.Stopped, ec2.Running, ec2.Pending, ec2.Stopping,
			ec2.Terminated}).Draw(t, "state"),
		LaunchTime: surveyed.Add(-time.Duration(rapid.IntRange(0, 90).Draw(t, "age")) * time.Minute),
		Tags: map[string]string{
			key.Scope: rapid.SampledFrom([]string{ourScope, ourScope, ourScope, "org"}).Draw(t, "scope"),
			key.Repository: rapid.SampledFrom([]string{ourRepository, ourRepository, ourRepository,
				"org/other"}).Draw(t,
				"repository"),
			key.Pool: "tests", key.Mode: rapid.SampledFrom([]string{tags.ModePool, tags.ModeStart}).Draw(t, "mode"),
			key.RunID: rapid.SampledFrom([]string{"1", "2", ""}).Draw(t, "run"), key.ExpiresAt: at("expires"),
			key.PoolUntil: at("until"), key.DueAt: at("due"),
			key.ClaimedAt: at("claimed"), key.SuspectSince: at("suspect"),
			key.RunnerID: rapid.SampledFrom([]string{"", "1", "2"}).Draw(t, "runner id"),
		},
		ClientToken: tags.Identity{Run: tags.Run{Repository: ourRepository, ID: "1"}, Scope: ourScope,
			Nonce: "noncenon"}.ClientToken("", 0, 0, 0),
	}
	if rapid.Bool().Draw(t, "unstarted") {
		i.Tags[key.ClaimedFrom] = tags.Stamp(i.LaunchTime)
	}
	if i.Tags[key.Mode] == tags.ModeStart {
		i.Tags[key.RunnerName] = tags.EntryName(i.ID)
	}
	return i
}

// TestNoEntryIsWronglyEnded: a sweep never touches a machine that is busy, one that is claimed and online, one of
// another scope or repository, or a young claim; and whatever it frees was stopped and never started.
func TestNoEntryIsWronglyEnded(t *testing.T) {
	t.Parallel()
	ended := map[Act]int{}
	check := func(t *rapid.T) {
		s := &survey{
			now: surveyed, grace: time.Duration(rapid.IntRange(1, 20).Draw(t, "grace")) * time.Minute, scope: ourScope,
			repository: ourRepository,
			whole:      true, listed: rapid.Bool().Draw(t, "listed"), runs: map[string]runState{},
		}
		for _, run := range []string{"1", "2"} {
			s.runs[run] = rapid.SampledFrom([]runState{runUnknown, runGoesOn, runOver}).Draw(t, "run state")
		}
		i := anyEntry(t)
		s.instances = []ec2.Instance{i}
		var r github.Runner
		if s.listed && rapid.Bool().Draw(t, "registered") {
			r = github.Runner{ID: int64(rapid.IntRange(1, 2).Draw(t, "id")), Name: tags.EntryName(i.ID),
				Online: rapid.Bool().Draw(t,
					"online")}
			r.Busy = r.Online && rapid.Bool().Draw(t, "busy")
			s.runners = []github.Runner{r}
		}
		for _, v := range s.verdicts() {
			if v.instance.ID == "" || v.act == Deregistered || v.act == Spared {
				continue
			}
			ended[v.act]++
			checkEntryVerdict(t, s, i, r, v)
		}
	}
	for range 30 { // of a hundred draws each, since the interesting cases are rare
		rapid.Check(t, check)
	}
	for _, act := range []Act{Terminated, Freed, Marked, Unmarked} {
		if ended[act] == 0 {
			t.Errorf("nothing was %s, so nothing is proved", act)
		}
	}
}

func checkEntryVerdict(t *rapid.T, s *survey, i ec2.Instance, r github.Runner, v verdict) {
	entry := i.Tags[key.Mode] == tags.ModePool
	claimed := tags.Of(i).ClaimedAt
	since := tags.Of(i).SuspectSince
	switch {
	case i.Tags[key.Scope] != ourScope || i.Tags[key.Repository] != ourRepository:
		t.Fatalf("it is foreign, but it is %s", v.act)
	case i.State == ec2.Terminated:
		t.Fatalf("it has ended, but it is %s", v.act)
	case s.now.Sub(i.LaunchTime) < s.grace:
		t.Fatalf("it is young, but it is %s", v.act)
	case r.Busy && v.act != Unmarked:
		t.Fatalf("its runner is busy, but it is %s", v.act)
	case entry && r.Online && v.act != Unmarked:
		t.Fatalf("its runner is online, but it is %s", v.act)
	case entry && !s.listed && i.State != ec2.Stopped:
		t.Fatalf("the state of its runner is unknown, but it is %s", v.act)
	case tags.Of(i).IsUnstarted() && (claimed.IsZero() || s.now.Sub(claimed) < s.grace):
		t.Fatalf("a claim may be in progress, but it is %s", v.act)
	case v.act == Freed && i.State != ec2.Stopped:
		t.Fatalf("it is %s, but it is freed", i.State)
	case v.act == Freed && !entry && i.Tags[key.ClaimedFrom] != tags.Stamp(i.LaunchTime):
		t.Fatal("it was started after its claim, but it is freed")
	case v.act == Freed && entry && (since.IsZero() || s.now.Sub(since) < s.grace || tags.Of(i).RunnerID != r.ID):
		t.Fatal("its registration was not seen twice, but it is freed")
	case v.act == Terminated && entry && !s.isOverdue(i) && (tags.Of(i).ExpiresAt.IsZero() ||
		s.now.Before(tags.Of(i).ExpiresAt)):
		t.Fatalf("it has not expired, but it is terminated: %s", v.why)
	}
}

// TestAnUnstartedClaimIsFreed is the converse.
func TestAnUnstartedClaimIsFreed(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		i := anyEntry(t)
		i.State, i.LaunchTime = ec2.Stopped, surveyed.Add(-2*time.Hour)
		i.Tags[key.Mode], i.Tags[key.Scope], i.Tags[key.Repository], i.Tags[key.PoolUntil] = tags.ModeStart,
			ourScope,
			ourRepository, tags.Stamp(surveyed.Add(time.Hour))
		i.Tags[key.ClaimedFrom], i.Tags[key.ClaimedAt] = tags.Stamp(i.LaunchTime),
			tags.Stamp(surveyed.Add(-time.Hour))
		s := &survey{now: surveyed, grace: 10 * time.Minute, scope: ourScope, repository: ourRepository, whole: true,
			listed: true, instances: []ec2.Instance{i}}
		s.runs = map[string]runState{i.Tags[key.RunID]: rapid.SampledFrom([]runState{runUnknown, runGoesOn,
			runOver}).Draw(t,
			"run state")}
		if !slices.ContainsFunc(s.verdicts(), func(v verdict) bool { return v.act == Freed }) {
			t.Fatalf("it is not freed: %+v", s.verdicts())
		}
	})
}
