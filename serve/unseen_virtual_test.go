package serve_test

import (
	"strings"
	"testing"
	"time"

	"github.com/marqo-ai/ec2-github-runner/serve/config"
	"github.com/marqo-ai/ec2-github-runner/test/simulator"
)

// TestNothingSeenYet: while a process has not seen which machines there are, it launches none, so GitHub must not
// assign jobs to it, which would fail at the third time. They wait at GitHub until EC2 may be looked at.
func TestNothingSeenYet(t *testing.T) {
	world := simulator.Config{Faults: []simulator.Fault{{Match: simulator.Match{Operation: "DescribeInstances"},
		Effect: simulator.EffectError, Status: 403, Code: "UnauthorizedOperation"}}}
	inBubble(t, world, []config.Set{aSet("ec2-amd64", 3)}, func(s *stage) {
		p := s.start("one")
		s.queue("ec2-amd64", 2, simulator.ScaleSetJob{})
		<-time.After(20 * time.Minute)
		if states := s.states(); states["queued"] != 2 {
			t.Errorf("jobs %v", states)
		}
		if shown := p.Snapshot(); !strings.Contains(shown.Unseen, "UnauthorizedOperation") || shown.UnseenHint == "" {
			t.Errorf("shown %q, hint %q", shown.Unseen, shown.UnseenHint)
		}
		s.world.ClearFaults()
		s.until("done", 5*time.Minute, s.allDone)
		s.nothingLeft(2 * time.Minute)
	})
}
