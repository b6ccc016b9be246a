package serve_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/marqo-ai/ec2-github-runner/serve/config"
	"github.com/marqo-ai/ec2-github-runner/test/simulator"
)

// TestNotInFile: machines of a set that the file does not have are told of once and shown, and stay as they are.
func TestNotInFile(t *testing.T) {
	inBubble(t, simulator.Config{}, []config.Set{ready()}, func(s *stage) {
		s.left()
		p := s.start("two")
		<-time.After(10 * time.Minute)
		said := p.log.with("EC2 has machines of a scale set that is not in the file")
		if len(said) != 1 || said[0]["set"] != "ec2-amd64" || said[0]["machines"] != 4.0 || said[0]["stopped"] != 2.0 ||
			!strings.Contains(fmt.Sprint(said[0]["hint"]), "ec2-github-runner-serve delete SET CONFIG.yml") {
			t.Errorf("said %v", said)
		}
		shown := p.Snapshot().NotInFile
		if len(shown) != 1 || shown[0].Machines != 4 || shown[0].Stopped != 2 ||
			time.Since(shown[0].Oldest) < 10*time.Minute {
			t.Errorf("shown %+v", shown)
		}
		if value, _ := metric(t, p, "machines_not_in_file", map[string]string{"set": "ec2-amd64"}); value != 4 {
			t.Errorf("the metric is %v", value)
		}
		if instances, _ := s.world.Leftovers(); len(instances) != 4 {
			t.Errorf("left: %v", instances)
		}
		s.deleted("ec2-amd64")
		<-time.After(time.Minute)
		if shown := p.Snapshot().NotInFile; len(shown) > 0 {
			t.Errorf("shown %+v", shown)
		}
	})
}
