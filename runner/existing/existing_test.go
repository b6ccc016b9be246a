package existing

import (
	"testing"
	"time"

	"github.com/marqo-ai/ec2-github-runner/ec2"
	"github.com/marqo-ai/ec2-github-runner/runner/tags"
	"github.com/marqo-ai/ec2-github-runner/runner/tags/key"
)

// TestHolder: which machines a start may adopt. A machine that belongs to somebody else, or may, is not adopted.
func TestHolder(t *testing.T) {
	now := time.Date(2026, 11, 25, 12, 0, 0, 0, time.UTC)
	later, earlier := now.Add(time.Minute).Format(time.RFC3339), now.Add(-time.Minute).Format(time.RFC3339)
	id := tags.Identity{Run: tags.Run{Repository: "o/r", ID: "7", Attempt: "2"}, Scope: "o/r", Nonce: "mine"}
	for _, c := range []struct {
		name  string
		state string
		tags  map[string]string
		free  bool
		asks  string
	}{
		{"never used, stopped", ec2.Stopped, map[string]string{"Role": "gpu"}, true, ""},
		{"never used, running", ec2.Running, nil, true, ""},
		{"ours", ec2.Running, used(key.Nonce, "mine"), true, ""},
		{"launched by a start", ec2.Running, used(key.Mode, "start"), false, ""},
		{"a pool entry", ec2.Stopped, used(key.Mode, "pool"), false, ""},
		{"given back", ec2.Stopped, used(), true, ""},
		{"given back a moment ago", ec2.Stopping, used(key.DueAt, later), true, ""},
		{"about to be started", ec2.Stopped, used(key.DueAt, later), false, "6"},
		{"about to be started, long ago", ec2.Stopped, used(key.DueAt, earlier), true, ""},
		{"another repository's, given back", ec2.Stopped, used(key.Repository, "o/x"), true, ""},
		{"another repository's", ec2.Running, used(key.Repository, "o/x"), false, ""},
		{"another scope's", ec2.Running, used(key.Scope, "o"), false, ""},
		{"left by a run", ec2.Running, used(), false, "6"},
		{"of an earlier attempt", ec2.Running, used(key.RunID, "7"), true, ""},
		{"of another leg", ec2.Running, used(key.RunID, "7", key.RunAttempt, "2"), false, ""},
		{"always on", ec2.Running, used(key.Found, tags.FoundRunning), true, ""},
		{"always on, being adopted", ec2.Running, used(key.Found, tags.FoundRunning, key.DueAt, later), false, "6"},
	} {
		words, run := holder(ec2.Instance{ID: "i", State: c.state, Tags: c.tags}, id, now)
		if (words == "") != c.free || run != c.asks {
			t.Errorf("%s: got %q and run %q, want free %t and run %q", c.name, words, run, c.free, c.asks)
		}
	}
}

// used returns the tags of a machine that run 6 has started, with some of them replaced.
func used(changes ...string) map[string]string {
	tags := map[string]string{
		key.Scope: "o/r", key.Repository: "o/r", key.Mode: tags.ModeExisting, key.RunID: "6", key.RunAttempt: "1",
		key.Nonce: "other", key.Found: tags.FoundStopped, key.DueAt: "",
	}
	for i := 0; i+1 < len(changes); i += 2 {
		tags[changes[i]] = changes[i+1]
	}
	return tags
}

// TestIsStartedByUs decides by EC2's launch time; if that was never recorded, by the start's deadline.
func TestIsStartedByUs(t *testing.T) {
	began := time.Date(2026, 11, 25, 12, 0, 0, 0, time.UTC)
	at := func(d time.Duration) string { return began.Add(d).Format(time.RFC3339) }
	for _, c := range []struct {
		name string
		tags map[string]string
		want bool
	}{
		{"noted", used(key.StartedAt, at(0)), true},
		{"recorded, and started since", used(key.StartedAt, at(-time.Hour)), false},
		{"recorded, and running before", used(key.StartedAt, at(0), key.Found, tags.FoundRunning), false},
		{"interrupted before it was recorded", used(key.DueAt, at(time.Minute)), true},
		{"interrupted, and started after its deadline", used(key.DueAt, at(-time.Minute)), false},
		{"given back, and started since", used(), false},
		{"never adopted", nil, false},
	} {
		if got := tags.Of(ec2.Instance{LaunchTime: began.Add(200 * time.Millisecond),
			Tags: c.tags}).IsStartedByUs(); got != c.want {
			t.Errorf("%s: got %t", c.name, got)
		}
	}
}
