package serve_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/marqo-ai/ec2-github-runner/serve/config"
	"github.com/marqo-ai/ec2-github-runner/test/simulator"
)

func refusing(operation string, status int, code string) simulator.Fault {
	return simulator.Fault{Match: simulator.Match{Operation: operation}, Effect: simulator.EffectError, Status: status,
		Code: code}
}

// TestUnknownMessage: a message of a type that is not known is passed over, and jobs go on.
func TestUnknownMessage(t *testing.T) {
	world := simulator.Config{ScaleSets: simulator.ScaleSets{Redelivers: true}}
	inBubble(t, world, []config.Set{aSet("ec2-amd64", 5)}, func(s *stage) {
		p := s.start("one")
		s.listening(p, 1)
		s.world.PushMessage("ec2-amd64", "RunnerScaleSetMaintenance")
		s.queue("ec2-amd64", 1, simulator.ScaleSetJob{})
		s.until("done", 3*time.Minute, s.allDone)
		<-time.After(2 * time.Second)
		if unread := s.world.ScaleSets()[0].Unacknowledged; len(unread) > 0 {
			t.Errorf("messages %v were not acknowledged", unread)
		}
	})
}

// TestNoQueueAfterRenewal: a session whose renewed token comes without the address of its queue is replaced.
func TestNoQueueAfterRenewal(t *testing.T) {
	inBubble(t, simulator.Config{}, []config.Set{aSet("ec2-amd64", 5)}, func(s *stage) {
		p := s.start("one")
		s.listening(p, 1)
		s.world.AddFault(simulator.Fault{Match: simulator.Match{Operation: "RefreshMessageSession"}, Times: 1,
			Effect: simulator.EffectErrorAfter, Code: "no-queue-url"})
		s.world.ExpireQueueToken("ec2-amd64")
		<-time.After(time.Minute)
		s.queue("ec2-amd64", 1, simulator.ScaleSetJob{})
		s.until("launched", 10*time.Second, func() bool { return len(s.calls("RunInstances")) == 1 })
		s.until("done", 2*time.Minute, s.allDone)
	})
}

// TestNoStatistics: a session that begins without statistics does not forget the jobs that wait.
func TestNoStatistics(t *testing.T) {
	world := simulator.Config{ScaleSets: simulator.ScaleSets{SessionLapse: 20 * time.Second}}
	inBubble(t, world, []config.Set{aSet("ec2-amd64", 5)}, func(s *stage) {
		p := s.start("one")
		s.listening(p, 1)
		s.world.AddFault(refusing("GenerateJitRunnerConfig", http.StatusBadGateway, ""))
		s.queue("ec2-amd64", 1, simulator.ScaleSetJob{})
		<-time.After(4 * time.Second) // the message is acknowledged
		p.kill()
		s.world.ClearFaults()
		s.world.AddFault(simulator.Fault{Match: simulator.Match{Operation: "CreateMessageSession"}, Nth: 1,
			Effect: simulator.EffectErrorAfter, Code: "no-statistics"})
		p = s.start("two")
		s.until("listening", 4*time.Minute, func() bool { return len(p.log.with("listening")) == 1 })
		s.until("launched", 30*time.Second, func() bool { return len(s.calls("RunInstances")) == 1 })
		s.until("done", 3*time.Minute, s.allDone)
	})
}
