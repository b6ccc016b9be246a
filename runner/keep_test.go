package runner

import (
	"testing"
	"time"
)

// TestAMachineThatMayBeKeptGivesUpFirst: only a machine that gives up before the start does is certain to terminate
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
