package queue_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/marqo-ai/ec2-github-runner/serve/queue"
	"github.com/marqo-ai/ec2-github-runner/test/simulator"
)

// stage is a world, and the access that the clients of one process share.
type stage struct {
	t      *testing.T
	world  *simulator.World
	access *queue.Access
}

// inBubble runs f in virtual time. After f, the world must not have been asked what it does not model.
func inBubble(t *testing.T, config simulator.Config, f func(t *testing.T, s *stage)) {
	t.Helper()
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := &stage{t: t, world: simulator.New(config)}
		s.access = s.process(func(context.Context) (string, error) { return "ghp_demo", nil })
		f(t, s)
		if surprises := s.world.Surprises(); len(surprises) > 0 {
			t.Errorf("asked what the world does not model: %v", surprises)
		}
	})
}

// process returns the access of another process.
func (s *stage) process(token func(context.Context) (string, error)) *queue.Access {
	return queue.NewAccess(s.world.Transport(), token)
}

// client returns another client of the process.
func (s *stage) client() *queue.Client {
	s.t.Helper()
	return s.clientOf(s.access)
}

func (s *stage) clientOf(access *queue.Access) *queue.Client {
	s.t.Helper()
	c, err := queue.Connect(queue.Options{URL: "https://github.com/demo-org/demo", Version: "test", Access: access})
	if err != nil {
		s.t.Fatal(err)
	}
	return c
}

// set makes a set.
func (s *stage) set(c *queue.Client, name string) queue.Set {
	s.t.Helper()
	made, err := c.Create(s.t.Context(), queue.Set{Name: name, GroupID: queue.DefaultGroupID, Labels: []string{name},
		DisableUpdate: true})
	if err != nil {
		s.t.Fatal(err)
	}
	return made
}

// fault adds weather to one operation of the service.
func (s *stage) fault(operation string, f simulator.Fault) {
	f.Match.Operation = operation
	s.world.AddFault(f)
}

// calls counts the calls of an operation.
func (s *stage) calls(operation string) (count int) {
	for _, call := range s.world.Calls() {
		if call.Operation == operation {
			count++
		}
	}
	return count
}

// wantClass checks an error's class, and that it names the operation.
func wantClass(t *testing.T, err error, class queue.Class, operation string) {
	t.Helper()
	if queue.ClassOf(err) != class || err == nil || !strings.HasPrefix(err.Error(), operation+": ") {
		t.Errorf("class %d, want %d of %q: %v", queue.ClassOf(err), class, operation, err)
	}
}

// TestSets makes, finds, changes, reads and deletes a set.
func TestSets(t *testing.T) {
	inBubble(t, simulator.Config{}, func(t *testing.T, s *stage) {
		ctx, c := t.Context(), s.client()
		if _, found, err := c.Find(ctx, queue.DefaultGroupID, "a & b"); found || err != nil {
			t.Fatalf("found %t, %v before it was made", found, err)
		}
		made := s.set(c, "a & b")
		made.Labels = []string{"a & b", "gpu"}
		if _, err := c.Update(ctx, made); err != nil {
			t.Fatal(err)
		}
		there, found, err := c.Find(ctx, queue.DefaultGroupID, "a & b")
		if err != nil || !found || there.ID != made.ID || !slices.Equal(there.Labels, made.Labels) ||
			!there.DisableUpdate {
			t.Errorf("found %t %+v, want %+v: %v", found, there, made, err)
		}
		if count, err := c.Count(ctx, made.ID); err != nil || count != (queue.Count{}) {
			t.Errorf("count %+v: %v", count, err)
		}
		for range 2 { // the second time it is gone already
			if err := c.Delete(ctx, made.ID); err != nil {
				t.Fatal(err)
			}
		}
		_, err = c.Count(ctx, made.ID)
		wantClass(t, err, queue.NotFound, "read scale set")
	})
}

// TestRefusals gives each refusal of the service its class.
func TestRefusals(t *testing.T) {
	world := simulator.Config{ScaleSets: simulator.ScaleSets{RefusedLabels: []string{"gpu"}}}
	inBubble(t, world, func(t *testing.T, s *stage) {
		ctx, c := t.Context(), s.client()
		s.set(c, "a")
		_, err := c.GroupID(ctx, "none")
		wantClass(t, err, queue.NotFound, "find runner group")
		_, err = c.Create(ctx, queue.Set{Name: "b", GroupID: queue.DefaultGroupID, Labels: []string{"gpu"}})
		wantClass(t, err, queue.Refused, "create scale set")
		_, err = c.Update(ctx, queue.Set{ID: 77, Name: "a", GroupID: queue.DefaultGroupID})
		wantClass(t, err, queue.NotFound, "update scale set")
		for status, class := range map[int]queue.Class{403: queue.Denied, 422: queue.Refused, 418: queue.Other,
			410: queue.NotFound} {
			s.fault("GetRunnerScaleSet", simulator.Fault{Effect: simulator.EffectError, Status: status, Times: 1})
			_, _, err = c.Find(ctx, queue.DefaultGroupID, "a")
			wantClass(t, err, class, "find scale set")
			if call, ok := errors.AsType[*queue.CallError](err); !ok || call.Status != status {
				t.Errorf("status of %v, want %d", err, status)
			}
		}
	})
}

// TestNoService: a GitHub without scale sets answers 404, wherever.
func TestNoService(t *testing.T) {
	for _, missing := range []string{"registration", "endpoint"} {
		t.Run(missing, func(t *testing.T) {
			world := simulator.Config{ScaleSets: simulator.ScaleSets{Missing: missing}}
			inBubble(t, world, func(t *testing.T, s *stage) {
				_, _, err := s.client().Find(t.Context(), queue.DefaultGroupID, "a")
				wantClass(t, err, queue.NotFound, "find scale set")
			})
		})
	}
}

// TestRegistrations makes, finds and removes a runner. One that works is not removed.
func TestRegistrations(t *testing.T) {
	inBubble(t, simulator.Config{}, func(t *testing.T, s *stage) {
		ctx, c := t.Context(), s.client()
		set := s.set(c, "a")
		by, err := c.Register(ctx, set.ID, "ec2-1")
		if err != nil || by.ID == 0 || by.JIT == "" {
			t.Fatalf("%+v: %v", by, err)
		}
		_, err = c.Register(ctx, set.ID, "ec2-1")
		wantClass(t, err, queue.Taken, "generate JIT configuration")
		<-time.After(5 * time.Second) // GitHub shows a runner late
		if id, of, found, err := c.Runner(ctx, "ec2-1"); id != by.ID || of != set.ID || !found || err != nil {
			t.Errorf("runner %d of set %d, found %t: %v", id, of, found, err)
		}
		session, err := c.Open(ctx, set.ID, "host-1")
		if err != nil {
			t.Fatal(err)
		}
		s.world.QueueScaleSetJob("a", simulator.ScaleSetJob{})
		s.world.AttachGuest("i-1", 0, []byte("./run.sh --jitconfig "+by.JIT))
		for started := false; !started; {
			m, err := session.Next(ctx, 0, 1)
			if err != nil || m == nil {
				t.Fatalf("message %v: %v", m, err)
			}
			if err := session.Acknowledge(ctx, m.ID); err != nil {
				t.Fatal(err)
			}
			started = len(m.Started) > 0 && m.Started[0].RunnerName == "ec2-1" && m.Started[0].RunnerID == by.ID
		}
		wantClass(t, c.Remove(ctx, by.ID), queue.Busy, fmt.Sprintf("remove runner %d", by.ID))
		if m := s.next(session, 0, 1); len(m.Completed) != 1 || m.Completed[0].Result != "succeeded" {
			t.Errorf("message %+v", m)
		}
		for range 2 { // it is gone after its job
			if err := c.Remove(ctx, by.ID); err != nil {
				t.Error(err)
			}
		}
		if _, _, found, err := c.Runner(ctx, "ec2-1"); found || err != nil {
			t.Errorf("found %t after its job: %v", found, err)
		}
	})
}
