package serve_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/marqo-ai/ec2-github-runner/serve/config"
	"github.com/marqo-ai/ec2-github-runner/test/simulator"
)

// TestUpgrade is an upgrade in a storm, as docs/scale-sets.md describes it: the old server is killed and started again,
// a new one stands by, and the old one is told to end. Whenever that happens, every job is done, and by one machine.
func TestUpgrade(t *testing.T) {
	for at := 5 * time.Second; at <= 125*time.Second; at += 15 * time.Second {
		t.Run(fmt.Sprint("after ", at), func(t *testing.T) {
			world := simulator.Config{ScaleSets: simulator.ScaleSets{SessionLapse: 10 * time.Second}}
			inBubble(t, world, []config.Set{aSet("amd64", 8)}, func(s *stage) { s.upgrade(at) })
		})
	}
}

func (s *stage) upgrade(at time.Duration) {
	old := s.start("old")
	s.listening(old, 1)
	s.queue("amd64", 20, simulator.ScaleSetJob{Duration: 40 * time.Second})
	<-time.After(at)
	old.kill()
	again := s.start("again")
	<-time.After(2 * time.Second)
	upgraded := s.start("upgraded")
	<-time.After(at)
	again.end()
	// Three rounds of eight machines, each of which boots, works and is seen to be over; and two takeovers.
	took := s.until("done", 6*time.Minute, s.allDone)
	s.t.Logf("done %s after the upgrade", took)
	for _, job := range s.world.Jobs() {
		if job.State != "done" {
			s.t.Errorf("job %+v", job)
		}
	}
	if n := len(s.calls("RunInstances")); n != 20 {
		s.t.Errorf("%d launches for 20 jobs", n)
	}
	s.nothingLeft(2 * time.Minute)
	upgraded.end()
}
