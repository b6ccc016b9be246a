package serve

import (
	"cmp"
	"reflect"
	"slices"
	"sync"
	"time"

	"github.com/marqo-ai/ec2-github-runner/serve/config"
)

// settings are what the file says of a set, as of its last reading.
type settings struct {
	mu      sync.Mutex
	file    config.Set
	removed time.Time // when the set was taken out of the file; zero while it is in it
}

// now returns the settings. The counts of a set that was taken out of the file are 0.
func (s *settings) now() config.Set {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.file
}

// region returns the first region of the set's machines; home is that of placements that name none.
func (s *settings) region(home string) string {
	for _, p := range s.now().Machine.Placements {
		return cmp.Or(p.Region, home)
	}
	return home
}

// change takes over another file. It reports whether the set at GitHub has to be changed, and whether the machine has
// changed.
func (s *settings) change(file config.Set) (isOtherSet, isOtherMachine bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	isOtherSet = !slices.Equal(s.file.Labels, file.Labels) || s.file.RunnerGroup != file.RunnerGroup
	isOtherMachine = !reflect.DeepEqual(s.file.Machine, file.Machine)
	s.file, s.removed = file, time.Time{}
	return isOtherSet, isOtherMachine
}

// remove notes that the set was taken out of the file, and reports whether that is new.
func (s *settings) remove() (isNew bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.file.Max, s.file.Min, s.file.Warm = 0, 0, 0
	isNew = s.removed.IsZero()
	if isNew {
		s.removed = time.Now()
	}
	return isNew
}

// removedAt returns when the set was taken out of the file, zero while it is in it.
func (s *settings) removedAt() time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.removed
}

func (s *settings) isRemoved() bool { return !s.removedAt().IsZero() }
