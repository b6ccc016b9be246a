package serve

import (
	"cmp"
	"context"
	"fmt"
	"reflect"
	"slices"
	"sync"
	"time"

	"github.com/marqo-ai/ec2-github-runner/serve/config"
)

// This file takes the server from one file to the next one. Sets that are in both go on with their sessions and
// machines, and what has changed of them counts from the next launch.

// Reload serves the sets of another file. A set that is not in it any more takes no new job, ends its idle machines,
// lets the busy ones finish, and is then left; at GitHub it stays, since its jobs wait there. Nothing is changed if an
// error is returned, which is a *config.InvalidError for what the file is refused for.
func (s *Server) Reload(file config.File) error {
	if !reflect.DeepEqual(file.GitHub, s.signIn.GitHub) || file.Region != s.region {
		return fmt.Errorf("github and region cannot be changed while the program runs: end it and start it again")
	}
	regions, err := regionsOf(file.Sets, s.cloud.Region())
	if err != nil {
		return err
	}
	var sets []*set
	for _, wanted := range file.Sets {
		sets = append(sets, newSet(s, wanted))
	}
	if err := checkUserData(sets); err != nil {
		return err
	}
	s.reloading.Lock()
	defer s.reloading.Unlock()
	before := s.all()
	for n, wanted := range sets {
		at := slices.IndexFunc(before, func(known *set) bool { return known.Name == wanted.Name })
		if at >= 0 {
			before[at].change(wanted.Set)
			sets[n] = before[at]
		}
	}
	for _, known := range before {
		if !slices.Contains(sets, known) {
			known.remove()
			sets = append(sets, known)
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.sets = sets
	for _, region := range s.regions { // there may be machines in it
		if !slices.Contains(regions, region) {
			regions = append(regions, region)
		}
	}
	s.regions = regions
	select {
	case s.reloaded <- struct{}{}:
	default:
	}
	s.askForLook()
	return nil
}

// regionsOf are the regions of all sets' machines.
func regionsOf(sets []config.Set, home string) (regions []string, err error) {
	for _, c := range sets {
		for _, p := range c.Machine.Placements {
			if region := cmp.Or(p.Region, home); !slices.Contains(regions, region) {
				regions = append(regions, region)
			}
		}
	}
	if slices.Contains(regions, "") {
		return nil, fmt.Errorf("no region: a placement names none, and neither do the file and the environment")
	}
	return regions, nil
}

// all are the sets that are served now, in the file's order, and after them those that are being left.
func (s *Server) all() []*set {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.sets)
}

// allRegions are the regions that there may be machines in.
func (s *Server) allRegions() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.regions)
}

// serveAll serves the sets, and those that a new file adds, until ctx ends.
func (s *Server) serveAll(ctx context.Context, group *sync.WaitGroup) {
	served := map[*set]bool{}
	for {
		for _, set := range s.all() {
			if !served[set] {
				served[set] = true
				group.Go(func() { s.serve(ctx, set) })
			}
		}
		select {
		case <-s.reloaded:
		case <-ctx.Done():
			return
		}
	}
}

// serve serves one set until ctx ends or the set is left.
func (s *Server) serve(ctx context.Context, set *set) {
	ctx, leave := context.WithCancel(ctx)
	defer leave()
	set.mu.Lock()
	set.leave = leave
	set.mu.Unlock()
	var group sync.WaitGroup
	group.Go(func() { set.listen(ctx) })
	group.Go(func() { set.scale(ctx) })
	group.Go(func() { set.recount(ctx) })
	group.Wait()
}

// change takes over what a file says of the set now.
func (s *set) change(c config.Set) {
	s.mu.Lock()
	defer s.mu.Unlock()
	isOther := !slices.Equal(s.Labels, c.Labels) || s.RunnerGroup != c.RunnerGroup
	if !reflect.DeepEqual(s.Machine, c.Machine) {
		s.found, s.pause, s.isUnread = nil, pause{}, true // what was refused may not be asked for any more
	}
	s.Labels, s.RunnerGroup, s.Machine, s.Line = c.Labels, c.RunnerGroup, c.Machine, c.Line
	s.Max, s.Min, s.Warm = c.Max, c.Min, c.Warm
	s.removed = time.Time{}
	if isOther && s.reopen != nil {
		s.reopen()
	}
	s.tellCapacity()
	s.poke()
}

// readAgain reads images and types again after the file has changed: warm machines of the old kind are ended by it.
func (s *set) readAgain(ctx context.Context) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.isUnread {
		s.isUnread = false
		s.launches.Go(func() { s.prepare(ctx) })
	}
}

// remove makes the set end its idle machines, wait for busy ones, and tell GitHub to assign nothing more.
func (s *set) remove() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.Max, s.Min, s.Warm = 0, 0, 0
	if s.removed.IsZero() {
		s.removed = time.Now()
		s.log.Info("the set is taken out of the file: idle machines end, busy ones finish", "machines", len(s.runners))
	}
	s.tellCapacity()
	s.poke()
}

// wanted is what the file says of the set.
func (s *set) wanted() config.Set {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.Set
}

func (s *set) isRemoved() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return !s.removed.IsZero()
}

// isDone reports whether the set was taken out of the file, and nothing is left of it that is this process's: a
// standby's machines are the other process's.
func (s *set) isDone() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	isEmpty := len(s.runners)+len(s.warm)+len(s.claimed) == 0 && !s.warming
	return !s.removed.IsZero() && (s.failed.standby || isEmpty && s.lookedSince(s.removed))
}

// leaveIfDone ends the session of a set that was taken out of the file, once it has no machine any more.
func (s *set) leaveIfDone() {
	s.reloading.Lock()
	defer s.reloading.Unlock()
	if !s.isDone() {
		return
	}
	s.Server.mu.Lock()
	s.sets = slices.DeleteFunc(slices.Clone(s.sets), func(other *set) bool { return other == s })
	s.Server.mu.Unlock()
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.leave == nil {
		return // it is left already
	}
	s.leave()
	s.leave = nil
	s.log.Info("the set is left; it stays at GitHub with the jobs that wait for it until it is deleted",
		"hint", "ec2-github-runner-serve delete "+s.Name+" CONFIG.yml")
}
