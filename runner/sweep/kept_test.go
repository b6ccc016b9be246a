package sweep

import (
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/marqo-ai/ec2-github-runner/ec2"
	"github.com/marqo-ai/ec2-github-runner/runner/tags"
	"github.com/marqo-ai/ec2-github-runner/runner/tags/key"
)

// TestKeptMachinesAreLeftAlone: a sweep does not touch a kept machine before its time, and judges it like any other
// afterwards. One that a stop has kept is then terminated even while its run is still going on.
func TestKeptMachinesAreLeftAlone(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		now := time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
		left := time.Duration(rapid.IntRange(-3600, 3600).Draw(t, "seconds left")) * time.Second
		i := ec2.Instance{ID: "i-1", State: ec2.Running, LaunchTime: now.Add(-5 * time.Hour), Tags: map[string]string{
			key.Scope: "o/r", key.Repository: "o/r", key.RunID: "1", key.Mode: tags.ModeStart,
			key.KeptUntil: now.Add(left).Format(time.RFC3339),
		}}
		if rapid.Bool().Draw(t, "expired") {
			i.Tags[key.ExpiresAt] = now.Add(-time.Hour).Format(time.RFC3339)
		}
		s := &survey{now: now, grace: 10 * time.Minute, scope: "o/r", repository: "o/r"}
		run := runOver
		if rapid.Bool().Draw(t, "by a stop") {
			i.Tags[key.KeptFrom] = now.Add(-2 * time.Hour).Format(time.RFC3339)
			run = rapid.SampledFrom([]runState{runOver, runGoesOn, runUnknown}).Draw(t, "run")
		}
		got := s.judge(i, facts{run: run, state: runnerState(rapid.IntRange(int(runnerNone),
			int(runnerIdle)).Draw(t,
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
