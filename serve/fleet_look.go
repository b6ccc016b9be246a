package serve

import (
	"cmp"
	"maps"
	"slices"
	"time"

	"github.com/marqo-ai/ec2-github-runner/ec2"
	"github.com/marqo-ai/ec2-github-runner/github"
	"github.com/marqo-ai/ec2-github-runner/runner/tags"
	"github.com/marqo-ai/ec2-github-runner/runner/tags/key"
	"github.com/marqo-ai/ec2-github-runner/serve/config"
)

// need is what the rules must know of a set.
type need struct {
	file      config.Set
	assigned  int
	running   int  // jobs, by GitHub's count
	listening bool // this process holds the session: only then its counts are valid
	removed   bool // the set was taken out of the file
}

// verdict is what is to be done about a runner, with its state when it was judged.
type verdict struct {
	act    act
	why    string
	runner *runner
	// registration is the id of the one to remove, 0 for none. One that seems to be gone is removed as well: at times
	// GitHub's list lacks busy runners (https://github.com/actions/runner/issues/936), whose removal it refuses.
	registration int64
	machine      ec2.Instance // to terminate: the runner's, or another with the same runner name
	isDouble     bool         // it is another one, which shares the registration
}

// look takes in what a look saw and returns what is to be done about each runner that is not spared.
func (f *fleet) look(seen sight, n need) []verdict {
	f.mu.Lock()
	defer f.mu.Unlock()
	doubles := f.see(seen)
	if seen.listed && !slices.ContainsFunc(f.regions(n.file), func(region string) bool { return seen.unseen[region] }) {
		f.looked = seen.begun
	}
	return f.judge(seen, n, doubles)
}

// regions returns the regions in which the set may have machines. mu is held.
func (f *fleet) regions(file config.Set) (regions []string) {
	for _, p := range file.Machine.Placements {
		regions = append(regions, cmp.Or(p.Region, f.home))
	}
	for _, r := range f.runners {
		regions = append(regions, r.instance.Region)
	}
	return regions
}

// see takes in machines and registrations, both known ones and those of an earlier process. It returns doubles: further
// machines with the runner name of another. mu is held.
func (f *fleet) see(seen sight) (doubles []ec2.Instance) {
	shown := map[string]bool{}
	for _, i := range seen.instances {
		if !isOfSet(i, f.scope, f.set) || i.Tags[key.RunnerName] == "" {
			continue
		}
		if other, isDouble := f.seeMachine(i, shown); isDouble {
			doubles = append(doubles, other)
		}
	}
	installation := f.owner.mark()
	for name, registration := range seen.runners {
		if f.runners[name] == nil && isNameOf(installation, f.set, name) && !f.wasDropped(name, seen.now) {
			f.runners[name] = &runner{name: name, id: registration.ID, state: runnerUnseen,
				shows: seen.now.Add(launchTime), found: seen.now}
		}
	}
	for name, r := range f.runners {
		if r.instance.ID != "" && !r.over && !seen.unseen[r.instance.Region] {
			isAbsent := !shown[r.instance.ID] && r.launched.Before(seen.begun)
			r.absent = since(r.absent, isAbsent, seen.now)
		}
		f.seeRegistration(r, seen.runners[name], seen)
	}
	return doubles
}

// seeRegistration takes in GitHub's list, unless it is older than what is known of the runner. mu is held.
func (f *fleet) seeRegistration(r *runner, registration github.Runner, seen sight) {
	isOlder := r.registered.After(seen.begun) || r.launching && registration.ID == 0
	if seen.listed && !isOlder {
		before := r.online
		r.see(registration, seen.now)
		f.noteOnline(r, before, seen.now)
	}
}

// seeMachine takes in one machine. Of two with the same runner's name the one that was launched later is a double. mu
// is held.
func (f *fleet) seeMachine(i ec2.Instance, shown map[string]bool) (double ec2.Instance, isDouble bool) {
	shown[i.ID] = true
	r := f.runners[i.Tags[key.RunnerName]]
	switch {
	case r == nil && i.Alive():
		f.runners[i.Tags[key.RunnerName]] = adopt(i)
		f.log.Info("machine found", "runner", i.Tags[key.RunnerName], "machine", i.ID, "state", i.State)
	case r == nil:
	case r.instance.ID == "":
		if i.Alive() {
			r.instance, r.shows = i, time.Time{}
			r.due, r.expires = tags.Of(i).DueAt, tags.Of(i).ExpiresAt
		}
	case r.instance.ID == i.ID:
		if !i.Alive() && !r.over {
			f.machineEnded(r, i)
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

// machineEnded notes that EC2 has terminated a machine. mu is held.
func (f *fleet) machineEnded(r *runner, i ec2.Instance) {
	r.over = true
	if r.online.IsZero() && !r.launched.IsZero() && i.Ending() != ec2.EndingUser {
		f.early = &i
	}
	log := f.log.With("runner", r.name, "machine", i.ID, "reason", i.StateReason)
	switch {
	case i.Ending() == ec2.EndingSpot && r.isBusy(time.Now()):
		f.record.spotTaken()
		log.Warn("EC2 took the spot machine with its job", "job", r.job.ID, "run", r.job.RunID,
			"hint", "run the job again; on-demand machines are not taken")
	case r.done.IsZero() && r.state == runnerBusy:
		log.Warn("the machine ended with its job", "job", r.job.ID, "run", r.job.RunID)
	default:
		log.Info("machine is over", "job", r.job.ID)
	}
}

// judge asks the rules about every runner, those that are idle for the longest time first. mu is held.
func (f *fleet) judge(seen sight, n need, doubles []ec2.Instance) (list []verdict) {
	surplus := 0
	if n.listening { // who does not listen does not know what is needed
		surplus = f.count(n.file, n.assigned).surplus()
	}
	isHidden := n.listening && n.running > f.busy(seen.now)
	isWaiting := n.listening && !f.waiting.IsZero() && seen.now.Sub(f.waiting) >= stuckTime
	names := slices.Sorted(maps.Keys(f.runners))
	slices.SortStableFunc(names, func(a, b string) int { return f.runners[a].idle.Compare(f.runners[b].idle) })
	for _, name := range names {
		r := f.runners[name]
		v := view{now: seen.now, listed: seen.listed, surplus: surplus > 0, removed: n.removed, waiting: isWaiting,
			hidden: isHidden}
		act, why := judge(v, r)
		if act == spared {
			continue
		}
		if r.isCounted(seen.now) {
			surplus--
		}
		list = append(list, verdict{act: act, why: why, runner: r, machine: r.instance, registration: r.id})
	}
	for _, i := range doubles {
		r := f.runners[i.Tags[key.RunnerName]]
		if act, why := judge(view{now: seen.now, listed: seen.listed, doubled: true}, r); act != spared {
			list = append(list, verdict{act: act, why: why, runner: r, machine: i, isDouble: true})
		}
	}
	return list
}
