package simulator

import (
	"container/heap"
	"time"
)

// event is something that happens at a moment to come. Events of one moment happen in the order in which they were
// planned.
type event struct {
	at    time.Time
	order uint64
	run   func()
}

// eventQueue holds what is to come, the earliest first.
type eventQueue struct {
	planned eventHeap
	order   uint64
}

func (q *eventQueue) push(at time.Time, run func()) {
	q.order++
	heap.Push(&q.planned, event{at: at, order: q.order, run: run})
}

func (q *eventQueue) next() (time.Time, bool) {
	if len(q.planned) == 0 {
		return time.Time{}, false
	}
	return q.planned[0].at, true
}

func (q *eventQueue) pop() event { return heap.Pop(&q.planned).(event) }

// eventHeap implements heap.Interface.
type eventHeap []event

func (h eventHeap) Len() int { return len(h) }
func (h eventHeap) Less(i, j int) bool {
	if h[i].at.Equal(h[j].at) {
		return h[i].order < h[j].order
	}
	return h[i].at.Before(h[j].at)
}
func (h eventHeap) Swap(i, j int) { h[i], h[j] = h[j], h[i] }
func (h *eventHeap) Push(x any)   { *h = append(*h, x.(event)) }
func (h *eventHeap) Pop() any {
	old := *h
	last := old[len(old)-1]
	old[len(old)-1] = event{}
	*h = old[:len(old)-1]
	return last
}
