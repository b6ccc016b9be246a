package serve_test

import (
	"testing"
	"time"

	"github.com/marqo-ai/ec2-github-runner/serve/config"
	"github.com/marqo-ai/ec2-github-runner/serve/status"
	"github.com/marqo-ai/ec2-github-runner/test/simulator"
)

// TestSetRemovedThatIsGone: a set is deleted on GitHub's pages and then taken out of the file. Nobody can listen to it,
// so its machines end, stopped ones too, and it is left without an error every five minutes.
func TestSetRemovedThatIsGone(t *testing.T) {
	for _, order := range []string{"deleted first", "taken out first"} {
		t.Run(order, func(t *testing.T) {
			inBubble(t, simulator.Config{}, []config.Set{ready(), aSet("stays", 1)}, func(s *stage) {
				p := s.start("one")
				s.until("ready", 15*time.Minute, func() bool {
					shown := p.shown("ec2-amd64")
					return count(shown, status.Idle) == 2 && count(shown, status.Stopped) == 2
				})
				if order == "taken out first" {
					s.reload(p, aSet("stays", 1))
				}
				s.world.DeleteScaleSet("ec2-amd64")
				if order == "deleted first" {
					s.reload(p, aSet("stays", 1))
				}
				s.until("left", 5*time.Minute, func() bool { return p.shown("ec2-amd64").Name == "" })
				s.nothingLeft(time.Minute)
				if said := p.log.with("not served: GitHub refuses"); len(said) > 0 {
					t.Errorf("said %v", said)
				}
			})
		})
	}
}
