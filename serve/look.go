package serve

import (
	"context"
	"errors"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/marqo-ai/ec2-github-runner/ec2"
	"github.com/marqo-ai/ec2-github-runner/github"
	"github.com/marqo-ai/ec2-github-runner/runner/tags"
	"github.com/marqo-ai/ec2-github-runner/runner/tags/key"
)

// Times of looking.
const (
	lookInterval  = 30 * time.Second
	firstLook     = 2 * time.Second // after a look that failed while nothing is known yet
	nextLook      = 5 * time.Second // after one that found a registration without a machine: it may be gone by now
	lookTimeout   = 2 * time.Minute
	actTimeout    = time.Minute
	maxConcurrent = 8 // calls that end things, of one set
)

// lookAlways compares what there is with what is needed every half minute, and when it is asked to.
func (s *Server) lookAlways(ctx context.Context) {
	for ctx.Err() == nil {
		begun, next := time.Now(), lookInterval
		switch whole := s.look(ctx, begun); {
		case !whole && !s.lookedSince(time.Time{}):
			next = firstLook
		case s.foundSince(begun):
			next = nextLook
		}
		timer := time.NewTimer(next)
		select {
		case <-timer.C:
		case <-s.looks:
		case <-ctx.Done():
		}
		timer.Stop()
	}
}

// foundSince reports whether some set has found an earlier process's registration without a machine.
func (s *Server) foundSince(begun time.Time) bool {
	for _, set := range s.all() {
		set.mu.Lock()
		for _, r := range set.runners {
			if r.instance.ID == "" && !r.found.Before(begun) {
				set.mu.Unlock()
				return true
			}
		}
		set.mu.Unlock()
	}
	return false
}

// sight is what one look saw: the cloud first and the registry second, so that a runner that comes in between has its
// machine in the next look.
type sight struct {
	begun     time.Time
	now       time.Time
	instances []ec2.Instance
	unseen    map[string]bool // regions that did not answer
	runners   map[string]github.Runner
	listed    bool
}

// wholeCloud reports whether every region has answered.
func (s sight) wholeCloud() bool {
	for _, unseen := range s.unseen {
		if unseen {
			return false
		}
	}
	return true
}

// look reads both sides once and lets each set act on it. It reports whether it saw everything.
func (s *Server) look(ctx context.Context, begun time.Time) bool {
	looking, cancel := context.WithTimeout(ctx, lookTimeout)
	defer cancel()
	seen := sight{begun: begun, unseen: map[string]bool{}, runners: map[string]github.Runner{}}
	errs := s.lookAtCloud(looking, &seen)
	registry, err := s.signIn.client()
	if err == nil {
		var list []github.Runner
		if list, err = registry.AllRunners(looking); err == nil {
			seen.listed = true
			for _, r := range list {
				seen.runners[r.Name] = r
			}
		}
	}
	if ctx.Err() != nil {
		return false
	}
	if err = errors.Join(append(errs, err)...); err != nil {
		s.log.Warn("a look could not see everything; what was not seen is left as it is", "error", err.Error())
	}
	seen.now = time.Now()
	whole := err == nil
	s.noteLook(begun, err)
	var group sync.WaitGroup
	for _, set := range s.all() {
		group.Go(func() {
			set.act(ctx, seen)
			set.leaveIfDone()
		})
	}
	group.Wait()
	return whole
}

// lookAtCloud lists the machines of all sets of the scope, by one call a region.
func (s *Server) lookAtCloud(ctx context.Context, seen *sight) []error {
	regions := s.allRegions()
	found, errs := make([][]ec2.Instance, len(regions)), make([]error, len(regions))
	var group sync.WaitGroup
	for n, region := range regions {
		group.Go(func() { found[n], errs[n] = s.cloud.Instances(ctx, region, ofScope(s.scope)) })
	}
	group.Wait()
	for n, region := range regions {
		seen.unseen[region] = errs[n] != nil
	}
	seen.instances = slices.Concat(found...)
	return errs
}

// verdict is what is to be done about a runner.
type verdict struct {
	act act
	why string
	*runner
	machine ec2.Instance // that is to be ended: the runner's own, or another one of its name
}

// act takes a look in, and does what the rules say.
func (s *set) act(ctx context.Context, seen sight) {
	s.mu.Lock()
	doubles := s.see(seen)
	s.seeWarm(seen)
	verdicts := s.judge(seen, doubles)
	s.mu.Unlock()
	s.poke()
	limit := make(chan struct{}, maxConcurrent)
	var group sync.WaitGroup
	for _, v := range verdicts {
		group.Go(func() {
			limit <- struct{}{}
			defer func() { <-limit }()
			s.carryOut(ctx, v)
		})
	}
	group.Go(func() { s.endWarm(ctx, seen.now) })
	group.Wait()
	s.poke()
}

// see takes in what a look saw: the machines and registrations that this process knows, and those that an earlier one
// has made. It returns further machines of a name. mu is held.
func (s *set) see(seen sight) (doubles []ec2.Instance) {
	shown := map[string]bool{}
	for _, i := range seen.instances {
		if !isOfSet(i, s.scope, s.Name) || i.Tags[key.RunnerName] == "" {
			continue
		}
		if other, isDouble := s.seeMachine(i, shown); isDouble {
			doubles = append(doubles, other)
		}
	}
	for name, registration := range seen.runners {
		if s.runners[name] == nil && isNameOf(s.installation, s.Name, name) && !s.wasDropped(name, seen.now) {
			s.runners[name] = &runner{name: name, id: registration.ID, state: runnerUnseen,
				shows: seen.now.Add(launchTime), found: seen.now}
		}
	}
	for name, r := range s.runners {
		if r.instance.ID != "" && !r.over && !seen.unseen[r.instance.Region] {
			isAbsent := !shown[r.instance.ID] && r.launched.Before(seen.begun)
			r.absent = since(r.absent, isAbsent, seen.now)
		}
		s.seeRegistration(r, seen.runners[name], seen)
	}
	return doubles
}

// seeRegistration takes in what GitHub's list says of a runner, unless that is older than what is known. mu is held.
func (s *set) seeRegistration(r *runner, registration github.Runner, seen sight) {
	isOlder := r.registered.After(seen.begun) || r.launching && registration.ID == 0
	if seen.listed && !isOlder {
		before := r.online
		r.see(registration, seen.now)
		s.noteOnline(r, before)
	}
}

// listsLate is how long GitHub's list may show a runner that is gone.
const listsLate = time.Minute

// drop forgets a runner. mu is held.
func (s *set) drop(name string) {
	delete(s.runners, name)
	s.dropped[name] = time.Now()
}

// wasDropped reports whether a runner that GitHub lists is gone. mu is held.
func (s *set) wasDropped(name string, now time.Time) bool {
	maps.DeleteFunc(s.dropped, func(_ string, at time.Time) bool { return now.Sub(at) > listsLate })
	_, dropped := s.dropped[name]
	return dropped
}

// seeMachine takes in one machine. A second one of its runner's name is a double: the one that was launched later. mu
// is held.
func (s *set) seeMachine(i ec2.Instance, shown map[string]bool) (double ec2.Instance, isDouble bool) {
	shown[i.ID] = true
	r := s.runners[i.Tags[key.RunnerName]]
	switch {
	case r == nil && i.Alive():
		s.runners[i.Tags[key.RunnerName]] = adopt(i)
		s.log.Info("machine found", "runner", i.Tags[key.RunnerName], "machine", i.ID, "state", i.State)
	case r == nil:
	case r.instance.ID == "":
		if i.Alive() {
			r.instance, r.shows = i, time.Time{}
			r.due, r.expires = tags.Of(i).DueAt, tags.Of(i).ExpiresAt
		}
	case r.instance.ID == i.ID:
		if !i.Alive() && !r.over {
			s.machineEnded(r, i)
		}
		r.instance = i
		r.stopped = since(r.stopped, i.State == ec2.Stopped, time.Now())
	case !i.Alive():
	case !r.instance.Alive() || isOlder(i, r.instance):
		double, r.instance = r.instance, i
		r.over = false
		return double, double.Alive()
	default:
		return i, true
	}
	return ec2.Instance{}, false
}

// machineEnded notes that EC2 has ended a machine. mu is held.
func (s *set) machineEnded(r *runner, i ec2.Instance) {
	r.over = true
	log := s.log.With("runner", r.name, "machine", i.ID, "reason", i.StateReason)
	switch {
	case i.Ending() == ec2.EndingSpot && r.isBusy(time.Now()):
		s.metrics.SpotTaken(s.Name)
		log.Warn("EC2 took the spot machine with its job", "job", r.job.ID, "run", r.job.RunID,
			"hint", "run the job again; on-demand machines are not taken")
	case r.done.IsZero() && r.state == runnerBusy:
		log.Warn("the machine ended with its job", "job", r.job.ID, "run", r.job.RunID)
	default:
		log.Info("machine is over", "job", r.job.ID)
	}
}

// judge asks the rules about every runner. mu is held.
func (s *set) judge(seen sight, doubles []ec2.Instance) []verdict {
	surplus := s.demand().surplus()
	if !s.held { // who does not listen does not know what is needed
		surplus = 0
	}
	var list []verdict
	judged := func(v view, r *runner, i ec2.Instance) {
		v.now, v.listed = seen.now, seen.listed
		if act, why := judge(v, r); act != spared {
			list = append(list, verdict{act, why, r, i})
		}
	}
	names := slices.Sorted(maps.Keys(s.runners))
	slices.SortStableFunc(names, func(a, b string) int { return s.runners[a].idle.Compare(s.runners[b].idle) })
	for _, name := range names { // those that are idle for the longest time first
		r := s.runners[name]
		v := view{surplus: surplus > 0, removed: !s.removed.IsZero(), waiting: s.held && !s.waiting.IsZero() &&
			seen.now.Sub(s.waiting) >= stuckTime}
		before := len(list)
		judged(v, r, r.instance)
		if len(list) > before && r.isCounted(seen.now) {
			surplus--
		}
	}
	for _, i := range doubles {
		judged(view{doubled: true}, s.runners[i.Tags[key.RunnerName]], i)
	}
	return list
}

// lookForRoom asks EC2 whether machines whose job is over are gone, by one call a region.
func (s *set) lookForRoom(ctx context.Context) {
	byRegion, byID := map[string][]string{}, map[string]*runner{} // a terminated instance soon shows no tags
	s.mu.Lock()
	for _, r := range s.runners {
		if r.isAlive() && !r.takesJobs() {
			byRegion[r.instance.Region] = append(byRegion[r.instance.Region], r.instance.ID)
			byID[r.instance.ID] = r
		}
	}
	s.mu.Unlock()
	for region, ids := range byRegion {
		found, err := s.cloud.Instances(ctx, region, ec2.Selector{IDs: ids})
		if err != nil {
			continue // the look of all sets says so
		}
		s.mu.Lock()
		for _, i := range found {
			if r := byID[i.ID]; r != nil && r.instance.ID == i.ID && !i.Alive() && !r.over {
				s.machineEnded(r, i)
				r.instance = i
			}
		}
		s.mu.Unlock()
	}
}
