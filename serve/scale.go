package serve

import (
	"context"
	"sync"
	"time"

	"github.com/marqo-ai/ec2-github-runner/ec2"
)

// This file compares what a set needs with what it has. After each change it launches missing machines, and after each
// look it ends those that nothing will use.

// scale launches what the set lacks, whenever something has changed.
func (s *set) scale(ctx context.Context) {
	var timer <-chan time.Time
	for {
		select {
		case <-ctx.Done():
			return
		case <-s.wake:
		case <-timer:
		}
		s.offers.readOutdated(ctx)
		timer = s.compare(ctx)
	}
}

// roomLook is how often EC2 is asked whether machines whose job is over are terminated, while others wait for room.
const roomLook = 3 * time.Second

// compare launches what the set lacks. It returns when to compare again, nil if only after a change.
func (s *set) compare(ctx context.Context) <-chan time.Time {
	now := time.Now()
	ended, online := s.fleet.takeEarly()
	s.pauses.judge(now, ended, online)
	s.count.doubtWaiting(s.fleet.waitingSince(s.count.now().Assigned, now), now)
	session := s.listener.state()
	if !session.held || !s.fleet.lookedSince(session.opened) { // an earlier process may have launched what is needed
		return nil
	}
	d := s.demand()
	pause := s.pauses.current()
	for range toLaunch(d, pause, now) {
		s.launcher.begin(ctx, now)
	}
	if d.lacking() == 0 && !pause.isOn() {
		s.warm.fill(ctx, now)
	}
	s.listener.tellCapacity()
	switch wait := time.Until(pause.until); {
	case pause.isOn() && wait > 0:
		return time.After(wait)
	case d.crowded():
		s.lookForRoom(ctx)
		return time.After(roomLook)
	}
	return nil
}

// demand returns what the set needs and has.
func (s *set) demand() demand { return s.fleet.demand(s.settings.now(), s.count.now().Assigned) }

// capacity returns how many jobs GitHub may assign to the set now. As long as no look has seen everything since the
// session began, nothing is launched.
func (s *set) capacity(opened time.Time) int {
	d := s.demand()
	if !s.fleet.lookedSince(opened) {
		return min(d.working-d.launching, d.max)
	}
	return capacity(d, s.pauses.current())
}

// isNeeded reports whether a machine that is about to be launched is still needed. After a refusal one machine tests
// whether there is capacity again, even if no job waits for it.
func (s *set) isNeeded() bool {
	pause := s.pauses.current()
	return pause.isOn() || s.demand().surplus() == 0
}

// lookForRoom asks EC2 whether machines whose job is over are terminated, by one call for each region.
func (s *set) lookForRoom(ctx context.Context) {
	for region, ids := range s.fleet.finishing() {
		found, err := s.remover.cloud.Instances(ctx, region, ec2.Selector{IDs: ids})
		if err == nil { // else the look of all sets says so
			s.fleet.seeEnded(found)
		}
	}
}

// act takes in a look and does what follows from it.
func (s *set) act(ctx context.Context, seen sight) {
	listening := s.listener.mayEnd()
	s.warm.look(seen)
	count := s.count.now()
	verdicts := s.fleet.look(seen, need{file: s.settings.now(), assigned: count.Assigned, running: count.Running,
		listening: listening, removed: s.settings.isRemoved()})
	s.poke()
	var group sync.WaitGroup
	group.Go(func() { _ = s.remover.removeAll(ctx, verdicts) }) // logged; the next look tries again
	group.Go(func() { _ = s.warm.end(ctx, seen.now, listening) })
	group.Wait()
	s.poke()
}
