package serve

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"github.com/marqo-ai/ec2-github-runner/serve/config"
	"github.com/marqo-ai/ec2-github-runner/serve/queue"
	"github.com/marqo-ai/ec2-github-runner/serve/status"
)

// set is one scale set: its session at GitHub and its machines. Everything below mu is guarded by it.
type set struct {
	*Server
	config.Set
	log   *slog.Logger
	doubt chan struct{} // GitHub's count may be wrong: read it again
	wake  chan struct{} // the count, a machine or a pause has changed: compare what is needed with what is there

	// awaited is the set's id while another process has its session, so that it is not looked up each time. Only listen
	// uses it.
	awaited int

	launches sync.WaitGroup

	mu       sync.Mutex
	api      *queue.Client
	id       int // at GitHub; 0 while the set was not found or made
	held     bool
	opened   time.Time // when the session began
	polled   time.Time // when GitHub answered a poll last
	failed   failure   // why there is no session
	problem  string    // the same in words, with its cause
	hint     string
	refusals []status.Refusal // the newest first
	count    queue.Count
	// expected is what the events of messages make of the count of assigned jobs, messages how many there were, and
	// recounted when the set was read again.
	expected  int
	messages  int
	recounted time.Time
	inDoubt   bool      // the count is not the expected one
	tooMany   bool      // it is higher
	ofPast    bool      // nothing is expected: it is the session's first, or came with messages of the time before
	caughtUp  bool      // there are no such messages any more
	waiting   time.Time // since when jobs wait although runners are idle
	runners   map[string]*runner
	pause     pause
	repoll    context.CancelFunc // ends the poll under way, so that the next one tells GitHub the new capacity
	told      int                // the capacity that the poll under way has told GitHub
	found     *offer             // what to launch, as of the last survey
	warm      map[string]*warm   // by instance id
	claimed   map[string]bool    // warm machines that were taken, by instance id
	warming   bool               // warm machines are being launched
	warmPause pause
	dropped   map[string]time.Time // runners that are gone, and that GitHub may still list
	removed   time.Time            // when it was taken out of the file
	isUnread  bool                 // images and types of the machine that the file has now
	leave     context.CancelFunc   // ends the serving of the set
	reopen    context.CancelFunc   // ends the session, so that the next one brings the set to the file
	tellEnd   map[string]string    // why a runner could not be ended, as it was said last
}

func newSet(s *Server, c config.Set) *set {
	return &set{
		Server: s, Set: c, log: s.log.With("set", c.Name), wake: make(chan struct{}, 1),
		doubt:   make(chan struct{}, 1),
		runners: map[string]*runner{}, dropped: map[string]time.Time{}, tellEnd: map[string]string{},
		warm: map[string]*warm{}, claimed: map[string]bool{},
	}
}

// poke wakes the set's scaling.
func (s *set) poke() {
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

// client returns the set's client at GitHub.
func (s *set) client() (*queue.Client, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.api != nil {
		return s.api, nil
	}
	var err error
	s.api, err = s.signIn.queue()
	return s.api, err
}

// demand counts the machines. mu is held.
func (s *set) demand() demand {
	d, now := demand{min: s.Min, max: s.Max, assigned: s.count.Assigned}, time.Now()
	for _, r := range s.runners {
		if r.isCounted(now) {
			d.working++
		}
		if r.launching && r.instance.ID == "" {
			d.launching++
		}
		if r.isAlive() {
			d.living++
		}
	}
	return d
}

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
		s.readAgain(ctx)
		timer = s.compare(ctx)
	}
}

// roomLook is how often EC2 is asked whether machines whose job is over are gone, while others wait for their room.
const roomLook = 3 * time.Second

// compare launches what the set lacks, and returns when to compare again, nil for when something changes.
func (s *set) compare(ctx context.Context) <-chan time.Time {
	s.mu.Lock()
	now := time.Now()
	d := s.demand()
	s.waiting = s.waitingSince(now)
	s.doubtWaiting(now)
	if !s.held || !s.lookedSince(s.opened) { // an earlier process may have launched what is needed
		s.mu.Unlock()
		return nil
	}
	count := toLaunch(d, s.pause, now)
	for range count {
		s.begin(ctx, now)
	}
	if d.lacking() == 0 && !s.pause.isOn() {
		s.fillWarm(ctx, now)
	}
	s.tellCapacity()
	crowded, wait := d.crowded(), time.Until(s.pause.until)
	s.mu.Unlock()
	switch {
	case s.pauseIsOn() && wait > 0:
		return time.After(wait)
	case crowded:
		s.lookForRoom(ctx)
		return time.After(roomLook)
	}
	return nil
}

// waitingSince is since when jobs wait although runners are idle: GitHub gives a job to an idle runner within seconds.
// mu is held.
func (s *set) waitingSince(now time.Time) time.Time {
	idle, busy := 0, 0
	for _, r := range s.runners {
		switch {
		case r.isBusy(now):
			busy++
		case r.state == runnerIdle && r.takesJobs():
			idle++
		}
	}
	return since(s.waiting, idle > 0 && s.count.Assigned > busy, now)
}

func (s *set) pauseIsOn() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.pause.isOn()
}

// tellCapacity ends the poll under way where GitHub should know another capacity than it was told. What is not
// acknowledged comes again. mu is held.
func (s *set) tellCapacity() {
	if s.repoll != nil && capacity(s.demand(), s.pause) != s.told {
		s.repoll()
	}
}
