package serve_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/marqo-ai/ec2-github-runner/serve/config"
	"github.com/marqo-ai/ec2-github-runner/test/simulator"
)

// TestStandby: a second process for the same file waits, takes over within 10 s of an orderly end, and doubles and
// forgets nothing.
func TestStandby(t *testing.T) {
	sets := []config.Set{aSet("one", 5), aSet("two", 5), aSet("three", 5)}
	inBubble(t, simulator.Config{}, sets, func(s *stage) {
		first := s.start("first")
		s.listening(first, 3)
		second := s.start("second")
		<-time.After(2 * time.Minute)
		if n := len(second.log.with("listening")); n > 0 {
			t.Fatalf("the standby has %d sessions", n)
		}
		for _, set := range sets {
			s.queue(set.Name, 3, simulator.ScaleSetJob{Duration: time.Minute})
		}
		<-time.After(5 * time.Second) // some are launched, some are about to be
		if took := first.end(); took > 5*time.Second {
			t.Errorf("the end took %s", took)
		}
		took := s.until("taken over", time.Minute, func() bool { return len(second.log.with("listening")) == 3 })
		if took > 10*time.Second {
			t.Errorf("taken over after %s", took)
		}
		s.until("done", 5*time.Minute, s.allDone)
		s.nothingLeft(2 * time.Minute)
		if launches := len(s.calls("RunInstances")); launches != 9 {
			t.Errorf("%d launches for 9 jobs", launches)
		}
	})
}

// TestAskedCalmly: while a killed holder's session lasts, the standby asks neither often nor loudly.
func TestAskedCalmly(t *testing.T) {
	world := simulator.Config{ScaleSets: simulator.ScaleSets{SessionLapse: 30 * time.Minute}}
	inBubble(t, world, []config.Set{aSet("one", 5), aSet("two", 5)}, func(s *stage) {
		first := s.start("first")
		s.listening(first, 2)
		first.kill()
		second := s.start("second")
		before := len(s.calls("CreateMessageSession"))
		<-time.After(10 * time.Minute)
		asked := len(s.calls("CreateMessageSession")) - before
		if asked < 100 || asked > 150 { // 600/7 and 600/15
			t.Errorf("asked %d times in ten minutes", asked)
		}
		if said := len(second.log.with("standby: another process holds the session")); said < 2 || said > 4 {
			t.Errorf("said %d times", said)
		}
	})
}

// TestAnotherInstallation: a set whose session another installation holds is not served, where GitHub says so.
func TestAnotherInstallation(t *testing.T) {
	world := simulator.Config{Faults: []simulator.Fault{{
		Match:  simulator.Match{Operation: "CreateMessageSession", Params: map[string]string{"set": "theirs"}},
		Effect: simulator.EffectError, Code: "RunnerScaleSetSessionConflictException",
		Message: "The runner scale set theirs already has an active session for owner arc-7d4.",
	}}}
	inBubble(t, world, []config.Set{aSet("theirs", 5), aSet("ours", 5)}, func(s *stage) {
		p := s.start("one")
		<-time.After(11 * time.Minute)
		said := p.log.with("not served: another installation listens to this set")
		if len(said) != 3 || said[0]["owner"] != "arc-7d4" || said[0]["hint"] == "" {
			t.Errorf("said %v", said)
		}
		if updated := len(s.calls("UpdateRunnerScaleSet")); updated > 0 {
			t.Errorf("another's set was changed %d times", updated)
		}
		s.queue("ours", 1, simulator.ScaleSetJob{})
		s.until("done", 3*time.Minute, s.allDone)
	})
}

// TestMessagesOfThePast: a standby takes over while jobs begin and end within seconds. The messages of what happened
// before come to it, although its session has begun with a count that knows of that. No job waits for it.
func TestMessagesOfThePast(t *testing.T) {
	for _, delay := range []time.Duration{0, 2 * time.Second} {
		for at := time.Second; at <= 4*time.Second; at += 500 * time.Millisecond {
			t.Run(fmt.Sprintf("after %s, statistics late by %s", at, delay), func(t *testing.T) {
				world := simulator.Config{Speed: 10}
				world.ScaleSets.StatisticsDelay = 10 * delay
				inBubble(t, world, []config.Set{aSet("one", 20)}, func(s *stage) { s.takeOver(at, delay > 0) })
			})
		}
	}
}

func (s *stage) takeOver(at time.Duration, isLate bool) {
	first := s.start("first")
	s.listening(first, 1)
	second := s.start("second")
	<-time.After(time.Minute)
	for i := range 12 {
		s.queue("one", 1, simulator.ScaleSetJob{Duration: time.Duration(1+i%3) * 20 * time.Second})
	}
	<-time.After(at)
	first.end()
	s.until("listening", 10*time.Second, func() bool { return len(second.log.with("listening")) == 1 })
	took := s.until("launched", time.Minute, func() bool { return s.machines() >= 12 })
	if took > 12*time.Second { // twelve machines at two a second, after a second look or reading
		s.t.Errorf("jobs waited for %s after the takeover", took)
	}
	s.until("done", 3*time.Minute, s.allDone)
	s.nothingLeft(2 * time.Minute)
	if launched := s.machines(); launched != 12 && !isLate {
		s.t.Errorf("%d machines for 12 jobs", launched)
	}
}

// machines counts what was launched, in the whole life of the world.
func (s *stage) machines() (count int) {
	for _, instance := range s.world.Snapshot().Instances {
		if !instance.Initial {
			count++
		}
	}
	return count
}

// TestKilledWhileLaunching: a registration whose machine was never asked for is not waited for until GitHub takes the
// job back.
func TestKilledWhileLaunching(t *testing.T) {
	for at := 200 * time.Millisecond; at <= 3*time.Second; at += 400 * time.Millisecond {
		t.Run("after "+at.String(), func(t *testing.T) {
			world := simulator.Config{ScaleSets: simulator.ScaleSets{SessionLapse: 10 * time.Second}}
			inBubble(t, world, []config.Set{aSet("one", 10)}, func(s *stage) {
				first := s.start("first")
				s.listening(first, 1)
				s.queue("one", 8, simulator.ScaleSetJob{Duration: time.Minute})
				<-time.After(at)
				first.kill()
				second := s.start("second")
				s.until("listening", 2*time.Minute, func() bool { return len(second.log.with("listening")) == 1 })
				took := s.until("started", 6*time.Minute, func() bool {
					return !slices.ContainsFunc(s.world.Jobs(),
						func(j simulator.JobState) bool { return j.Started.IsZero() })
				})
				if took > 2*time.Minute { // absentTime, a look and a boot
					t.Errorf("jobs waited for %s after the takeover", took)
				}
				s.until("done", 3*time.Minute, s.allDone)
				s.nothingLeft(5 * time.Minute)
			})
		})
	}
}
