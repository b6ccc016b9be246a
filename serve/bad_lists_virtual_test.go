package serve_test

import (
	"testing"
	"time"

	"github.com/marqo-ai/ec2-github-runner/serve/config"
	"github.com/marqo-ai/ec2-github-runner/test/simulator"
)

// runs waits until so many jobs run.
func (s *stage) runs(count int) {
	s.t.Helper()
	s.until("jobs run", 5*time.Minute, func() bool { return s.states()["running"] == count })
}

// notEnded fails where a machine was terminated.
func (s *stage) notEnded() {
	s.t.Helper()
	if ended := len(s.calls("TerminateInstances")); ended > 0 {
		s.t.Errorf("%d machines were terminated", ended)
	}
}

// TestCompletedEarly: a machine whose job GitHub calls completed is not ended while the list of runners says that it
// is at work.
func TestCompletedEarly(t *testing.T) {
	inBubble(t, simulator.Config{}, []config.Set{aSet("ec2-amd64", 3)}, func(s *stage) {
		p := s.start("one")
		s.listening(p, 1)
		id := s.world.QueueScaleSetJob("ec2-amd64", simulator.ScaleSetJob{Duration: 10 * time.Minute})
		s.runs(1)
		<-time.After(time.Minute)
		if !s.world.CompleteEarly(id) {
			t.Fatal("the job does not run")
		}
		s.until("done", 15*time.Minute, s.allDone)
		s.notEnded()
		if spared := len(p.log.with("runner spared: GitHub says that a job runs on it")); spared > 1 {
			t.Errorf("GitHub was asked %d times to remove a runner that it lists as busy", spared)
		}
		s.nothingLeft(5 * time.Minute)
	})
}
