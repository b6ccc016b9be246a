package queue_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/marqo-ai/ec2-github-runner/serve/queue"
	"github.com/marqo-ai/ec2-github-runner/test/simulator"
)

// open begins the session of a new set.
func (s *stage) open(c *queue.Client, name string) (queue.Set, *queue.Session) {
	s.t.Helper()
	set := s.set(c, name)
	session, err := c.Open(s.t.Context(), set.ID, "host-1")
	if err != nil {
		s.t.Fatal(err)
	}
	return set, session
}

// next polls for a message that has to come.
func (s *stage) next(session *queue.Session, last, capacity int) *queue.Message {
	s.t.Helper()
	m, err := session.Next(s.t.Context(), last, capacity)
	if err != nil || m == nil {
		s.t.Fatalf("message %v: %v", m, err)
	}
	return m
}

// TestConflict: a set has one session. The refusal names its owner where GitHub does. After an orderly end the session
// can be had at once, after a kill when GitHub lets it lapse.
func TestConflict(t *testing.T) {
	for _, named := range []bool{true, false} {
		world := simulator.Config{ScaleSets: simulator.ScaleSets{NamesOwner: named, SessionLapse: time.Minute}}
		t.Run("", func(t *testing.T) {
			inBubble(t, world, func(t *testing.T, s *stage) {
				ctx := t.Context()
				set, session := s.open(s.client(), "a")
				_, err := s.client().Open(ctx, set.ID, "host-2")
				wantClass(t, err, queue.Held, "create session")
				want := map[bool]string{true: "host-1"}[named]
				if call, ok := errors.AsType[*queue.CallError](err); !ok || call.Owner != want {
					t.Errorf("owner in %+v, want %q", call, want)
				}
				if err := session.Close(ctx); err != nil {
					t.Fatal(err)
				}
				other, err := s.client().Open(ctx, set.ID, "host-2")
				if err != nil {
					t.Fatal(err)
				}
				<-time.After(time.Minute + time.Second) // nobody polls
				if _, err := s.client().Open(ctx, set.ID, "host-3"); err != nil {
					t.Errorf("after a minute: %v", err)
				}
				_, err = other.Next(ctx, 0, 1)
				wantClass(t, err, queue.NotFound, "get message")
			})
		})
	}
}

// TestSessionEnds: a session that GitHub has ended, or whose set is gone, is not found, in all its calls.
func TestSessionEnds(t *testing.T) {
	for name, end := range map[string]func(*simulator.World) bool{
		"session": func(w *simulator.World) bool { return w.DropSession("a") },
		"set":     func(w *simulator.World) bool { return w.DeleteScaleSet("a") },
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, simulator.Config{}, func(t *testing.T, s *stage) {
				_, session := s.open(s.client(), "a")
				go func() { <-time.After(10 * time.Second); end(s.world) }()
				begun := time.Now()
				_, err := session.Next(t.Context(), 0, 1)
				wantClass(t, err, queue.NotFound, "get message")
				if took := time.Since(begun); took > 12*time.Second {
					t.Errorf("the poll ended after %s", took)
				}
				wantClass(t, session.Acknowledge(t.Context(), 1), queue.NotFound, "delete message")
				wantClass(t, session.Acquire(t.Context(), []int64{1}), queue.NotFound, "acquire jobs")
				wantClass(t, session.Close(t.Context()), queue.NotFound, "delete session")
			})
		})
	}
}

// TestQueueToken: the token of a session's messages is renewed when it ends, in the middle of a poll too.
func TestQueueToken(t *testing.T) {
	inBubble(t, simulator.Config{}, func(t *testing.T, s *stage) {
		_, session := s.open(s.client(), "a")
		for range 4 {
			s.world.ExpireQueueToken("a")
			if m, err := session.Next(t.Context(), 0, 1); m != nil || err != nil {
				t.Fatalf("message %v: %v", m, err)
			}
		}
		if renewed := s.calls("RefreshMessageSession"); renewed != 4 {
			t.Errorf("%d renewals", renewed)
		}
		<-time.After(9 * time.Minute) // less than a lapse
		s.world.RevokeScaleSetTokens()
		s.world.ExpireQueueToken("a") // to renew it takes the other token, which is revoked too
		if _, err := session.Next(t.Context(), 0, 1); err != nil {
			t.Error(err)
		}
		if err := session.Close(t.Context()); err != nil {
			t.Error(err)
		}
	})
}

// TestMessages: what was not acknowledged comes again, to a later session too; what was acknowledged does not.
func TestMessages(t *testing.T) {
	inBubble(t, simulator.Config{}, func(t *testing.T, s *stage) {
		ctx := t.Context()
		set, session := s.open(s.client(), "a")
		for range 60 {
			s.world.QueueScaleSetJob("a", simulator.ScaleSetJob{})
		}
		first := s.next(session, 0, 100)
		if first.Assigned != 50 || first.Count.Assigned != 60 {
			t.Errorf("%d jobs of %d in one message", first.Assigned, first.Count.Assigned)
		}
		if again := s.next(session, 0, 100); again.ID != first.ID || again.Assigned != first.Assigned {
			t.Errorf("message %d came again as %d", first.ID, again.ID)
		}
		second := s.next(session, first.ID, 100)
		if second.Assigned != 10 {
			t.Errorf("%d jobs in the second message", second.Assigned)
		}
		if err := session.Acknowledge(ctx, first.ID); err != nil {
			t.Fatal(err)
		}
		if err := session.Close(ctx); err != nil {
			t.Fatal(err)
		}
		session, err := s.client().Open(ctx, set.ID, "host-2")
		if err != nil || session.First.Assigned != 60 {
			t.Fatalf("the next session begins with %+v: %v", session, err)
		}
		if m := s.next(session, 0, 100); m.ID != second.ID {
			t.Errorf("the next session gets message %d, want %d", m.ID, second.ID)
		}
		for range 2 { // the second time it is gone already
			if err := session.Acknowledge(ctx, second.ID); err != nil {
				t.Error(err)
			}
		}
		if m, err := session.Next(ctx, 0, 100); m != nil || err != nil {
			t.Errorf("message %v: %v", m, err)
		}
	})
}

// TestCapacity: no more jobs are assigned than the polls ask for, and a poll that is given up leaves the session good.
func TestCapacity(t *testing.T) {
	inBubble(t, simulator.Config{}, func(t *testing.T, s *stage) {
		_, session := s.open(s.client(), "a")
		for range 5 {
			s.world.QueueScaleSetJob("a", simulator.ScaleSetJob{})
		}
		m := s.next(session, 0, 2)
		if m.Count.Assigned != 2 || m.Count.Available != 3 {
			t.Errorf("count %+v", m.Count)
		}
		polling, cancel := context.WithTimeout(t.Context(), 5*time.Second)
		defer cancel()
		_, err := session.Next(polling, m.ID, 2)
		if !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("a poll that was given up: %v", err)
		}
		if m := s.next(session, m.ID, 4); m.Count.Assigned != 4 {
			t.Errorf("count %+v", m.Count)
		}
	})
}

// TestAcquire: a server whose jobs wait to be acquired gives them to who does.
func TestAcquire(t *testing.T) {
	inBubble(t, simulator.Config{ScaleSets: simulator.ScaleSets{Acquire: true}}, func(t *testing.T, s *stage) {
		_, session := s.open(s.client(), "a")
		go func() { <-time.After(time.Second); s.world.QueueScaleSetJob("a", simulator.ScaleSetJob{}) }()
		m := s.next(session, 0, 1)
		if len(m.Available) != 1 || m.Assigned != 0 {
			t.Fatalf("message %+v", m)
		}
		if err := session.Acquire(t.Context(), m.Available); err != nil {
			t.Fatal(err)
		}
		if m = s.next(session, m.ID, 1); m.Assigned != 1 {
			t.Errorf("message %+v", m)
		}
	})
}

// TestNoQueueURL: a session without an address of its messages is no session, and does not block the next one.
func TestNoQueueURL(t *testing.T) {
	inBubble(t, simulator.Config{}, func(t *testing.T, s *stage) {
		c := s.client()
		set := s.set(c, "a")
		s.fault("CreateMessageSession", simulator.Fault{Effect: simulator.EffectErrorAfter, Code: "no-queue-url",
			Times: 1})
		_, err := c.Open(t.Context(), set.ID, "host-1")
		wantClass(t, err, queue.Unknown, "create session")
		if _, err := c.Open(t.Context(), set.ID, "host-1"); err != nil {
			t.Error(err)
		}
	})
}
