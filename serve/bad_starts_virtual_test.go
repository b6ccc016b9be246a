package serve_test

import (
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/marqo-ai/ec2-github-runner/serve/config"
	"github.com/marqo-ai/ec2-github-runner/test/simulator"
)

// TestMadeUnanswered: a set that GitHub made, and whose answer was lost, is found.
func TestMadeUnanswered(t *testing.T) {
	for _, effect := range []simulator.Effect{simulator.EffectErrorAfter, simulator.EffectCutAfter} {
		t.Run(string(effect), func(t *testing.T) {
			inBubble(t, simulator.Config{}, []config.Set{aSet("ec2-amd64", 5)}, func(s *stage) {
				s.world.AddFault(simulator.Fault{Match: simulator.Match{Operation: "CreateRunnerScaleSet"}, Times: 1,
					Effect: effect, Status: http.StatusBadGateway})
				p := s.start("one")
				s.listening(p, 1)
				if said := p.log.with("not served: GitHub refuses"); len(said) > 0 {
					t.Errorf("said %v", said)
				}
			})
		})
	}
}

// TestTwoStartAtOnce: of two processes that start at the same moment, with sets that GitHub does not have, one listens
// and the other one is its standby.
func TestTwoStartAtOnce(t *testing.T) {
	inBubble(t, simulator.Config{}, []config.Set{aSet("one", 5), aSet("two", 5)}, func(s *stage) {
		first, second := s.start("first"), s.start("second")
		<-time.After(20 * time.Second)
		for _, p := range []*process{first, second} {
			if said := p.log.with("not served: GitHub refuses"); len(said) > 0 {
				t.Errorf("said %v", said)
			}
		}
		if sets := s.world.ScaleSets(); len(sets) != 2 || sets[0].Owner == "" || sets[1].Owner == "" {
			t.Errorf("sets %+v", sets)
		}
		first.end()
		s.queue("one", 1, simulator.ScaleSetJob{})
		s.queue("two", 1, simulator.ScaleSetJob{})
		s.until("launched", 25*time.Second, func() bool { return len(s.calls("RunInstances")) == 2 })
	})
}

// TestSetMadeAnewForStandby: a standby takes over a set that was deleted and made anew while it waited.
func TestSetMadeAnewForStandby(t *testing.T) {
	inBubble(t, simulator.Config{}, []config.Set{aSet("ec2-amd64", 5)}, func(s *stage) {
		first := s.start("first")
		s.listening(first, 1)
		second := s.start("second")
		<-time.After(time.Minute)
		s.world.DeleteScaleSet("ec2-amd64")
		s.until("made anew", 2*time.Minute, func() bool {
			sets := s.world.ScaleSets()
			return len(sets) == 1 && sets[0].Owner != ""
		})
		<-time.After(30 * time.Second)
		holder, other := first, second
		if strings.HasSuffix(s.world.ScaleSets()[0].Owner, "second") { // it was faster
			holder, other = second, first
		}
		if said := other.log.with("not served: GitHub refuses"); len(said) > 0 {
			t.Errorf("said %v", said)
		}
		before := len(other.log.with("listening"))
		holder.end()
		s.until("taken over", 10*time.Second, func() bool { return len(other.log.with("listening")) > before })
	})
}

// TestSecretUnreadable: while the file of the token cannot be read, or is empty, the token that it held serves on.
func TestSecretUnreadable(t *testing.T) {
	for name, spoil := range map[string]func(path string) error{
		"removed": os.Remove,
		"emptied": func(path string) error { return os.Truncate(path, 0) },
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, simulator.Config{}, []config.Set{aSet("ec2-amd64", 5)}, func(s *stage) {
				p := s.start("one")
				s.listening(p, 1)
				if err := spoil(s.file.GitHub.TokenFile); err != nil {
					t.Fatal(err)
				}
				<-time.After(3 * time.Hour)
				s.queue("ec2-amd64", 1, simulator.ScaleSetJob{})
				s.until("done", 3*time.Minute, s.allDone)
				s.nothingLeft(2 * time.Minute)
				if sessions := len(p.log.with("listening")); sessions != 1 {
					t.Errorf("%d sessions", sessions)
				}
				if said := len(p.log.with("the secret cannot be read, so the one before is used")); said == 0 ||
					said > 20 {
					t.Errorf("said %d times", said)
				}
			})
		})
	}
}

// TestLimitAtRenewal: a session outlives that GitHub's hourly limit is used up when its tokens are to be renewed.
func TestLimitAtRenewal(t *testing.T) {
	inBubble(t, simulator.Config{}, []config.Set{aSet("ec2-amd64", 5)}, func(s *stage) {
		p := s.start("one")
		s.listening(p, 1)
		<-time.After(57 * time.Minute)
		s.world.AddFault(simulator.Fault{Match: simulator.Match{Service: "github"}, Effect: simulator.EffectError,
			Status: http.StatusForbidden, Message: "API rate limit exceeded for user ID 1.",
			Header: map[string]string{"x-ratelimit-remaining": "0", "x-ratelimit-reset": "+1200"}})
		<-time.After(9 * time.Minute)
		s.world.ClearFaults()
		s.queue("ec2-amd64", 1, simulator.ScaleSetJob{})
		s.until("done", 5*time.Minute, s.allDone)
		if sessions := len(p.log.with("listening")); sessions != 1 {
			t.Errorf("%d sessions", sessions)
		}
		if said := p.log.with("not served: GitHub refuses"); len(said) > 0 {
			t.Errorf("said %v", said)
		}
	})
}

// TestThrottledStart: a process whose first call AWS throttles does not end.
func TestThrottledStart(t *testing.T) {
	inBubble(t, simulator.Config{}, []config.Set{aSet("ec2-amd64", 5)}, func(s *stage) {
		s.world.AddFault(simulator.Fault{Match: simulator.Match{Operation: "GetCallerIdentity"},
			Effect: simulator.EffectThrottle})
		p := s.start("one")
		<-time.After(time.Minute)
		s.world.ClearFaults()
		s.until("listening", time.Minute, func() bool { return len(p.log.with("listening")) == 1 })
	})
}
