package serve_test

import (
	"testing"
	"time"

	"github.com/marqo-ai/ec2-github-runner/serve/config"
	"github.com/marqo-ai/ec2-github-runner/test/simulator"
)

// TestLateMachine: one that comes online after another was launched in its place is ended when nothing needs it.
func TestLateMachine(t *testing.T) {
	world := simulator.Config{Guests: []simulator.GuestRule{{Nth: 1, Boot: 5 * time.Minute}}}
	inBubble(t, world, []config.Set{aSet("ec2-amd64", 10)}, func(s *stage) {
		p := s.start("one")
		s.listening(p, 1)
		s.queue("ec2-amd64", 1, simulator.ScaleSetJob{Duration: 20 * time.Minute})
		s.until("ended", 9*time.Minute, func() bool { return len(p.log.with("runner ended")) == 1 })
		s.until("done", 25*time.Minute, s.allDone)
		if launched := len(p.log.with("machine launched")); launched != 2 {
			t.Errorf("%d machines for one job", launched)
		}
		s.nothingLeft(2 * time.Minute)
	})
}

// TestSurplus: a machine whose job was canceled while it started is ended, and nothing but that one.
func TestSurplus(t *testing.T) {
	inBubble(t, simulator.Config{}, []config.Set{aSet("ec2-amd64", 10)}, func(s *stage) {
		p := s.start("one")
		s.listening(p, 1)
		id := s.world.QueueScaleSetJob("ec2-amd64", simulator.ScaleSetJob{})
		s.queue("ec2-amd64", 1, simulator.ScaleSetJob{Duration: 20 * time.Minute})
		s.until("launched", 10*time.Second, func() bool { return len(p.log.with("machine launched")) == 2 })
		if !s.world.CancelJob(id) {
			t.Fatal("the job cannot be canceled")
		}
		s.until("ended", 4*time.Minute, func() bool { return len(p.log.with("runner ended")) == 1 })
		s.until("the other is done", 25*time.Minute, func() bool { return s.states()["done"] == 1 })
		s.nothingLeft(2 * time.Minute)
	})
}

// TestMin: idle runners are kept online, and a job takes one at once.
func TestMin(t *testing.T) {
	set := aSet("ec2-amd64", 4)
	set.Min = 2
	inBubble(t, simulator.Config{}, []config.Set{set}, func(s *stage) {
		p := s.start("one")
		s.listening(p, 1)
		idle := func() bool { return s.world.ScaleSets()[0].Idle == 2 }
		s.until("two idle", 2*time.Minute, idle)
		<-time.After(10 * time.Minute)
		if launches := len(s.calls("RunInstances")); launches != 2 || !idle() {
			t.Errorf("%d launches for two idle runners", launches)
		}
		s.queue("ec2-amd64", 1, simulator.ScaleSetJob{})
		started := func() bool { return len(p.log.with("job started")) == 1 }
		if took := s.until("started", 30*time.Second, started); took > 5*time.Second {
			t.Errorf("an idle runner took its job after %s", took)
		}
		s.until("done", time.Minute, s.allDone)
		s.until("two idle again", 2*time.Minute, idle)
	})
}

// TestLikeNames: runners of others whose names are like those of a set are neither counted nor removed.
func TestLikeNames(t *testing.T) {
	world := simulator.Config{Runners: []simulator.RunnerSeed{
		{Name: "ec2-ec2-amd64-abcd1234", Busy: true}, {Name: "ec2-ec2-amd64-abcd1235", Offline: true},
	}}
	inBubble(t, world, []config.Set{aSet("ec2-amd64", 1)}, func(s *stage) {
		s.start("one")
		s.queue("ec2-amd64", 1, simulator.ScaleSetJob{})
		s.until("done", 3*time.Minute, s.allDone)
		<-time.After(10 * time.Minute)
		s.nothingLeft(time.Minute)
	})
}
