package serve_test

import (
	"testing"
	"time"

	"github.com/marqo-ai/ec2-github-runner/serve/config"
	"github.com/marqo-ai/ec2-github-runner/test/simulator"
)

// TestOneJob takes one job from its queueing to its end: the set is made, a machine launched for the job, and nothing
// is left of either.
func TestOneJob(t *testing.T) {
	inBubble(t, simulator.Config{}, []config.Set{aSet("ec2-amd64", 10)}, func(s *stage) {
		p := s.start("one")
		s.until("listening", 5*time.Second, func() bool { return len(p.log.with("listening")) == 1 })
		<-time.After(20 * time.Second)
		s.queue("ec2-amd64", 1, simulator.ScaleSetJob{Run: 42})
		s.until("launched", 5*time.Second, func() bool { return len(s.calls("RunInstances")) == 1 })
		s.until("done", 3*time.Minute, s.allDone)
		s.nothingLeft(2 * time.Minute)
		if took := p.end(); took > 5*time.Second {
			t.Errorf("the end took %s", took)
		}
		if sets := s.world.ScaleSets(); len(sets) != 1 || sets[0].Owner != "" || !sets[0].DisableUpdate {
			t.Errorf("sets %+v", sets)
		}
		if t.Failed() || testing.Verbose() {
			t.Log(p.log)
		}
	})
}

// TestKilled: a server that is killed while its machines boot leaves nothing doubled, and the next one, which waits
// until GitHub lets the session lapse, forgets nothing.
func TestKilled(t *testing.T) {
	for _, lapse := range []time.Duration{30 * time.Second, 10 * time.Minute} {
		t.Run(lapse.String(), func(t *testing.T) {
			world := simulator.Config{ScaleSets: simulator.ScaleSets{SessionLapse: lapse}}
			inBubble(t, world, []config.Set{aSet("ec2-amd64", 4)}, func(s *stage) {
				p := s.start("one")
				s.until("listening", 5*time.Second, func() bool { return len(p.log.with("listening")) == 1 })
				s.queue("ec2-amd64", 6, simulator.ScaleSetJob{})
				s.until("two launched", 10*time.Second, func() bool { return len(p.log.with("machine launched")) >= 2 })
				p.kill()
				next := s.start("two")
				s.until("listening", lapse+90*time.Second, func() bool { return len(next.log.with("listening")) == 1 })
				if said := next.log.with("standby: another process holds the session"); len(said) == 0 ||
					len(said) > 2 {
					t.Errorf("the standby said %d times that it is one", len(said))
				}
				s.until("done", 5*time.Minute, s.allDone)
				s.nothingLeft(2 * time.Minute)
				if launched := len(s.calls("RunInstances")); launched != 6 {
					t.Errorf("%d launches for 6 jobs", launched)
				}
			})
		})
	}
}
