package queue_test

import (
	"context"
	"testing"
	"time"

	"github.com/marqo-ai/ec2-github-runner/serve/queue"
	"github.com/marqo-ai/ec2-github-runner/test/simulator"
)

// TestRetries: what got no answer or a 5xx is tried three times in all, with pauses; a refusal is not repeated.
func TestRetries(t *testing.T) {
	for name, test := range map[string]struct {
		fault simulator.Fault
		calls int
		class queue.Class
	}{
		"502 for ever":    {simulator.Fault{Effect: simulator.EffectError, Status: 502}, 3, queue.Unknown},
		"cut for ever":    {simulator.Fault{Effect: simulator.EffectCutBefore}, 3, queue.Unknown},
		"refused":         {simulator.Fault{Effect: simulator.EffectError, Status: 400}, 1, queue.Refused},
		"denied":          {simulator.Fault{Effect: simulator.EffectError, Status: 403}, 1, queue.Denied},
		"rate limit":      {simulator.Fault{Effect: simulator.EffectThrottle}, 1, queue.RateLimited},
		"garbled":         {simulator.Fault{Effect: simulator.EffectMalformed}, 1, queue.Unknown},
		"no body":         {simulator.Fault{Effect: simulator.EffectEmpty}, 1, queue.Unknown},
		"cut in a middle": {simulator.Fault{Effect: simulator.EffectCutMiddle}, 3, queue.Unknown},
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, simulator.Config{}, func(t *testing.T, s *stage) {
				c := s.client()
				set := s.set(c, "a")
				s.fault("GetRunnerScaleSetByID", test.fault)
				begun := time.Now()
				_, err := c.Count(t.Context(), set.ID)
				wantClass(t, err, test.class, "read scale set")
				if calls := s.calls("GetRunnerScaleSetByID"); calls != test.calls {
					t.Errorf("%d calls, want %d", calls, test.calls)
				}
				if took := time.Since(begun); took > 4*time.Second || test.calls > 1 && took < 500*time.Millisecond {
					t.Errorf("it took %s", took)
				}
				s.world.ClearFaults()
				if _, err := c.Count(t.Context(), set.ID); err != nil {
					t.Errorf("afterwards: %v", err)
				}
			})
		})
	}
}

// TestOneFailure: a call that fails once is mended without a word.
func TestOneFailure(t *testing.T) {
	for _, effect := range []simulator.Effect{simulator.EffectCutBefore, simulator.EffectCutMiddle,
		simulator.EffectRefuse, simulator.EffectHang, simulator.EffectError} {
		for _, operation := range []string{registrationToken, exchange, "GetRunnerScaleSetByID"} {
			t.Run(string(effect)+" "+operation, func(t *testing.T) {
				inBubble(t, simulator.Config{}, func(t *testing.T, s *stage) {
					set := s.set(s.client(), "a")
					s.world.RevokeScaleSetTokens()
					s.fault(operation, simulator.Fault{Effect: effect, Status: 503, Times: 1})
					begun := time.Now()
					if _, err := s.client().Count(t.Context(), set.ID); err != nil {
						t.Error(err)
					}
					if took := time.Since(begun); took > 95*time.Second { // a hang ends after 90 s
						t.Errorf("it took %s", took)
					}
				})
			})
		}
	}
}

// TestLostAnswers: a change whose answer is lost is made once, and its repetition is understood.
func TestLostAnswers(t *testing.T) {
	lost := simulator.Fault{Effect: simulator.EffectCutAfter, Times: 1}
	t.Run("create", func(t *testing.T) {
		inBubble(t, simulator.Config{}, func(t *testing.T, s *stage) {
			s.fault("CreateRunnerScaleSet", lost)
			s.set(s.client(), "a")
			if sets := s.world.ScaleSets(); len(sets) != 1 {
				t.Errorf("%d sets", len(sets))
			}
		})
	})
	t.Run("update and delete", func(t *testing.T) {
		inBubble(t, simulator.Config{}, func(t *testing.T, s *stage) {
			c := s.client()
			set := s.set(c, "a")
			s.fault("UpdateRunnerScaleSet", lost)
			set.Labels = append(set.Labels, "gpu")
			if _, err := c.Update(t.Context(), set); err != nil {
				t.Error(err)
			}
			s.fault("DeleteRunnerScaleSet", lost)
			if err := c.Delete(t.Context(), set.ID); err != nil || len(s.world.ScaleSets()) != 0 {
				t.Errorf("%d sets: %v", len(s.world.ScaleSets()), err)
			}
		})
	})
	t.Run("register and remove", func(t *testing.T) {
		inBubble(t, simulator.Config{}, func(t *testing.T, s *stage) {
			c := s.client()
			set := s.set(c, "a")
			s.fault("GenerateJitRunnerConfig", lost)
			_, err := c.Register(t.Context(), set.ID, "ec2-1")
			wantClass(t, err, queue.Taken, "generate JIT configuration")
			by, err := c.Register(t.Context(), set.ID, "ec2-2")
			if err != nil {
				t.Fatal(err)
			}
			s.fault("RemoveRunner", lost)
			if err := c.Remove(t.Context(), by.ID); err != nil {
				t.Error(err)
			}
		})
	})
	t.Run("session", func(t *testing.T) {
		inBubble(t, simulator.Config{}, func(t *testing.T, s *stage) {
			c := s.client()
			set := s.set(c, "a")
			s.fault("CreateMessageSession", lost)
			_, err := c.Open(t.Context(), set.ID, "host-1") // its own, which nobody can end
			wantClass(t, err, queue.Held, "create session")
		})
	})
	t.Run("message", func(t *testing.T) {
		inBubble(t, simulator.Config{}, func(t *testing.T, s *stage) {
			_, session := s.open(s.client(), "a")
			s.world.QueueScaleSetJob("a", simulator.ScaleSetJob{})
			s.fault("GetMessage", lost)
			m := s.next(session, 0, 1)
			s.fault("DeleteMessage", lost)
			if err := session.Acknowledge(t.Context(), m.ID); err != nil || m.Assigned != 1 {
				t.Errorf("message %+v: %v", m, err)
			}
			s.fault("DeleteMessageSession", lost)
			err := session.Close(t.Context())
			if s.world.ScaleSets()[0].Owner != "" || err != nil && queue.ClassOf(err) != queue.NotFound {
				t.Errorf("the session is left to %q: %v", s.world.ScaleSets()[0].Owner, err)
			}
		})
	})
}

// TestCloseInTime: the end of a session takes no longer than its caller gives it.
func TestCloseInTime(t *testing.T) {
	for _, effect := range []simulator.Effect{simulator.EffectHang, simulator.EffectCutBefore,
		simulator.EffectThrottle} {
		t.Run(string(effect), func(t *testing.T) {
			inBubble(t, simulator.Config{}, func(t *testing.T, s *stage) {
				_, session := s.open(s.client(), "a")
				s.fault("DeleteMessageSession", simulator.Fault{Effect: effect})
				ending, cancel := context.WithTimeout(t.Context(), 2*time.Second)
				defer cancel()
				begun := time.Now()
				if err := session.Close(ending); err == nil {
					t.Error("no error")
				}
				if took := time.Since(begun); took > 2*time.Second {
					t.Errorf("it took %s", took)
				}
			})
		})
	}
}

// TestCloseBesidePoll: the end of a session does not wait for a call of the set's client that hangs.
func TestCloseBesidePoll(t *testing.T) {
	inBubble(t, simulator.Config{}, func(t *testing.T, s *stage) {
		c := s.client()
		set, session := s.open(c, "a")
		s.fault("GetRunnerScaleSetByID", simulator.Fault{Effect: simulator.EffectHang})
		hanging, end := context.WithCancel(t.Context())
		done := make(chan struct{})
		go func() { defer close(done); _, _ = c.Count(hanging, set.ID) }()
		<-time.After(time.Second)
		begun := time.Now()
		if err := session.Close(t.Context()); err != nil || time.Since(begun) > time.Second {
			t.Errorf("it took %s: %v", time.Since(begun), err)
		}
		end()
		<-done
	})
}
