package simulator_test

import (
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/marqo-ai/ec2-github-runner/test/simulator"
)

// TestEvicted: config.sh --replace takes the registration away from whoever has it, online or not, and the machine that
// had it is no runner any more.
func TestEvicted(t *testing.T) {
	for name, second := range map[string]time.Duration{"one after the other": time.Minute, "at once": time.Second} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newStage(t, simulator.Config{}, func(s *stage) string { return machulav(s.token, "abc") })
				first := s.instance().ID
				s.after(second)
				s.World.AttachGuest("i-second", 0, []byte(machulav(s.token, "abc")))
				s.after(40 * time.Second)
				runners := slices.DeleteFunc(s.Snapshot().Runners,
					func(r simulator.Runner) bool { return r.Name != "ec2-abc" })
				if len(runners) != 1 || runners[0].Instance != "i-second" || runners[0].Status != "online" {
					t.Errorf("%s and i-second have %+v, want one, online on i-second", first, runners)
				}
			})
		})
	}
}
