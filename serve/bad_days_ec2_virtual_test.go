package serve_test

import (
	"strings"
	"testing"
	"time"

	"github.com/marqo-ai/ec2-github-runner/machine"
	"github.com/marqo-ai/ec2-github-runner/serve/config"
	"github.com/marqo-ai/ec2-github-runner/test/simulator"
)

// TestNoCapacity: while EC2 has nothing, GitHub is told so, the job waits there, and EC2 is asked less and less often;
// when there is capacity again the job is done.
func TestNoCapacity(t *testing.T) {
	world := simulator.Config{Capacity: []simulator.Pool{{InstanceType: "t3.xlarge"}}}
	inBubble(t, world, []config.Set{aSet("ec2-amd64", 10)}, func(s *stage) {
		p := s.start("one")
		s.listening(p, 1)
		s.queue("ec2-amd64", 3, simulator.ScaleSetJob{})
		<-time.After(30 * time.Minute)
		asked := len(s.calls("RunInstances"))
		if asked < 6 || asked > 16 {
			t.Errorf("EC2 was asked %d times in half an hour", asked)
		}
		if capacity := s.world.ScaleSets()[0].Capacity; capacity != 0 {
			t.Errorf("GitHub was told a capacity of %d", capacity)
		}
		if said := len(p.log.with("EC2 has no capacity, so jobs wait at GitHub")); said != 1 {
			t.Errorf("said %d times", said)
		}
		for _, job := range s.world.Jobs() {
			if job.Assignments > 1 || job.State == "failed" {
				t.Errorf("job %+v was assigned again and again", job)
			}
		}
		s.world.SetCapacity()
		s.until("done", 12*time.Minute, s.allDone)
		s.nothingLeft(6 * time.Minute)
	})
}

// TestNextOffering: a type that EC2 has not is passed over, without a pause.
func TestNextOffering(t *testing.T) {
	set := aSet("ec2-amd64", 10)
	set.Machine.InstanceTypes = []string{"t3.xlarge", "m5.xlarge"}
	world := simulator.Config{Capacity: []simulator.Pool{{InstanceType: "t3.xlarge"}}}
	inBubble(t, world, []config.Set{set}, func(s *stage) {
		p := s.start("one")
		s.listening(p, 1)
		s.queue("ec2-amd64", 2, simulator.ScaleSetJob{})
		s.until("done", 3*time.Minute, s.allDone)
		if held := len(p.log.with("EC2 has no capacity, so jobs wait at GitHub")); held > 0 {
			t.Error("launches were paused")
		}
	})
}

// TestImageGone: a set whose image is gone stops, says so every five minutes, and goes on when it is there again. The
// other set of the file does not notice.
func TestImageGone(t *testing.T) {
	world := simulator.Config{}
	inBubble(t, world, []config.Set{aSet("broken", 10), aSet("sound", 10)}, func(s *stage) {
		p := s.start("one")
		s.listening(p, 2)
		s.world.AddFault(simulator.Fault{Match: simulator.Match{Operation: "RunInstances"}, Times: 2,
			Effect: simulator.EffectError, Status: 400, Code: "InvalidAMIID.NotFound",
			Message: "The image id '[ami-0aaaaaaaaaaaaaaa1]' does not exist"})
		s.queue("broken", 1, simulator.ScaleSetJob{})
		<-time.After(3 * time.Second)
		said := p.log.with("no machine can be launched until this is repaired")
		if len(said) != 1 || !strings.Contains(said[0]["error"].(string), "InvalidAMIID.NotFound") {
			t.Errorf("said %v", said)
		}
		<-time.After(10 * time.Minute)
		s.world.ClearFaults()
		s.queue("sound", 1, simulator.ScaleSetJob{})
		s.until("done", 12*time.Minute, s.allDone)
		s.nothingLeft(6 * time.Minute)
	})
}

// TestSpotTaken: a spot machine that EC2 takes with its job is said and counted, and its registration is removed.
func TestSpotTaken(t *testing.T) {
	set := aSet("ec2-amd64", 10)
	set.Machine.Markets = []string{machine.Spot}
	inBubble(t, simulator.Config{}, []config.Set{set}, func(s *stage) {
		p := s.start("one")
		s.listening(p, 1)
		s.queue("ec2-amd64", 1, simulator.ScaleSetJob{Duration: time.Hour})
		s.until("started", 3*time.Minute, func() bool { return len(p.log.with("job started")) == 1 })
		instances, _ := s.world.Leftovers()
		s.world.EndInstance(instances[0].ID, "Server.SpotInstanceTermination")
		s.until("said", time.Minute, func() bool {
			return len(p.log.with("EC2 took the spot machine with its job")) == 1
		})
		s.nothingLeft(20 * time.Minute)
	})
}

// TestTakesNoJob: a machine that comes online and never takes its job is ended, and another one takes it.
func TestTakesNoJob(t *testing.T) {
	world := simulator.Config{Guests: []simulator.GuestRule{{Nth: 1, Fault: simulator.GuestTakesNoJob}}}
	inBubble(t, world, []config.Set{aSet("ec2-amd64", 10)}, func(s *stage) {
		p := s.start("one")
		s.listening(p, 1)
		s.queue("ec2-amd64", 1, simulator.ScaleSetJob{})
		s.until("done", 15*time.Minute, s.allDone)
		s.nothingLeft(5 * time.Minute)
		if len(p.log.with("runner ended")) != 1 {
			t.Errorf("ended: %v", p.log.with("runner ended"))
		}
	})
}

// TestNeverRegisters: a machine that never comes online is ended after its time, with its registration, and its job
// does not wait for that: another is launched for it, and if that one fails too, a third before GitHub fails the job.
func TestNeverRegisters(t *testing.T) {
	never := func(n int) simulator.GuestRule {
		return simulator.GuestRule{Nth: n, Fault: simulator.GuestNeverRegisters}
	}
	world := simulator.Config{Guests: []simulator.GuestRule{never(1), never(2)}}
	inBubble(t, world, []config.Set{aSet("ec2-amd64", 10)}, func(s *stage) {
		p := s.start("one")
		s.listening(p, 1)
		s.queue("ec2-amd64", 1, simulator.ScaleSetJob{})
		s.until("done", 11*time.Minute, s.allDone)
		if launched := len(p.log.with("machine launched")); launched != 3 {
			t.Errorf("%d machines for one job", launched)
		}
		s.nothingLeft(15 * time.Minute)
	})
}

// TestClockSkew: clocks that differ end nothing and refuse nothing.
func TestClockSkew(t *testing.T) {
	for name, skew := range map[string]time.Duration{"ahead": 4 * time.Minute, "behind": -4 * time.Minute} {
		t.Run(name, func(t *testing.T) {
			world := simulator.Config{ClockSkew: skew, GitHubClock: skew}
			inBubble(t, world, []config.Set{aSet("ec2-amd64", 10)}, func(s *stage) {
				p := s.start("one")
				s.listening(p, 1)
				s.queue("ec2-amd64", 3, simulator.ScaleSetJob{Duration: 10 * time.Minute})
				s.until("done", 15*time.Minute, s.allDone)
				s.nothingLeft(2 * time.Minute)
				if launches := len(s.calls("RunInstances")); launches != 3 {
					t.Errorf("%d launches for 3 jobs", launches)
				}
			})
		})
	}
}

// TestLookFails: while GitHub's list or EC2's cannot be read, nothing is ended.
func TestLookFails(t *testing.T) {
	for _, operation := range []string{"actions/list-self-hosted-runners-for-repo", "DescribeInstances"} {
		t.Run(operation, func(t *testing.T) {
			inBubble(t, simulator.Config{}, []config.Set{aSet("ec2-amd64", 10)}, func(s *stage) {
				p := s.start("one")
				s.listening(p, 1)
				s.queue("ec2-amd64", 2, simulator.ScaleSetJob{Duration: 30 * time.Minute})
				s.until("started", 3*time.Minute, func() bool { return len(p.log.with("job started")) == 2 })
				s.world.AddFault(simulator.Fault{Match: simulator.Match{Operation: operation},
					Effect: simulator.EffectError, Status: 500})
				s.until("done", 40*time.Minute, s.allDone)
				if ended := len(s.calls("TerminateInstances")); ended > 0 {
					t.Errorf("%d machines were ended", ended)
				}
				s.world.ClearFaults()
				s.nothingLeft(5 * time.Minute)
			})
		})
	}
}

// TestInDoubt: where every answer of a launch is lost, no other offering is asked for, since the machine may be there:
// the next look finds it, or nothing.
func TestInDoubt(t *testing.T) {
	for _, effect := range []simulator.Effect{simulator.EffectCutAfter, simulator.EffectCutBefore} {
		t.Run(string(effect), func(t *testing.T) {
			set := aSet("ec2-amd64", 1)
			second := set.Machine.Placements[0]
			second.SubnetID = "subnet-0aaaaaaaaaaaaaaa2"
			set.Machine.Placements = append(set.Machine.Placements, second)
			world := simulator.Config{Faults: []simulator.Fault{{Match: simulator.Match{Operation: "RunInstances"},
				Times: 4, Effect: effect}}}
			inBubble(t, world, []config.Set{set}, func(s *stage) {
				p := s.start("one")
				s.listening(p, 1)
				s.queue("ec2-amd64", 2, simulator.ScaleSetJob{})
				if most, _ := s.peak(s.allDone, 10*time.Minute); most > 1 {
					t.Errorf("%d machines at once", most)
				}
				s.nothingLeft(5 * time.Minute)
			})
		})
	}
}
