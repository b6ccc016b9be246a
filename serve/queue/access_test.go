package queue_test

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/marqo-ai/ec2-github-runner/serve/queue"
	"github.com/marqo-ai/ec2-github-runner/test/simulator"
)

// The two calls by which a client gets its token.
const (
	registrationToken = "actions/create-registration-token-for-repo"
	exchange          = "actions/runner-registration"
)

// find asks for a set with each client at once, and returns what failed.
func (s *stage) find(clients []*queue.Client) error {
	errs := make([]error, len(clients))
	var group sync.WaitGroup
	for n, c := range clients {
		group.Go(func() { _, _, errs[n] = c.Find(s.t.Context(), queue.DefaultGroupID, "a") })
	}
	group.Wait()
	return errors.Join(errs...)
}

func (s *stage) clients(count int) (all []*queue.Client) {
	s.t.Helper()
	for range count {
		all = append(all, s.client())
	}
	return all
}

// wantExchanges checks how often the two calls were made, and that no token was shown that GitHub does not take.
func (s *stage) wantExchanges(registrations, exchanges int) {
	s.t.Helper()
	if r, e := s.calls(registrationToken), s.calls(exchange); r != registrations || e != exchanges {
		s.t.Errorf("%d registration tokens and %d exchanges, want %d and %d", r, e, registrations, exchanges)
	}
}

// TestSharedToken: fifty clients of a process get their tokens by two calls in all, and renew them by two an hour.
func TestSharedToken(t *testing.T) {
	inBubble(t, simulator.Config{}, func(t *testing.T, s *stage) {
		all := s.clients(50)
		for hour := 1; hour <= 3; hour++ {
			for range 5 {
				if err := s.find(all); err != nil {
					t.Fatal(err)
				}
				<-time.After(12 * time.Minute)
			}
			s.wantExchanges(hour, hour)
		}
		for _, call := range s.world.Calls() {
			if call.Status >= 400 {
				t.Fatalf("%s was answered %d", call.Operation, call.Status)
			}
		}
	})
}

// TestRevokedToken: a token that GitHub takes no more before its time is replaced at the first 401, once for all.
func TestRevokedToken(t *testing.T) {
	inBubble(t, simulator.Config{}, func(t *testing.T, s *stage) {
		all := s.clients(8)
		for n := 1; n <= 3; n++ {
			if err := s.find(all); err != nil {
				t.Fatal(err)
			}
			s.wantExchanges(n, n)
			s.world.RevokeScaleSetTokens()
		}
	})
}

// TestRevokedWhileRenewing: where GitHub gives no other token either, the caller learns its answer, and the next call
// asks again.
func TestRevokedWhileRenewing(t *testing.T) {
	inBubble(t, simulator.Config{}, func(t *testing.T, s *stage) {
		all := s.clients(1)
		if err := s.find(all); err != nil {
			t.Fatal(err)
		}
		s.world.RevokeScaleSetTokens()
		s.fault(registrationToken, simulator.Fault{Effect: simulator.EffectError, Status: 403, Times: 1})
		if err := s.find(all); queue.ClassOf(err) == queue.Unknown || err == nil {
			t.Errorf("it is no refusal: %v", err)
		}
		if err := s.find(all); err != nil {
			t.Errorf("the next call: %v", err)
		}
	})
}

// TestRefusedAlways: a client whose every token is refused asks for one more, and no further.
func TestRefusedAlways(t *testing.T) {
	inBubble(t, simulator.Config{}, func(t *testing.T, s *stage) {
		s.fault("GetRunnerScaleSet", simulator.Fault{Effect: simulator.EffectError, Status: 401})
		_, _, err := s.client().Find(t.Context(), queue.DefaultGroupID, "a")
		wantClass(t, err, queue.Denied, "find scale set")
		if calls := s.calls("GetRunnerScaleSet"); calls != 2 {
			t.Errorf("%d calls", calls)
		}
		s.wantExchanges(2, 2)
	})
}

// TestSignIn: a sign-in that is not possible is a denial in its own words, and makes no call.
func TestSignIn(t *testing.T) {
	inBubble(t, simulator.Config{}, func(t *testing.T, s *stage) {
		unreadable := errors.New("open token: permission denied")
		access := s.process(func(context.Context) (string, error) { return "", unreadable })
		_, _, err := s.clientOf(access).Find(t.Context(), queue.DefaultGroupID, "a")
		wantClass(t, err, queue.Denied, "find scale set")
		if !errors.Is(err, unreadable) || !strings.Contains(err.Error(), unreadable.Error()) {
			t.Errorf("the cause is lost: %v", err)
		}
		if calls := len(s.world.Calls()); calls != 0 {
			t.Errorf("%d calls", calls)
		}
	})
}

// TestSignInAnswers: refusals of GitHub's REST API while signing in keep their class.
func TestSignInAnswers(t *testing.T) {
	for operation, classes := range map[string]map[int]queue.Class{
		registrationToken: {401: queue.Denied, 403: queue.Denied, 404: queue.NotFound, 503: queue.Unknown},
		exchange:          {401: queue.Denied, 403: queue.Denied, 404: queue.NotFound, 503: queue.Unknown},
	} {
		for status, class := range classes {
			t.Run(operation, func(t *testing.T) {
				inBubble(t, simulator.Config{}, func(t *testing.T, s *stage) {
					s.fault(operation, simulator.Fault{Effect: simulator.EffectError, Status: status})
					_, _, err := s.client().Find(t.Context(), queue.DefaultGroupID, "a")
					wantClass(t, err, class, "find scale set")
					s.world.ClearFaults()
					if err := s.find(s.clients(1)); err != nil {
						t.Errorf("after a %d: %v", status, err)
					}
				})
			})
		}
	}
}

// TestTurnEnds: a call that waits for another one's answer ends with its context.
func TestTurnEnds(t *testing.T) {
	for _, operation := range []string{exchange, "GetRunnerScaleSet"} {
		t.Run(operation, func(t *testing.T) {
			inBubble(t, simulator.Config{}, func(t *testing.T, s *stage) {
				s.fault(operation, simulator.Fault{Effect: simulator.EffectHang})
				first, end := context.WithCancel(t.Context())
				c, done := s.client(), make(chan struct{})
				go func() { defer close(done); _, _, _ = c.Find(first, queue.DefaultGroupID, "a") }()
				<-time.After(time.Second)
				begun := time.Now()
				second, cancel := context.WithTimeout(t.Context(), 2*time.Second)
				defer cancel()
				_, _, err := c.Find(second, queue.DefaultGroupID, "b")
				wantClass(t, err, queue.Unknown, "find scale set")
				if took := time.Since(begun); took > 2*time.Second || !errors.Is(err, context.DeadlineExceeded) {
					t.Errorf("it ended after %s: %v", took, err)
				}
				end()
				<-done
			})
		})
	}
}
