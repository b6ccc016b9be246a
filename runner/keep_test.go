package runner

import (
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/marqo-ai/ec2-github-runner/ec2"
	"github.com/marqo-ai/ec2-github-runner/runner/tags"
)

// TestKeptMachinesAreLeftAlone: whatever else is true of a machine that is kept, a sweep does not touch it before its
// time, and judges it as any other afterwards.
func TestKeptMachinesAreLeftAlone(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		now := time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
		left := time.Duration(rapid.IntRange(-3600, 3600).Draw(t, "seconds left")) * time.Second
		i := ec2.Instance{ID: "i-1", State: ec2.Running, LaunchTime: now.Add(-5 * time.Hour), Tags: map[string]string{
			tags.Scope: "o/r", tags.Repository: "o/r", tags.RunID: "1", tags.Mode: tags.ModeStart,
			tags.KeptUntil: now.Add(left).Format(time.RFC3339),
		}}
		if rapid.Bool().Draw(t, "expired") {
			i.Tags[tags.ExpiresAt] = now.Add(-time.Hour).Format(time.RFC3339)
		}
		s := &survey{now: now, grace: 10 * time.Minute, scope: "o/r", repository: "o/r"}
		got := s.judge(i, facts{run: runOver, state: runnerState(rapid.IntRange(int(runnerNone), int(runnerIdle)).Draw(t,
			"runner"))}).act
		want := Terminated
		if left > 0 {
			want = Spared
		}
		if got != want {
			t.Fatalf("with %s left: %s, want %s", left, got, want)
		}
	})
}

// TestAMachineThatMayBeKeptGivesUpFirst: only a machine that has given up before the start does is sure to end by
// itself.
func TestAMachineThatMayBeKeptGivesUpFirst(t *testing.T) {
	none := time.Duration(0)
	for _, c := range []struct {
		name  string
		quiet *time.Duration
		keep  time.Duration
		want  time.Duration
	}{
		{"not kept: later than the start, which counts from running + 30 s", nil, 0, 7*time.Minute + 30*time.Second},
		{"kept", nil, time.Minute, 5 * time.Minute},
		{"kept, without a quiet period", &none, time.Minute, 4*time.Minute + 30*time.Second},
	} {
		r := StartRequest{KeepFailed: c.keep, Waiting: Waiting{Timeout: 5 * time.Minute, QuietPeriod: c.quiet}}
		if got := r.machineGivesUp(); got != c.want {
			t.Errorf("%s: %s, want %s", c.name, got, c.want)
		}
		if c.keep > 0 && r.machineGivesUp() >= r.Waiting.grace()+r.Waiting.Timeout {
			t.Errorf("%s: the machine gives up after the start", c.name)
		}
	}
}
