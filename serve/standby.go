package serve

import (
	"slices"
	"sync"
)

// standbys are the sets of this process whose session another process holds. When that process ends, all its sessions
// become free, so only one of the waiting sets asks often: its success wakes the others.
type standbys struct {
	mu      sync.Mutex
	waiting []string      // names of sets, in the order in which they began to wait
	freed   chan struct{} // closed when a set has got its session
}

func newStandbys() *standbys { return &standbys{freed: make(chan struct{})} }

// join adds a set to those that wait, and reports whether it is the one that asks often.
func (s *standbys) join(set string) (asksOften bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !slices.Contains(s.waiting, set) {
		s.waiting = append(s.waiting, set)
	}
	return s.waiting[0] == set
}

// leave removes a set that does not wait any more.
func (s *standbys) leave(set string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.waiting = slices.DeleteFunc(s.waiting, func(name string) bool { return name == set })
}

// sessionFreed returns a channel that is closed when a set of this process gets its session.
func (s *standbys) sessionFreed() <-chan struct{} {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.freed
}

// announce wakes the sets that wait: their sessions may be free too.
func (s *standbys) announce() {
	s.mu.Lock()
	defer s.mu.Unlock()
	close(s.freed)
	s.freed = make(chan struct{})
}
