package serve

import (
	"log/slog"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/marqo-ai/ec2-github-runner/ec2"
	"github.com/marqo-ai/ec2-github-runner/serve/config"
	"github.com/marqo-ai/ec2-github-runner/serve/status"
)

// fleet is a set's machines and registrations, as this process knows them. It makes no call.
type fleet struct {
	set    string
	scope  string
	home   string // the region of placements that name none
	owner  *owner
	record *record
	log    *slog.Logger

	mu      sync.Mutex
	runners map[string]*runner   // by name
	dropped map[string]time.Time // runners that are gone, and that GitHub may still list
	early   *ec2.Instance        // the last that EC2 has ended before its runner came online
	online  time.Time            // when a runner came online last
	waiting time.Time            // since when jobs wait although runners are idle
	looked  time.Time            // when the last look began that saw all regions of the set and GitHub's list
}

// demand counts the machines.
func (f *fleet) demand(file config.Set, assigned int) demand {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.count(file, assigned)
}

// count counts the machines. A job whose machine has ended needs no other one, although GitHub counts the job until it
// gives it up ten minutes later. mu is held.
func (f *fleet) count(file config.Set, assigned int) demand {
	d, now := demand{min: file.Min, max: file.Max, assigned: assigned}, time.Now()
	for _, r := range f.runners {
		if r.over && r.isBusy(now) {
			d.assigned = max(0, d.assigned-1)
		}
		if r.isCounted(now) {
			d.working++
		}
		if r.launching && r.instance.ID == "" {
			d.launching++
		}
		if r.takesJobs() && (r.state == runnerIdle || r.state == runnerBusy) {
			d.online++
		}
		if r.isAlive() {
			d.living++
		}
	}
	return d
}

// busy counts the runners that have a job, including those whose machine has ended. mu is held.
func (f *fleet) busy(now time.Time) (n int) {
	for _, r := range f.runners {
		if r.isBusy(now) {
			n++
		}
	}
	return n
}

// waitingSince returns since when jobs wait although runners are idle, or zero if none do. GitHub gives a job to an
// idle runner within seconds.
func (f *fleet) waitingSince(assigned int, now time.Time) time.Time {
	f.mu.Lock()
	defer f.mu.Unlock()
	isIdle := false
	for _, r := range f.runners {
		isIdle = isIdle || !r.isBusy(now) && r.state == runnerIdle && r.takesJobs()
	}
	f.waiting = since(f.waiting, isIdle && assigned > f.busy(now), now)
	return f.waiting
}

// lookedSince reports whether the fleet knows the result of a look that has begun since a moment and that saw all
// regions of the set.
func (f *fleet) lookedSince(at time.Time) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return !f.looked.IsZero() && !f.looked.Before(at)
}

// foundSince reports whether a look has found an earlier process's registration without a machine since a moment.
func (f *fleet) foundSince(at time.Time) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, r := range f.runners {
		if r.instance.ID == "" && !r.found.Before(at) {
			return true
		}
	}
	return false
}

// takeEarly returns the last machine that EC2 has ended before its runner came online, once, and when a runner came
// online last.
func (f *fleet) takeEarly() (ended *ec2.Instance, online time.Time) {
	f.mu.Lock()
	defer f.mu.Unlock()
	ended, f.early = f.early, nil
	return ended, f.online
}

// noteOnline notes that a runner is seen online for the first time. mu is held.
func (f *fleet) noteOnline(r *runner, before, now time.Time) {
	if before.IsZero() && !r.online.IsZero() {
		f.online = now
	}
	f.record.online(r, before)
}

func (f *fleet) size() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return len(f.runners)
}

// drop removes a runner.
func (f *fleet) drop(name string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	delete(f.runners, name)
	f.dropped[name] = time.Now()
}

// listsLate is how long GitHub's list may show a runner that is gone.
const listsLate = time.Minute

// wasDropped reports whether a runner that GitHub still lists was dropped. mu is held.
func (f *fleet) wasDropped(name string, now time.Time) bool {
	maps.DeleteFunc(f.dropped, func(_ string, at time.Time) bool { return now.Sub(at) > listsLate })
	_, dropped := f.dropped[name]
	return dropped
}

// terminated notes that a machine was terminated. A later look drops the runner, once GitHub has no registration of it.
func (f *fleet) terminated(r *runner) {
	f.mu.Lock()
	defer f.mu.Unlock()
	r.over = true
}

// finishing returns the ids, by region, of machines whose job is over and that EC2 still has. They are looked up by id,
// since EC2 soon shows a terminated instance without its tags.
func (f *fleet) finishing() map[string][]string {
	f.mu.Lock()
	defer f.mu.Unlock()
	byRegion := map[string][]string{}
	for _, r := range f.runners {
		if r.isAlive() && !r.takesJobs() {
			byRegion[r.instance.Region] = append(byRegion[r.instance.Region], r.instance.ID)
		}
	}
	return byRegion
}

// seeEnded takes in the current state of machines: those that EC2 has terminated are over.
func (f *fleet) seeEnded(found []ec2.Instance) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, r := range f.runners {
		at := slices.IndexFunc(found, func(i ec2.Instance) bool { return i.ID == r.instance.ID })
		if at >= 0 && !found[at].Alive() && !r.over {
			f.machineEnded(r, found[at])
			r.instance = found[at]
		}
	}
}

// snapshot returns the machines for the status page.
func (f *fleet) snapshot(now time.Time) (machines []status.Machine) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, r := range f.runners {
		if state := r.shownState(now); state != "" {
			machines = append(machines, r.snapshot(state))
		}
	}
	return machines
}

// names describes the machines and registrations for people: those that run a job, and the rest.
func (f *fleet) names(now time.Time) (busy, rest []string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, name := range slices.Sorted(maps.Keys(f.runners)) {
		r := f.runners[name]
		about := slices.DeleteFunc([]string{r.instance.ID, string(r.shownState(now)), r.job.Repository, r.job.Name},
			func(text string) bool { return text == "" })
		if len(about) > 0 {
			name += " (" + strings.Join(about, ", ") + ")"
		}
		if r.isBusy(now) && !r.over {
			busy = append(busy, name)
		} else {
			rest = append(rest, name)
		}
	}
	return busy, rest
}
