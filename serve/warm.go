package serve

import (
	"cmp"
	"context"
	"errors"
	"maps"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/marqo-ai/ec2-github-runner/bootstrap"
	"github.com/marqo-ai/ec2-github-runner/ec2"
	"github.com/marqo-ai/ec2-github-runner/ec2/refusal"
	"github.com/marqo-ai/ec2-github-runner/machine"
	"github.com/marqo-ai/ec2-github-runner/runner/tags"
	"github.com/marqo-ai/ec2-github-runner/runner/tags/key"
	"github.com/marqo-ai/ec2-github-runner/serve/queue"
)

// A set's warm machines have booted once, with everything installed, and were stopped. The next jobs take them before
// others are launched. They carry a fingerprint and no runner's name, and are no entries of a pool of mode pool. One
// process holds the set's session, so nobody else claims them.

// warm is a warm machine, or one that is about to be.
type warm struct {
	ec2.Instance
	fingerprint  string
	due, expires time.Time
	ending       bool
}

// Times of a warm machine.
const (
	warmUpTime  = 30 * time.Minute // within which the machine itself gives its warm-up up
	warmDueTime = 35 * time.Minute
	warmAge     = 7 * 24 * time.Hour
)

// isWarm reports whether an instance of a set is a warm machine that nobody has claimed.
func isWarm(i ec2.Instance) bool {
	return i.Tags[key.Fingerprint] != "" && i.Tags[key.RunnerName] == ""
}

// seeWarm takes in what a look saw of warm machines. A claim under way has taken its machine out already, and its tags
// may be read late. mu is held.
func (s *set) seeWarm(seen sight) {
	shown := map[string]bool{}
	for _, i := range seen.instances {
		if !isOfSet(i, s.scope, s.Name) || !isWarm(i) || !i.Alive() || s.claimed[i.ID] {
			continue
		}
		shown[i.ID] = true
		said := tags.Of(i)
		w := s.warm[i.ID]
		if w == nil {
			w = &warm{}
			s.warm[i.ID] = w
		}
		w.Instance, w.fingerprint, w.due, w.expires = i, i.Tags[key.Fingerprint], said.DueAt, said.ExpiresAt
	}
	maps.DeleteFunc(s.claimed, func(id string, _ bool) bool { // EC2 does not show it any more
		return seen.wholeCloud() && !slices.ContainsFunc(seen.instances,
			func(i ec2.Instance) bool { return i.ID == id })
	})
	maps.DeleteFunc(s.warm, func(id string, w *warm) bool {
		return !shown[id] && !seen.unseen[w.Region] && seen.begun.Sub(w.LaunchTime) > absentTime
	})
}

// judgeWarm is why a warm machine is to be ended, empty where it is not. prints are those that the file asks for, nil
// where they are not known.
func judgeWarm(w *warm, prints map[string]bool, surplus bool, now time.Time) string {
	switch {
	case w.State != ec2.Stopped && !now.Before(w.due):
		return "its warm-up takes too long"
	case !w.expires.IsZero() && !now.Before(w.expires):
		return "its time is over"
	case w.State != ec2.Stopped:
		return ""
	case prints != nil && !prints[w.fingerprint]:
		return "the set has another image or other settings by now"
	case surplus:
		return "the set keeps fewer warm machines"
	}
	return ""
}

// endWarm ends the warm machines that nothing will use. Who does not listen ends none because of the file.
func (s *set) endWarm(ctx context.Context, now time.Time) {
	s.mu.Lock()
	var prints map[string]bool
	if s.held && s.found != nil {
		prints = s.prints(*s.found)
	}
	surplus := len(s.warm) - s.Warm
	ends := map[*warm]string{}
	for _, id := range slices.Sorted(maps.Keys(s.warm)) {
		w := s.warm[id]
		if why := judgeWarm(w, prints, s.held && surplus > 0, now); why != "" && !w.ending {
			w.ending, ends[w] = true, why
			surplus--
		}
	}
	s.mu.Unlock()
	for w, why := range ends {
		ending, cancel := context.WithTimeout(ctx, actTimeout)
		err := s.cloud.End(ending, w.Region, w.ID)
		cancel()
		s.mu.Lock()
		if err == nil {
			delete(s.warm, w.ID)
			s.log.Info("warm machine ended", "machine", w.ID, "why", why)
		} else {
			w.ending = false
			s.log.Warn("warm machine not ended; the next look tries again", "machine", w.ID, "why", why,
				"error", err.Error())
		}
		s.mu.Unlock()
	}
}

// warmOfferings are those of a set for warm machines: EC2 cannot keep a spot machine stopped.
func warmOfferings(offerings []ec2.Offering) (list []ec2.Offering) {
	seen := map[string]bool{}
	for _, o := range offerings {
		o.Market = machine.OnDemand
		at := o.InstanceType + " " + o.Placement.Region + " " + o.Placement.SubnetID + " " + o.Placement.ImageID
		if !seen[at] {
			seen[at], list = true, append(list, o)
		}
	}
	return list
}

// print is the fingerprint of what an offering gives: a new image or runner version makes another one.
func (s *set) print(o ec2.Offering, found offer) string {
	at := o.Placement
	at.Region = cmp.Or(at.Region, s.cloud.Region())
	return found.machine.Fingerprint(at, o.InstanceType+" "+found.software.Version())
}

func (s *set) prints(found offer) map[string]bool {
	prints := map[string]bool{}
	for _, o := range warmOfferings(found.offerings) {
		prints[s.print(o, found)] = true
	}
	return prints
}

// fillWarm launches what the set lacks of warm machines, once everything else is there. mu is held.
func (s *set) fillWarm(ctx context.Context, now time.Time) {
	missing := s.Warm - len(s.warm)
	if missing <= 0 || s.warming || now.Before(s.warmPause.until) {
		return
	}
	s.warming = true
	s.launches.Go(func() {
		made, err := s.warmUp(ctx, missing)
		now := time.Now()
		s.mu.Lock()
		s.warming = false
		for _, w := range made {
			s.warm[w.ID] = w
			s.log.Info("warm machine launched; it stops itself", "machine", w.ID, "type", w.Type)
		}
		if err != nil && ctx.Err() == nil {
			s.warmPause = s.warmPause.next(now, isFatal(err), "", rand.Float64()) //nolint:gosec // spreads load
			s.log.Warn("warm machines are missing", "error", reasonOf(err), "hint", launchHint(err),
				"retry", s.warmPause.wait.String())
		} else {
			s.warmPause = pause{}
		}
		s.mu.Unlock()
	})
}

// warmUp launches warm machines, all by one call: nothing tells them apart.
func (s *set) warmUp(ctx context.Context, count int) ([]*warm, error) {
	giveBack, err := s.turns.take(ctx, s.Name)
	if err != nil {
		return nil, err
	}
	defer giveBack()
	found, err := s.offer(ctx)
	if err != nil {
		return nil, err
	}
	data, err := bootstrap.Spec{Machine: found.machine, URL: s.signIn.URL, Software: found.software.List,
		DownloadToken: found.software.Token, Warm: true, RegistrationTimeout: warmUpTime}.UserData()
	if err != nil {
		return nil, err
	}
	now := time.Now()
	offerings, id := warmOfferings(found.offerings), identity(s.scope, "")
	own := func(offering int) map[string]string {
		values := ownTags(id, s.Name, 0, now.Add(warmDueTime), now.Add(warmAge))
		delete(values, key.RunnerName)
		delete(values, key.RunnerID)
		values[key.Fingerprint] = s.print(offerings[offering], found)
		return values
	}
	instances, trail, err := s.cloud.LaunchMany(ctx, ec2.LaunchSpec{
		Machine: found.machine, UserData: func(int) []byte { return data }, NeedsTags: true, Stops: true,
		KeepTag: key.KeepVolumes, OwnTags: own, TokenTag: key.ClientToken,
		Token: func(offering, try int) string { return id.ClientToken("warm "+s.Name, 0, offering, try) },
	}, count, offerings, ec2.Observer{})
	if err != nil {
		err = &launchError{err, trail}
	}
	made := make([]*warm, len(instances))
	for n, i := range instances {
		i.Type = cmp.Or(i.Type, offerings[i.Offering].InstanceType)
		made[n] = &warm{Instance: i, fingerprint: own(i.Offering)[key.Fingerprint], due: now.Add(warmDueTime),
			expires: now.Add(warmAge)}
	}
	return made, err
}

// takeWarm takes a warm machine for a runner, nil where there is none.
func (s *set) takeWarm(found offer) *warm {
	prints := s.prints(found)
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.warmPause.fatal && time.Now().Before(s.warmPause.until) {
		return nil
	}
	for _, id := range slices.Sorted(maps.Keys(s.warm)) {
		if w := s.warm[id]; w.State == ec2.Stopped && !w.ending && prints[w.fingerprint] {
			delete(s.warm, id)
			s.claimed[id] = true
			return w
		}
	}
	return nil
}

// warmError is a warm machine that could not be started. It is ended, and another one takes its place.
type warmError struct{ error }

func (e *warmError) Unwrap() error { return e.error }

func isWarmError(err error) bool {
	_, warm := errors.AsType[*warmError](err)
	return warm
}

// warmFailed says that a warm machine did not start. Where EC2 does not allow it, none is made or taken for a while. mu
// is held.
func (s *set) warmFailed(now time.Time, r *runner, err error) {
	hint := ""
	if refusal.ClassOf(err) == refusal.Denied {
		hint = "allow ec2:CreateTags, ec2:ModifyInstanceAttribute and ec2:StartInstances (docs/permissions.md, " +
			"feature pool), or take warm out of the file"
		s.warmPause = s.warmPause.next(now, true, "", 1)
	}
	s.log.Warn("a warm machine did not start; another one takes its place", "runner", r.name, "error", err.Error(),
		"hint", hint)
}

// startWarm makes a warm machine the runner's, and starts it. The tags come first: a process that is killed in between
// leaves a stopped machine with a runner's name, which the next look ends.
func (s *set) startWarm(ctx context.Context, r *runner, w *warm, by queue.Registration, found offer) error {
	data, err := s.machine(r, by, found).UserData()
	if err != nil {
		return err
	}
	own := ownTags(identity(s.scope, r.name), s.Name, by.ID, r.due, r.expires)
	own[key.Fingerprint] = ""
	if found.machine.JobReport {
		own[key.JobReport] = "true"
	}
	for _, step := range []func() error{
		func() error { return s.cloud.Tag(ctx, w.Region, w.ID, own) },
		func() error { return s.cloud.SetUserData(ctx, w.Region, w.ID, data) },
		func() error { return s.cloud.SetShutdownBehavior(ctx, w.Region, w.ID) },
		func() error { _, err := s.cloud.Start(ctx, w.Region, w.ID); return err },
	} {
		if err := step(); err != nil {
			ending, cancel := context.WithTimeout(context.WithoutCancel(ctx), closeTime)
			defer cancel()
			return &warmError{errors.Join(err, s.cloud.End(ending, w.Region, w.ID))}
		}
	}
	w.Instance.State, w.Instance.Market = ec2.Pending, machine.OnDemand
	s.mu.Lock()
	defer s.mu.Unlock()
	if r.instance.ID == "" {
		r.instance = w.Instance
	}
	r.launched = time.Now()
	return nil
}
