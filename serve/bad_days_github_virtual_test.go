package serve_test

import (
	"strings"
	"testing"
	"time"

	"github.com/marqo-ai/ec2-github-runner/serve/config"
	"github.com/marqo-ai/ec2-github-runner/test/simulator"
)

// TestSetDeleted: a set that somebody deletes under the session is made anew.
func TestSetDeleted(t *testing.T) {
	inBubble(t, simulator.Config{}, []config.Set{aSet("ec2-amd64", 10)}, func(s *stage) {
		p := s.start("one")
		s.listening(p, 1)
		s.world.DeleteScaleSet("ec2-amd64")
		s.until("made anew", 2*time.Minute, func() bool { return len(p.log.with("listening")) == 2 })
		s.queue("ec2-amd64", 1, simulator.ScaleSetJob{})
		s.until("done", 3*time.Minute, s.allDone)
		s.nothingLeft(2 * time.Minute)
	})
}

// TestSessionDropped: a session that GitHub ends is taken anew, and nothing is doubled.
func TestSessionDropped(t *testing.T) {
	inBubble(t, simulator.Config{}, []config.Set{aSet("ec2-amd64", 10)}, func(s *stage) {
		p := s.start("one")
		s.listening(p, 1)
		s.queue("ec2-amd64", 3, simulator.ScaleSetJob{Duration: time.Minute})
		<-time.After(5 * time.Second)
		s.world.DropSession("ec2-amd64")
		s.world.ExpireQueueToken("ec2-amd64")
		s.until("done", 5*time.Minute, s.allDone)
		s.nothingLeft(2 * time.Minute)
		if launches := len(s.calls("RunInstances")); launches != 3 {
			t.Errorf("%d launches for 3 jobs", launches)
		}
	})
}

// TestTokensExpire: hours with tokens that live one hour are served without a gap.
func TestTokensExpire(t *testing.T) {
	inBubble(t, simulator.Config{}, []config.Set{aSet("ec2-amd64", 10)}, func(s *stage) {
		p := s.start("one")
		s.listening(p, 1)
		for range 3 {
			<-time.After(140 * time.Minute)
			s.queue("ec2-amd64", 1, simulator.ScaleSetJob{})
			s.until("done", 4*time.Minute, s.allDone)
		}
		s.nothingLeft(2 * time.Minute)
		if lost := len(p.log.with("the session is lost")); lost > 0 {
			t.Errorf("the session was lost %d times", lost)
		}
	})
}

// TestNoScaleSets: a server without scale sets is named as one, and asked again every five minutes only.
func TestNoScaleSets(t *testing.T) {
	for _, missing := range []string{"registration", "endpoint"} {
		t.Run(missing, func(t *testing.T) {
			world := simulator.Config{ScaleSets: simulator.ScaleSets{Missing: missing}}
			inBubble(t, world, []config.Set{aSet("ec2-amd64", 10)}, func(s *stage) {
				p := s.start("one")
				<-time.After(7 * time.Minute)
				said := p.log.with("not served: GitHub refuses")
				if len(said) != 2 || !strings.Contains(said[0]["hint"].(string), "no runner scale sets") {
					t.Errorf("said %v", said)
				}
			})
		})
	}
}

// TestLabels: labels that GitHub refuses stop the set; those that it drops in silence are named.
func TestLabels(t *testing.T) {
	set := aSet("ec2-amd64", 10)
	set.Labels = []string{"ec2-amd64", "gpu"}
	t.Run("refused", func(t *testing.T) {
		world := simulator.Config{ScaleSets: simulator.ScaleSets{RefusedLabels: []string{"gpu"}}}
		inBubble(t, world, []config.Set{set}, func(s *stage) {
			p := s.start("one")
			<-time.After(time.Minute)
			if said := p.log.with("not served: GitHub refuses"); len(said) != 1 {
				t.Errorf("said %v", said)
			}
		})
	})
	t.Run("dropped", func(t *testing.T) {
		world := simulator.Config{ScaleSets: simulator.ScaleSets{OneLabel: true}}
		inBubble(t, world, []config.Set{set}, func(s *stage) {
			p := s.start("one")
			s.listening(p, 1)
			said := p.log.with("GitHub has dropped labels of the scale set, so no job with them comes here")
			if len(said) != 1 || len(said[0]["labels"].([]any)) != 1 {
				t.Errorf("said %v", said)
			}
		})
	})
}

// TestAcquire: a server that waits for its jobs to be acquired gets that.
func TestAcquire(t *testing.T) {
	world := simulator.Config{ScaleSets: simulator.ScaleSets{Acquire: true}}
	inBubble(t, world, []config.Set{aSet("ec2-amd64", 10)}, func(s *stage) {
		p := s.start("one")
		s.listening(p, 1)
		s.queue("ec2-amd64", 3, simulator.ScaleSetJob{})
		s.until("done", 5*time.Minute, s.allDone)
		s.nothingLeft(2 * time.Minute)
	})
}

// TestLateStatistics: a count that is older than its message forgets no job, and launches nothing for one that is over.
func TestLateStatistics(t *testing.T) {
	world := simulator.Config{ScaleSets: simulator.ScaleSets{StatisticsDelay: 2 * time.Second}}
	inBubble(t, world, []config.Set{aSet("ec2-amd64", 5)}, func(s *stage) {
		p := s.start("one")
		s.listening(p, 1)
		for n := 1; n <= 3; n++ {
			s.queue("ec2-amd64", 1, simulator.ScaleSetJob{})
			s.until("launched", 10*time.Second, func() bool { return len(s.calls("RunInstances")) == n })
			<-time.After(10 * time.Minute)
		}
		s.nothingLeft(time.Second)
		if launched := len(s.calls("RunInstances")); launched != 3 || !s.allDone() {
			t.Errorf("%d launches for 3 jobs, which are %v", launched, s.states())
		}
	})
}

// TestTokensRevoked: tokens that GitHub knows no more before their time are replaced, without a gap.
func TestTokensRevoked(t *testing.T) {
	inBubble(t, simulator.Config{}, []config.Set{aSet("ec2-amd64", 5)}, func(s *stage) {
		p := s.start("one")
		s.listening(p, 1)
		for n := 1; n <= 3; n++ {
			s.world.RevokeScaleSetTokens()
			if n == 3 {
				s.world.ExpireQueueToken("ec2-amd64")
			}
			s.queue("ec2-amd64", 1, simulator.ScaleSetJob{})
			s.until("launched", 10*time.Second, func() bool { return len(s.calls("RunInstances")) == n })
			s.until("done", 2*time.Minute, s.allDone)
		}
		p.end()
		if listening := len(p.log.with("listening")); listening != 1 || s.world.ScaleSets()[0].Owner != "" {
			t.Errorf("%d sessions, and the last is left to %q", listening, s.world.ScaleSets()[0].Owner)
		}
	})
}

// TestGitHubAway: a session outlives minutes without an answer from GitHub. A new one would be refused until the old
// one lapses.
func TestGitHubAway(t *testing.T) {
	inBubble(t, simulator.Config{}, []config.Set{aSet("ec2-amd64", 5)}, func(s *stage) {
		p := s.start("one")
		s.listening(p, 1)
		s.world.AddFault(simulator.Fault{Match: simulator.Match{Service: "actions"}, Effect: simulator.EffectError,
			Status: 503})
		<-time.After(5 * time.Minute)
		s.world.ClearFaults()
		s.queue("ec2-amd64", 1, simulator.ScaleSetJob{})
		s.until("launched", 45*time.Second, func() bool { return len(s.calls("RunInstances")) == 1 })
		s.until("done", 2*time.Minute, s.allDone)
		if listening := len(p.log.with("listening")); listening != 1 {
			t.Errorf("%d sessions", listening)
		}
	})
}
