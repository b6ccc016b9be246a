package serve_test

import (
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
