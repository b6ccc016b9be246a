package serve_test

import (
	"testing"
	"time"

	"github.com/marqo-ai/ec2-github-runner/serve/config"
	"github.com/marqo-ai/ec2-github-runner/serve/status"
	"github.com/marqo-ai/ec2-github-runner/test/simulator"
)

// warmSet keeps two warm machines.
func warmSet() config.Set {
	set := aSet("ec2-amd64", 5)
	set.Warm = 2
	return set
}

// stopped counts the stopped machines.
func (s *stage) stopped() (n int) {
	instances, _ := s.world.Leftovers()
	for _, i := range instances {
		if i.State == "stopped" {
			n++
		}
	}
	return n
}

// TestWarm: stopped machines are kept, jobs take them first, they start sooner than cold ones, and are made up for.
func TestWarm(t *testing.T) {
	inBubble(t, simulator.Config{}, []config.Set{warmSet()}, func(s *stage) {
		p := s.start("one")
		s.listening(p, 1)
		s.until("two are warm", 10*time.Minute, func() bool { return s.stopped() == 2 })
		<-time.After(time.Minute) // a look sees them
		s.queue("ec2-amd64", 3, simulator.ScaleSetJob{Duration: time.Minute})
		s.until("two started", time.Minute, func() bool { return len(s.calls("StartInstances")) == 2 })
		s.until("done", 5*time.Minute, s.allDone)
		s.until("two are warm again", 10*time.Minute, func() bool { return s.stopped() == 2 })
		warmTook, coldTook := time.Hour, time.Duration(0)
		for _, job := range s.world.Jobs() {
			took := job.Started.Sub(job.Assigned)
			warmTook, coldTook = min(warmTook, took), max(coldTook, took)
		}
		t.Logf("assigned to started: warm %s, cold %s", warmTook, coldTook)
		if warmTook >= coldTook {
			t.Errorf("assigned to started: warm %s, cold %s", warmTook, coldTook)
		}
		<-time.After(10 * time.Minute)
		instances, runners := s.world.Leftovers()
		if len(instances) != 2 || len(runners) != 0 || s.stopped() != 2 {
			t.Errorf("left: %v, %v", instances, runners)
		}
	})
}

// TestWarmRefused: a warm machine that EC2 does not start is ended, and its job is done by another one.
func TestWarmRefused(t *testing.T) {
	for _, operation := range []string{"StartInstances", "CreateTags", "ModifyInstanceAttribute"} {
		t.Run(operation, func(t *testing.T) {
			inBubble(t, simulator.Config{}, []config.Set{warmSet()}, func(s *stage) {
				p := s.start("one")
				s.listening(p, 1)
				s.until("two are warm", 10*time.Minute, func() bool { return s.stopped() == 2 })
				<-time.After(time.Minute)
				s.world.AddFault(simulator.Fault{Match: simulator.Match{Operation: operation}, Times: 1,
					Effect: simulator.EffectError, Status: 400, Code: "UnauthorizedOperation"})
				s.queue("ec2-amd64", 1, simulator.ScaleSetJob{})
				s.until("done", 5*time.Minute, s.allDone)
				s.until("two are warm again", 10*time.Minute, func() bool { return s.stopped() == 2 })
				<-time.After(7 * time.Minute)
				if instances, runners := s.world.Leftovers(); len(instances) != 2 || len(runners) != 0 {
					t.Errorf("left: %v, %v", instances, runners)
				}
			})
		})
	}
}

// TestWarmKilled: a server that is killed while it claims warm machines leaves none of them behind.
func TestWarmKilled(t *testing.T) {
	for _, operation := range []string{"CreateTags", "ModifyInstanceAttribute", "StartInstances"} {
		t.Run(operation, func(t *testing.T) {
			world := simulator.Config{ScaleSets: simulator.ScaleSets{SessionLapse: 20 * time.Second}}
			inBubble(t, world, []config.Set{warmSet()}, func(s *stage) {
				p := s.start("one")
				s.listening(p, 1)
				s.until("two are warm", 10*time.Minute, func() bool { return s.stopped() == 2 })
				<-time.After(time.Minute)
				s.queue("ec2-amd64", 2, simulator.ScaleSetJob{Duration: time.Minute})
				s.until("the call", time.Minute, func() bool { return len(s.calls(operation)) >= 1 })
				p.kill()
				s.start("two")
				s.until("done", 15*time.Minute, s.allDone)
				s.until("two are warm again", 15*time.Minute, func() bool { return s.stopped() == 2 })
				<-time.After(12 * time.Minute)
				if instances, runners := s.world.Leftovers(); len(instances) != 2 || len(runners) != 0 {
					t.Errorf("left: %v, %v", instances, runners)
				}
			})
		})
	}
}

// TestNoLongerWarm: warm machines that the file does not ask for any more are ended, and so are those of an older
// image.
func TestNoLongerWarm(t *testing.T) {
	inBubble(t, simulator.Config{}, []config.Set{warmSet()}, func(s *stage) {
		p := s.start("one")
		s.listening(p, 1)
		s.until("two are warm", 10*time.Minute, func() bool { return s.stopped() == 2 })
		p.end()
		s.file.Sets[0].Machine.SetupScript = "echo other"
		p = s.start("two")
		s.until("the old ones are ended", 3*time.Minute,
			func() bool { return len(p.log.with("warm machine ended")) == 2 })
		s.until("two others are warm", 10*time.Minute, func() bool { return s.stopped() == 2 })
		p.end()
		s.file.Sets[0].Warm = 0
		s.start("three")
		s.nothingLeft(3 * time.Minute)
	})
}

// TestStandbySparesClaimed: a standby reads the tags of a machine late that the other process has claimed and started.
// It looks to it like a warm machine that is not stopped long after it was launched, and is not ended.
func TestStandbySparesClaimed(t *testing.T) {
	world := simulator.Defaults()
	world.Timing.TagsVisible = 35 * time.Second // a look comes every 30 s
	inBubble(t, world, []config.Set{warmSet()}, func(s *stage) {
		p := s.start("one")
		s.until("two are warm", 10*time.Minute, func() bool { return count(p.shown("ec2-amd64"), status.Stopped) == 2 })
		s.start("two")
		<-time.After(time.Hour)
		s.queue("ec2-amd64", 2, simulator.ScaleSetJob{Duration: 10 * time.Minute})
		s.until("done", 15*time.Minute, s.allDone)
		if ended, launched := len(s.calls("TerminateInstances")), len(s.calls("RunInstances")); ended > 0 {
			t.Errorf("%d calls end machines, %d launch some", ended, launched)
		}
	})
}
