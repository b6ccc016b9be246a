package serve

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"github.com/marqo-ai/ec2-github-runner/serve/config"
	"github.com/marqo-ai/ec2-github-runner/serve/queue"
)

// set is one scale set. Each of its parts guards its own state. A part that holds its lock may call those that are
// listed below it, and none above.
type set struct {
	name     string
	log      *slog.Logger
	api      *queue.Client
	listener *listener  // the session at GitHub, and its messages
	launcher *launcher  // launches machines
	warm     *warmStock // stopped machines for the next jobs
	pauses   *pauses    // holds launches back after refusals
	offers   *offers    // what to ask EC2 for
	remover  *remover   // removes registrations, terminates machines
	fleet    *fleet     // the machines and registrations that there are
	count    *jobCount  // GitHub's count of jobs
	record   *record    // refusals, for the status page, and metrics
	settings *settings  // what the file says

	wake chan struct{}  // the count, a machine, a pause or the file has changed: compare again
	work sync.WaitGroup // launches, and what is read for them, beside the loops of run

	mu    sync.Mutex
	leave context.CancelFunc // ends run
}

func (s *Server) newSet(file config.Set) (*set, error) {
	api, err := s.signIn.queue()
	if err != nil {
		return nil, err
	}
	set := &set{name: file.Name, log: s.log.With("set", file.Name), api: api, settings: &settings{file: file},
		record: &record{set: file.Name, metrics: s.metrics}, wake: make(chan struct{}, 1)}
	set.fleet = &fleet{set: set.name, scope: s.scope, home: s.cloud.Region(), owner: s.owner, record: set.record,
		log:     set.log,
		runners: map[string]*runner{}, dropped: map[string]time.Time{}}
	set.count = &jobCount{api: api, log: set.log, changed: set.poke, doubt: make(chan struct{}, 1)}
	set.pauses = &pauses{record: set.record, log: set.log}
	set.remover = &remover{api: api, cloud: s.cloud, fleet: set.fleet, log: set.log, warned: map[string]string{}}
	set.offers = &offers{settings: set.settings, cloud: s.cloud, software: s.software, log: set.log, work: &set.work}
	set.warm = &warmStock{set: set.name, cloud: s.cloud, turns: s.turns, template: s.template(set.name),
		settings: set.settings, offers: set.offers, log: set.log, work: &set.work, machines: map[string]*warm{},
		claimed: map[string]bool{}}
	set.launcher = &launcher{set: set.name, api: api, cloud: s.cloud, turns: s.turns, template: s.template(set.name),
		settings: set.settings, fleet: set.fleet, offers: set.offers, warm: set.warm, remover: set.remover,
		pauses: set.pauses,
		record: set.record, log: set.log, work: &set.work, changed: set.poke,
		isNeeded: set.isNeeded}
	set.listener = &listener{set: set.name, api: api, signIn: s.signIn, owner: s.owner, standbys: s.standbys,
		settings: set.settings, count: set.count, fleet: set.fleet, record: set.record, log: set.log, work: &set.work,
		capacity: set.capacity, changed: set.poke, failed: func() { s.leaveIfDone(set) },
		opened: func(ctx context.Context, id int) { set.opened(ctx, id, s.watcher) }}
	return set, nil
}

// run serves the set until ctx ends or the set is left.
func (s *set) run(ctx context.Context) {
	ctx, leave := context.WithCancel(ctx)
	defer leave()
	s.mu.Lock()
	s.leave = leave
	s.mu.Unlock()
	var group sync.WaitGroup
	group.Go(func() { s.listener.run(ctx) })
	group.Go(func() { s.scale(ctx) })
	group.Go(func() { s.count.run(ctx) })
	group.Wait()
}

// opened prepares for launches after a session has begun. None is made before a look: an earlier process may have
// launched what is needed.
func (s *set) opened(ctx context.Context, id int, watcher *watcher) {
	s.launcher.id.Store(int64(id))
	s.work.Go(func() { s.offers.prepare(ctx) })
	watcher.ask()
	s.poke()
}

// poke makes scale compare again.
func (s *set) poke() {
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

// change takes over what the file says of the set now.
func (s *set) change(file config.Set) {
	isOtherSet, isOtherMachine := s.settings.change(file)
	if isOtherMachine {
		s.offers.outdate()
		s.pauses.reset()
	}
	if isOtherSet {
		s.listener.openAgain()
	}
	s.listener.tellCapacity()
	s.poke()
}

// remove makes the set end its idle machines, wait for busy ones, and tell GitHub to assign nothing more.
func (s *set) remove() {
	if s.settings.remove() {
		s.log.Info("the set is taken out of the file: idle machines end, busy ones finish", "machines", s.fleet.size())
	}
	s.listener.tellCapacity()
	s.poke()
}

// isDone reports whether the set was taken out of the file, and nothing is left of it that is this process's: a
// standby's machines are the other process's.
func (s *set) isDone() bool {
	removed := s.settings.removedAt()
	if removed.IsZero() {
		return false
	}
	isEmpty := s.fleet.size() == 0 && s.warm.isEmpty() && s.fleet.lookedSince(removed)
	return s.listener.isStandby() || isEmpty
}

// end ends run, and reports whether it was not ended before.
func (s *set) end() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.leave == nil {
		return false
	}
	s.leave()
	s.leave = nil
	return true
}
