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

// TestUnlisted: runners at work that GitHub's list does not show for minutes are not terminated, since their removal
// is refused.
func TestUnlisted(t *testing.T) {
	inBubble(t, simulator.Config{}, []config.Set{aSet("ec2-amd64", 3)}, func(s *stage) {
		p := s.start("one")
		s.listening(p, 1)
		s.queue("ec2-amd64", 3, simulator.ScaleSetJob{Duration: 20 * time.Minute})
		s.runs(3)
		<-time.After(2 * time.Minute)
		s.world.AddFault(simulator.Fault{Match: simulator.Match{Operation: "actions/list-self-hosted-runners-for-repo"},
			Effect: simulator.EffectUnlisted})
		<-time.After(4 * time.Minute)
		s.world.ClearFaults()
		s.until("done", 25*time.Minute, s.allDone)
		s.notEnded()
		s.nothingLeft(5 * time.Minute)
	})
}

// TestLooksIdle: runners at work that GitHub takes for idle are not ended as too much, neither by the process that was
// told of their jobs nor by the next one, which was not.
func TestLooksIdle(t *testing.T) {
	for name, restarted := range map[string]bool{"told": false, "not told": true} {
		t.Run(name, func(t *testing.T) {
			world := simulator.Config{ScaleSets: simulator.ScaleSets{LooksIdle: true}}
			inBubble(t, world, []config.Set{aSet("ec2-amd64", 5)}, func(s *stage) {
				p := s.start("one")
				s.listening(p, 1)
				s.queue("ec2-amd64", 2, simulator.ScaleSetJob{Duration: 30 * time.Minute})
				canceled := s.world.QueueScaleSetJob("ec2-amd64", simulator.ScaleSetJob{Duration: 5 * time.Minute})
				s.runs(2 + 1)
				if restarted {
					p.end()
					p = s.start("two")
					s.listening(p, 1)
				}
				<-time.After(2 * time.Minute)
				s.world.CancelJob(canceled)
				idle := s.world.QueueScaleSetJob("ec2-amd64", simulator.ScaleSetJob{})
				<-time.After(10 * time.Second)
				s.world.CancelJob(idle) // its machine is too much
				s.until("done", 40*time.Minute, func() bool { return s.states()["done"] >= 2 })
				if lost := s.states()["lost"]; lost > 0 {
					s.t.Errorf("%d jobs were cut off", lost)
				}
				s.nothingLeft(5 * time.Minute)
			})
		})
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
