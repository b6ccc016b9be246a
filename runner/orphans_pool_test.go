package runner

import (
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/marqo-ai/ec2-github-runner/ec2"
	"github.com/marqo-ai/ec2-github-runner/github"
)

// anyEntry draws an instance with a pool's tag: an entry, a claim that was started or not, ours or somebody else's.
func anyEntry(t *rapid.T) ec2.Instance {
	at := func(name string) string {
		return rapid.SampledFrom([]string{"",
			stamp(surveyed.Add(time.Duration(rapid.IntRange(-90, 90).Draw(t, name)) * time.Minute))}).Draw(t, name+" given")
	}
	i := ec2.Instance{
		ID: "i-0a", State: rapid.SampledFrom([]string{ec2.Stopped, ec2.Stopped, ec2.Running, ec2.Pending, ec2.Stopping,
			ec2.Terminated}).Draw(t, "state"),
		LaunchTime: surveyed.Add(-time.Duration(rapid.IntRange(0, 90).Draw(t, "age")) * time.Minute),
		Tags: map[string]string{
			TagScope: rapid.SampledFrom([]string{ourScope, ourScope, ourScope, "org"}).Draw(t, "scope"),
			TagRepository: rapid.SampledFrom([]string{ourRepository, ourRepository, ourRepository, "org/other"}).Draw(t,
				"repository"),
			TagPool: "tests", TagMode: rapid.SampledFrom([]string{instanceOfPool, instanceOfStart}).Draw(t, "mode"),
			TagRunID: rapid.SampledFrom([]string{"1", "2", ""}).Draw(t, "run"), TagExpiresAt: at("expires"),
			TagPoolUntil: at("until"), TagDueAt: at("due"),
			TagClaimedAt: at("claimed"), TagSuspectSince: at("suspect"),
			TagRunnerID: rapid.SampledFrom([]string{"", "1", "2"}).Draw(t, "runner id"),
		},
		ClientToken: Identity{Run: Run{Repository: ourRepository, ID: "1"}, Scope: ourScope,
			Nonce: "noncenon"}.clientToken("", 0, 0, 0),
	}
	if rapid.Bool().Draw(t, "unstarted") {
		i.Tags[TagClaimedFrom] = stamp(i.LaunchTime)
	}
	if i.Tags[TagMode] == instanceOfStart {
		i.Tags[TagRunnerName] = entryName(i.ID)
	}
	return i
}

// TestNoEntryIsWronglyEnded: a machine at work, or claimed and running with its runner online, is never touched, nor
// one of another scope or repository, nor a young claim; and whatever is freed stood still and was never started.
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
			r = github.Runner{ID: int64(rapid.IntRange(1, 2).Draw(t, "id")), Name: entryName(i.ID), Online: rapid.Bool().Draw(t,
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
	for range 30 { // of a hundred draws each: what is to be shown is rare
		rapid.Check(t, check)
	}
	for _, act := range []Act{Terminated, Freed, Marked, Unmarked} {
		if ended[act] == 0 {
			t.Errorf("nothing was %s, so nothing was shown", act)
		}
	}
}

func checkEntryVerdict(t *rapid.T, s *survey, i ec2.Instance, r github.Runner, v verdict) {
	entry := i.Tags[TagMode] == instanceOfPool
	claimed := timeTag(i, TagClaimedAt)
	since := timeTag(i, TagSuspectSince)
	switch {
	case i.Tags[TagScope] != ourScope || i.Tags[TagRepository] != ourRepository:
		t.Fatalf("it is another's, and it is %s", v.act)
	case i.State == ec2.Terminated:
		t.Fatalf("it has ended, and it is %s", v.act)
	case s.now.Sub(i.LaunchTime) < s.grace:
		t.Fatalf("it is young, and it is %s", v.act)
	case r.Busy:
		t.Fatalf("its runner is busy, and it is %s", v.act)
	case entry && r.Online && v.act != Unmarked:
		t.Fatalf("its runner is online, and it is %s", v.act)
	case entry && !s.listed && i.State != ec2.Stopped:
		t.Fatalf("what it does cannot be seen, and it is %s", v.act)
	case isUnstarted(i) && (claimed.IsZero() || s.now.Sub(claimed) < s.grace):
		t.Fatalf("it may be being claimed, and it is %s", v.act)
	case v.act == Freed && i.State != ec2.Stopped:
		t.Fatalf("it is %s, and it is freed", i.State)
	case v.act == Freed && !entry && i.Tags[TagClaimedFrom] != stamp(i.LaunchTime):
		t.Fatal("it was at work since its claim, and it is freed")
	case v.act == Freed && entry && (since.IsZero() || s.now.Sub(since) < s.grace || runnerIDOf(i) != r.ID):
		t.Fatal("its registration was not seen twice, and it is freed")
	case v.act == Terminated && entry && !s.isOverdue(i) && (timeTag(i, TagExpiresAt).IsZero() ||
		s.now.Before(timeTag(i, TagExpiresAt))):
		t.Fatalf("nothing says that its time is over, and it is ended: %s", v.why)
	}
}

// TestAnUnstartedClaimIsFreed is the other half.
func TestAnUnstartedClaimIsFreed(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		i := anyEntry(t)
		i.State, i.LaunchTime = ec2.Stopped, surveyed.Add(-2*time.Hour)
		i.Tags[TagMode], i.Tags[TagScope], i.Tags[TagRepository], i.Tags[TagPoolUntil] = instanceOfStart, ourScope,
			ourRepository, stamp(surveyed.Add(time.Hour))
		i.Tags[TagClaimedFrom], i.Tags[TagClaimedAt] = stamp(i.LaunchTime), stamp(surveyed.Add(-time.Hour))
		s := &survey{now: surveyed, grace: 10 * time.Minute, scope: ourScope, repository: ourRepository, whole: true,
			listed: true, instances: []ec2.Instance{i}}
		s.runs = map[string]runState{i.Tags[TagRunID]: rapid.SampledFrom([]runState{runUnknown, runGoesOn, runOver}).Draw(t,
			"run state")}
		if !slices.ContainsFunc(s.verdicts(), func(v verdict) bool { return v.act == Freed }) {
			t.Fatalf("it is not freed: %+v", s.verdicts())
		}
	})
}
