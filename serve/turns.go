package serve

import (
	"context"
	"sync"
)

// maxTurns is how many machines are launched at the same time in a region by all sets. EC2 answers in about 1.5 s and
// takes two launches a second, so more would only wait, and keep a set with one job waiting behind one with a hundred.
const maxTurns = 8

// regionTurns are the turns of each region: EC2's limits and failures are those of a region.
type regionTurns struct {
	mu sync.Mutex
	of map[string]*turns
}

func newRegionTurns() *regionTurns { return &regionTurns{of: map[string]*turns{}} }

// take waits for a turn of a set in a region. The caller ends the turn by calling giveBack.
func (r *regionTurns) take(ctx context.Context, region, set string) (giveBack func(), err error) {
	r.mu.Lock()
	there := r.of[region]
	if there == nil {
		there = newTurns()
		r.of[region] = there
	}
	r.mu.Unlock()
	return there.take(ctx, set)
}

// turns lets the sets launch in turn.
type turns struct {
	mu      sync.Mutex
	taken   int
	order   []string // sets that wait, the next one first
	waiting map[string][]chan struct{}
}

func newTurns() *turns { return &turns{waiting: map[string][]chan struct{}{}} }

// take waits for a turn of a set. The caller ends the turn by calling giveBack.
func (t *turns) take(ctx context.Context, set string) (giveBack func(), err error) {
	t.mu.Lock()
	if t.taken < maxTurns {
		t.taken++
		t.mu.Unlock()
		return t.giveBack, nil
	}
	mine := make(chan struct{})
	if len(t.waiting[set]) == 0 {
		t.order = append(t.order, set)
	}
	t.waiting[set] = append(t.waiting[set], mine)
	t.mu.Unlock()
	select {
	case <-mine:
		return t.giveBack, nil
	case <-ctx.Done():
		go func() { <-mine; t.giveBack() }() // its turn comes, and goes to the next one
		return nil, ctx.Err()
	}
}

func (t *turns) giveBack() {
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(t.order) == 0 {
		t.taken--
		return
	}
	set := t.order[0]
	t.order = t.order[1:]
	next := t.waiting[set][0]
	t.waiting[set] = t.waiting[set][1:]
	if len(t.waiting[set]) > 0 {
		t.order = append(t.order, set)
	} else {
		delete(t.waiting, set)
	}
	close(next)
}
