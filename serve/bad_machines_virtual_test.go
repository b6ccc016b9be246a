package serve_test

import (
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/marqo-ai/ec2-github-runner/machine"
	"github.com/marqo-ai/ec2-github-runner/serve/config"
	"github.com/marqo-ai/ec2-github-runner/test/simulator"
)

// TestEndsBeforeItIsOnline: machines that end before their runners come online are launched less and less often, which
// is said with the reason. When they work again, so does the set.
func TestEndsBeforeItIsOnline(t *testing.T) {
	for name, rule := range map[string]simulator.GuestRule{
		"key refused": {Fault: simulator.GuestDies, At: 3 * time.Second, Reason: "Client.InternalError"},
		"host fails":  {Fault: simulator.GuestDies, At: 3 * time.Second, Reason: "Server.InternalError"},
		"script":      {Fault: simulator.GuestScriptFails},
	} {
		t.Run(name, func(t *testing.T) {
			rule.Times = 15
			world := simulator.Config{Guests: []simulator.GuestRule{rule}}
			inBubble(t, world, []config.Set{aSet("ec2-amd64", 10)}, func(s *stage) {
				p := s.start("one")
				s.listening(p, 1)
				s.queue("ec2-amd64", 5, simulator.ScaleSetJob{})
				<-time.After(30 * time.Minute)
				if launches := len(s.calls("RunInstances")); launches > 15 {
					t.Errorf("%d launches in half an hour", launches)
				}
				said := p.log.with("machines end before their runners come online, so jobs wait at GitHub")
				if len(said) == 0 || len(said) > 3 || said[0]["hint"] == "" {
					t.Errorf("said %v", said)
				}
				s.until("done", 45*time.Minute, s.allDone)
				s.nothingLeft(5 * time.Minute)
			})
		})
	}
}

// TestLostJob: no machine is launched for the job of a machine that EC2 has ended, which GitHub counts until it gives
// the job up, and idle runners are not taken for stuck meanwhile.
func TestLostJob(t *testing.T) {
	// A runner's lease on its job is ten minutes long: https://github.com/actions/runner/issues/1546
	world := simulator.Config{Timing: simulator.Timing{BusyEnds: 12 * time.Minute}}
	set := aSet("ec2-amd64", 5)
	set.Min, set.Machine.Markets = 1, []string{machine.Spot}
	inBubble(t, world, []config.Set{set}, func(s *stage) {
		p := s.start("one")
		s.listening(p, 1)
		s.queue("ec2-amd64", 1, simulator.ScaleSetJob{Duration: time.Hour})
		s.runs(1)
		<-time.After(3 * time.Minute)
		before := len(s.calls("RunInstances"))
		for _, r := range s.world.Snapshot().Runners {
			if r.Name == s.world.Jobs()[0].Runner {
				s.world.EndInstance(r.Instance, "Server.SpotInstanceTermination")
			}
		}
		<-time.After(20 * time.Minute)
		if launches := len(s.calls("RunInstances")) - before; launches > 0 {
			t.Errorf("%d launches for a job that is lost", launches)
		}
		s.notEnded()
	})
}

// TestCanceledBeforeItsTurn: no machine is launched for a job that is canceled while its launch waits for its turn.
func TestCanceledBeforeItsTurn(t *testing.T) {
	inBubble(t, simulator.Config{}, []config.Set{aSet("ec2-amd64", 100)}, func(s *stage) {
		p := s.start("one")
		s.listening(p, 1)
		var jobs []string
		for range 100 {
			jobs = append(jobs, s.world.QueueScaleSetJob("ec2-amd64", simulator.ScaleSetJob{}))
		}
		<-time.After(5 * time.Second)
		for _, id := range jobs {
			s.world.CancelJob(id)
		}
		<-time.After(6 * time.Minute)
		s.nothingLeft(time.Second)
		if launches := len(s.calls("RunInstances")); launches > 40 {
			t.Errorf("%d launches", launches)
		}
	})
}

// TestWarmNotEnded: a warm machine that could neither be claimed nor ended is not forgotten.
func TestWarmNotEnded(t *testing.T) {
	inBubble(t, simulator.Config{}, []config.Set{warmSet()}, func(s *stage) {
		p := s.start("one")
		s.listening(p, 1)
		s.until("two are warm", 10*time.Minute, func() bool { return s.stopped() == 2 })
		<-time.After(time.Minute)
		s.world.AddFault(refusing("CreateTags", 0, "UnauthorizedOperation"))
		s.world.AddFault(refusing("TerminateInstances", 0, "UnauthorizedOperation"))
		s.queue("ec2-amd64", 2, simulator.ScaleSetJob{})
		s.until("done", 15*time.Minute, s.allDone)
		s.world.ClearFaults()
		<-time.After(20 * time.Minute)
		if instances, _ := s.world.Leftovers(); len(instances) != 2 {
			t.Errorf("%d machines are left, and not two warm ones", len(instances))
		}
	})
}

// twoRegions are two sets in a region each.
func twoRegions() []config.Set {
	there := aSet("there", 20)
	there.Machine.Placements = []machine.Placement{machine.NewPlacement("eu-west-1", "ami-0ccccccccccccccc1",
		"subnet-0ccccccccccccccc1", "sg-0ccccccccccccccc1")}
	return []config.Set{aSet("here", 20), there}
}

// TestRegionAway: a region that does not answer stops the sets that have machines there, and no other one, even if the
// process is started meanwhile.
func TestRegionAway(t *testing.T) {
	for _, effect := range []simulator.Effect{simulator.EffectError, simulator.EffectHang} {
		t.Run(string(effect), func(t *testing.T) {
			inBubble(t, simulator.Config{}, twoRegions(), func(s *stage) {
				s.world.AddFault(simulator.Fault{Match: simulator.Match{Service: "ec2", Region: "eu-west-1"},
					Effect: effect, Status: http.StatusServiceUnavailable})
				p := s.start("one")
				s.listening(p, 2)
				s.queue("there", 20, simulator.ScaleSetJob{})
				<-time.After(10 * time.Second)
				s.queue("here", 1, simulator.ScaleSetJob{})
				s.until("launched", 3*time.Minute, func() bool { return len(p.log.with("machine launched")) == 1 })
				<-time.After(5 * time.Minute)
				s.queue("here", 1, simulator.ScaleSetJob{})
				s.until("launched", 10*time.Second, func() bool { return len(p.log.with("machine launched")) == 2 })
				s.world.ClearFaults()
				s.until("done", 15*time.Minute, s.allDone)
				s.nothingLeft(5 * time.Minute)
			})
		})
	}
}

// TestRegionHangs: launches that get no answer in one region do not keep those in another one waiting.
func TestRegionHangs(t *testing.T) {
	inBubble(t, simulator.Config{}, twoRegions(), func(s *stage) {
		p := s.start("one")
		s.listening(p, 2)
		s.world.AddFault(simulator.Fault{Match: simulator.Match{Operation: "RunInstances", Region: "eu-west-1"},
			Effect: simulator.EffectHang})
		s.queue("there", 20, simulator.ScaleSetJob{})
		<-time.After(10 * time.Second)
		s.queue("here", 1, simulator.ScaleSetJob{})
		s.until("launched", 10*time.Second, func() bool { return len(p.log.with("machine launched")) == 1 })
		s.world.ClearFaults()
		s.until("done", 20*time.Minute, s.allDone)
		s.nothingLeft(15 * time.Minute)
	})
}

// TestHundredSets: a hundred sets that start at once, at a GitHub that has none of them, all listen within a minute,
// ask once for the software that they share, and a job that comes then gets its machine at once.
func TestHundredSets(t *testing.T) {
	var sets []config.Set
	for i := range 100 {
		sets = append(sets, aSet(fmt.Sprintf("set-%02d", i), 5))
	}
	inBubble(t, simulator.Config{}, sets, func(s *stage) {
		p := s.start("one")
		took := s.until("listening", 5*time.Minute, func() bool { return len(p.log.with("listening")) == 100 })
		t.Logf("listening after %s, %d calls, %d throttled", took, len(s.world.Calls()), s.throttled())
		s.queue("set-42", 1, simulator.ScaleSetJob{})
		launched := s.until("launched", time.Minute, func() bool { return len(s.calls("RunInstances")) == 1 })
		t.Logf("launched after %s, %d calls, %d throttled", launched, len(s.world.Calls()), s.throttled())
		if took > time.Minute || launched > 15*time.Second {
			t.Errorf("listening after %s, launched after another %s", took, launched)
		}
		warned := p.log.with("images and types cannot be read")
		if len(warned) > 0 {
			t.Errorf("%d warnings: %v", len(warned), warned[0])
		}
		if asked := len(s.calls("actions/list-runner-applications-for-repo")); asked != 1 {
			t.Errorf("GitHub was asked %d times for the same software", asked)
		}
	})
}

// TestWarmUpEnds: warm machines that end before they are ready are launched less and less often, which is said.
func TestWarmUpEnds(t *testing.T) {
	world := simulator.Config{Guests: []simulator.GuestRule{{Fault: simulator.GuestDies, At: 3 * time.Second,
		Reason: "Client.InternalError", Times: 40}}}
	inBubble(t, world, []config.Set{warmSet()}, func(s *stage) {
		p := s.start("one")
		s.listening(p, 1)
		<-time.After(30 * time.Minute)
		if launches := len(s.calls("RunInstances")); launches > 12 {
			t.Errorf("%d launches in half an hour", launches)
		}
		if said := p.log.with("warm machines end before they are ready"); len(said) != 1 || said[0]["hint"] == "" {
			t.Errorf("said %v", said)
		}
	})
}

// TestManyRunners: the runners of a large organization are not listed so often that it uses up the hourly limit.
func TestManyRunners(t *testing.T) {
	inBubble(t, simulator.Config{ForeignRunners: 3000}, []config.Set{aSet("ec2-amd64", 5)}, func(s *stage) {
		p := s.start("one")
		s.listening(p, 1)
		<-time.After(20 * time.Minute)
		if calls := len(s.calls("actions/list-self-hosted-runners-for-repo")); calls > 320 {
			t.Errorf("%d calls in twenty minutes", calls)
		}
		s.queue("ec2-amd64", 1, simulator.ScaleSetJob{})
		s.until("done", 3*time.Minute, s.allDone)
	})
}

// TestShownLate: machines that EC2 does not show for minutes are neither doubled nor cut off.
func TestShownLate(t *testing.T) {
	world := simulator.Config{Timing: simulator.Timing{InstanceVisible: 3 * time.Minute}}
	inBubble(t, world, []config.Set{aSet("ec2-amd64", 5)}, func(s *stage) {
		p := s.start("one")
		s.listening(p, 1)
		s.queue("ec2-amd64", 3, simulator.ScaleSetJob{Duration: 10 * time.Minute})
		s.until("done", 20*time.Minute, s.allDone)
		if launches := len(s.calls("RunInstances")); launches != 3 {
			t.Errorf("%d launches for 3 jobs", launches)
		}
		s.nothingLeft(5 * time.Minute)
	})
}
