package serve

import (
	"time"

	"github.com/marqo-ai/ec2-github-runner/ec2"
)

// This file records the progress of launches.

// begin adds a runner whose machine is about to be launched.
func (f *fleet) begin(now time.Time) *runner {
	r := &runner{name: newName(f.owner.mark(), f.set), state: runnerUnseen, launching: true, wanted: now}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.runners[r.name] = r
	return r
}

// turn notes that a runner's launch begins, possibly long after begin: due and expires count from now.
func (f *fleet) turn(r *runner, now time.Time) (due, expires time.Time) {
	f.mu.Lock()
	defer f.mu.Unlock()
	r.due, r.expires = now.Add(dueTime), now.Add(lifetime)
	return r.due, r.expires
}

// registering notes that GitHub is asked for a registration. Lists from before cannot contain it.
func (f *fleet) registering(r *runner) {
	f.mu.Lock()
	defer f.mu.Unlock()
	r.registered = time.Now()
}

func (f *fleet) registered(r *runner, id int64) {
	f.mu.Lock()
	defer f.mu.Unlock()
	r.id, r.registered = id, time.Now()
}

// launched notes a runner's machine, unless a look has seen it already.
func (f *fleet) launched(r *runner, i ec2.Instance) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if r.instance.ID == "" {
		r.instance = i
	}
	r.launched = time.Now()
	f.log.Info("machine launched", "runner", r.name, "machine", r.instance.ID, "type", r.instance.Type,
		"market", r.instance.Market, "region", r.instance.Region, "registering", span(r.wanted, r.registered),
		"launching", span(r.registered, r.launched))
}

// inDoubt notes that EC2 may have launched a machine, and may show it until a moment.
func (f *fleet) inDoubt(r *runner, until time.Time) {
	f.mu.Lock()
	defer f.mu.Unlock()
	r.shows = until
}

// finish notes that a launch is over. If it failed, finish returns the id of the registration to remove, 0 for none.
func (f *fleet) finish(r *runner, failed bool, now time.Time) (registration int64) {
	f.mu.Lock()
	defer f.mu.Unlock()
	r.launching = false
	switch {
	case !failed || !r.shows.IsZero() || r.instance.ID != "":
	case r.id != 0:
		return r.id
	case r.registered.IsZero():
		delete(f.runners, r.name)
	default:
		// The answer may have been lost. If there is a registration, a look removes it: it will have no machine.
		r.registered = now
	}
	return 0
}
