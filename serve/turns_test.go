package serve

import (
	"runtime"
	"testing"
)

// TestTurns: each set gets its turn, however many wait of another.
func TestTurns(t *testing.T) {
	t.Parallel()
	turns := newTurns()
	var back []func()
	for range maxTurns {
		giveBack, err := turns.take(t.Context(), "storm")
		if err != nil {
			t.Fatal(err)
		}
		back = append(back, giveBack)
	}
	got := make(chan string, 20)
	wait := func(set string) {
		before := turns.count(set)
		go func() {
			if _, err := turns.take(t.Context(), set); err == nil {
				got <- set
			}
		}()
		for turns.count(set) == before {
			runtime.Gosched()
		}
	}
	for range 5 {
		wait("storm")
	}
	wait("quiet")
	var order []string
	for range 3 {
		back[len(order)]()
		order = append(order, <-got)
	}
	if order[1] != "quiet" {
		t.Errorf("turns went to %v", order)
	}
}

// count is how many of a set wait.
func (t *turns) count(set string) int {
	t.mu.Lock()
	defer t.mu.Unlock()
	return len(t.waiting[set])
}
