package existing

import (
	"testing"
	"time"

	"github.com/marqo-ai/ec2-github-runner/ec2"
	"github.com/marqo-ai/ec2-github-runner/runner/tags"
)

// TestHolder: who may take a machine. What is somebody else's, and what cannot be told, is not taken.
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
		{"ours", ec2.Running, used(tags.Nonce, "mine"), true, ""},
		{"launched by a start", ec2.Running, used(tags.Mode, "start"), false, ""},
		{"a warm one", ec2.Stopped, used(tags.Mode, "pool"), false, ""},
		{"given back", ec2.Stopped, used(), true, ""},
		{"given back a moment ago", ec2.Stopping, used(tags.DueAt, later), true, ""},
		{"about to be started", ec2.Stopped, used(tags.DueAt, later), false, "6"},
		{"about to be started long ago", ec2.Stopped, used(tags.DueAt, earlier), true, ""},
		{"another repository's, given back", ec2.Stopped, used(tags.Repository, "o/x"), true, ""},
		{"another repository's", ec2.Running, used(tags.Repository, "o/x"), false, ""},
		{"another scope's", ec2.Running, used(tags.Scope, "o"), false, ""},
		{"left by a run", ec2.Running, used(), false, "6"},
		{"of an earlier attempt", ec2.Running, used(tags.RunID, "7"), true, ""},
		{"of another leg", ec2.Running, used(tags.RunID, "7", tags.RunAttempt, "2"), false, ""},
		{"always on", ec2.Running, used(tags.Found, tags.FoundRunning), true, ""},
		{"always on, being taken", ec2.Running, used(tags.Found, tags.FoundRunning, tags.DueAt, later), false, "6"},
	} {
		words, run := holder(ec2.Instance{ID: "i", State: c.state, Tags: c.tags}, id, now)
		if (words == "") != c.free || run != c.asks {
			t.Errorf("%s: got %q and run %q, want free %t and run %q", c.name, words, run, c.free, c.asks)
		}
	}
}

// used are the tags of a machine that run 6 has started, with others in their place.
func used(changes ...string) map[string]string {
	tags := map[string]string{
		tags.Scope: "o/r", tags.Repository: "o/r", tags.Mode: tags.ModeExisting, tags.RunID: "6", tags.RunAttempt: "1",
		tags.Nonce: "other", tags.Found: tags.FoundStopped, tags.DueAt: "",
	}
	for i := 0; i+1 < len(changes); i += 2 {
		tags[changes[i]] = changes[i+1]
	}
	return tags
}

// TestIsStartedByUs: by the time that EC2 tells; where that was never noted, by the time that the start had.
func TestIsStartedByUs(t *testing.T) {
	began := time.Date(2026, 11, 25, 12, 0, 0, 0, time.UTC)
	at := func(d time.Duration) string { return began.Add(d).Format(time.RFC3339) }
	for _, c := range []struct {
		name string
		tags map[string]string
		want bool
	}{
		{"noted", used(tags.StartedAt, at(0)), true},
		{"noted, and started since", used(tags.StartedAt, at(-time.Hour)), false},
		{"noted, and it ran before", used(tags.StartedAt, at(0), tags.Found, tags.FoundRunning), false},
		{"cut off before it was noted", used(tags.DueAt, at(time.Minute)), true},
		{"cut off, and started after its time", used(tags.DueAt, at(-time.Minute)), false},
		{"given back, and started since", used(), false},
		{"never taken", nil, false},
	} {
		if got := tags.IsStartedByUs(ec2.Instance{LaunchTime: began.Add(200 * time.Millisecond),
			Tags: c.tags}); got != c.want {
			t.Errorf("%s: got %t", c.name, got)
		}
	}
}
