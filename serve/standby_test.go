package serve

import (
	"testing"
)

// TestAsksOften: one of the sets that wait for their session asks often, and it is one that waits.
func TestAsksOften(t *testing.T) {
	t.Parallel()
	s := newStandbys()
	if !s.join("b") || s.join("c") || !s.join("b") {
		t.Error("b, which waits for the longest time, is not the one that asks often")
	}
	s.leave("a")
	s.leave("b")
	if !s.join("c") || s.join("b") {
		t.Error("c does not ask often after b has stopped waiting")
	}
}

// TestSessionFreed: a set that gets its session wakes all that wait, and those that wait later are not woken by it.
func TestSessionFreed(t *testing.T) {
	t.Parallel()
	s := newStandbys()
	before := s.sessionFreed()
	s.announce()
	select {
	case <-before:
	default:
		t.Error("who waited is not woken")
	}
	select {
	case <-s.sessionFreed():
		t.Error("who waits since is woken too")
	default:
	}
}
