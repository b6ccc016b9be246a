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

// TestPollsRefused: where each session is lost at its first poll, GitHub is asked less and less often.
func TestPollsRefused(t *testing.T) {
	for name, fault := range map[string]simulator.Fault{
		"forbidden":     refusing("GetMessage", http.StatusForbidden, ""),
		"unknown token": refusing("GetMessage", http.StatusUnauthorized, ""),
		"expired":       refusing("GetMessage", 0, "RunnerScaleSetSessionExpiredException"),
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, simulator.Config{}, []config.Set{aSet("ec2-amd64", 3)}, func(s *stage) {
				s.world.AddFault(fault)
				p := s.start("one")
				<-time.After(30 * time.Minute)
				if calls := len(s.world.Calls()); calls > 600 {
					t.Errorf("%d calls in half an hour, %d sessions", calls, len(s.calls("CreateMessageSession")))
				}
				s.world.ClearFaults()
				s.queue("ec2-amd64", 1, simulator.ScaleSetJob{})
				s.until("done", 9*time.Minute, s.allDone)
				p.end()
			})
		})
	}
}

// TestNotAcknowledged: a message that cannot be acknowledged comes again and again, but neither in a flood of calls nor
// as new jobs.
func TestNotAcknowledged(t *testing.T) {
	world := simulator.Config{ScaleSets: simulator.ScaleSets{Redelivers: true}}
	inBubble(t, world, []config.Set{aSet("ec2-amd64", 5)}, func(s *stage) {
		p := s.start("one")
		s.listening(p, 1)
		s.world.AddFault(refusing("DeleteMessage", http.StatusForbidden, ""))
		s.queue("ec2-amd64", 2, simulator.ScaleSetJob{Duration: 4 * time.Minute})
		before := len(s.world.Calls())
		s.runs(2)
		<-time.After(2 * time.Minute)
		if calls := len(s.world.Calls()) - before; calls > 150 {
			t.Errorf("%d calls in two minutes or so", calls)
		}
		if completed := len(p.log.with("job started")); completed > 2 {
			t.Errorf("two jobs started %d times", completed)
		}
		s.world.ClearFaults()
		s.until("done", 10*time.Minute, s.allDone)
		s.nothingLeft(3 * time.Minute)
		if launches := len(s.calls("RunInstances")); launches != 2 {
			t.Errorf("%d launches for 2 jobs", launches)
		}
	})
}

// TestEmptyPolls: polls that are answered at once, without a message, are no flood.
func TestEmptyPolls(t *testing.T) {
	inBubble(t, simulator.Config{}, []config.Set{aSet("ec2-amd64", 5)}, func(s *stage) {
		p := s.start("one")
		s.listening(p, 1)
		s.world.AddFault(refusing("GetMessage", http.StatusAccepted, ""))
		before := len(s.world.Calls())
		<-time.After(10 * time.Minute)
		if calls := len(s.world.Calls()) - before; calls > 100 {
			t.Errorf("%d calls in ten minutes", calls)
		}
	})
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

// TestNotAcquired: jobs whose acquisition failed are acquired when their message comes again.
func TestNotAcquired(t *testing.T) {
	for name, status := range map[string]int{"away": http.StatusBadGateway, "denied": http.StatusForbidden} {
		t.Run(name, func(t *testing.T) {
			world := simulator.Config{ScaleSets: simulator.ScaleSets{Acquire: true}}
			inBubble(t, world, []config.Set{aSet("ec2-amd64", 5)}, func(s *stage) {
				p := s.start("one")
				s.listening(p, 1)
				f := refusing("AcquireJobs", status, "")
				f.Times = 6
				s.world.AddFault(f)
				s.queue("ec2-amd64", 2, simulator.ScaleSetJob{})
				s.until("done", 5*time.Minute, s.allDone)
				s.nothingLeft(2 * time.Minute)
			})
		})
	}
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
