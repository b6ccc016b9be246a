package serve

import (
	"context"
	"errors"
	"log/slog"
	"maps"
	"math/rand/v2"
	"slices"
	"sync"
	"time"

	"github.com/marqo-ai/ec2-github-runner/ec2"
	"github.com/marqo-ai/ec2-github-runner/runner/diagnosis"
	"github.com/marqo-ai/ec2-github-runner/runner/tags"
	"github.com/marqo-ai/ec2-github-runner/runner/tags/key"
	"github.com/marqo-ai/ec2-github-runner/serve/status"
)

// warmStock is a set's warm machines, which have booted once, with everything installed, and were stopped. A job gets
// one of them before another machine is launched. They have a tag with a fingerprint and none with a runner name, and
// are no entries of a pool of mode pool. Only the process that holds the set's session claims them.
type warmStock struct {
	set      string
	cloud    *ec2.Client
	turns    *regionTurns
	template template
	settings *settings
	offers   *offers
	log      *slog.Logger
	work     *sync.WaitGroup

	mu       sync.Mutex
	machines map[string]*warm // by instance id
	claimed  map[string]bool  // machines that were taken, by instance id, while EC2 shows them
	filling  bool             // warm machines are being launched
	pause    pause
}

// warm is a warm machine, or one that is warming up.
type warm struct {
	ec2.Instance
	fingerprint  string
	due, expires time.Time
	running      time.Time // since when it is not stopped, for this process; zero while it is
	ending       bool
}

// Times of a warm machine.
const (
	warmUpTime  = 30 * time.Minute // after which the machine itself gives up its warm-up
	warmDueTime = 35 * time.Minute
	warmAge     = 7 * 24 * time.Hour
)

// isWarm reports whether an instance of a set is a warm machine that nobody has claimed.
func isWarm(i ec2.Instance) bool {
	return i.Tags[key.Fingerprint] != "" && i.Tags[key.RunnerName] == ""
}

// look takes in what a look saw of warm machines, except claimed ones, whose new tags EC2 may show late.
func (s *warmStock) look(seen sight) {
	s.mu.Lock()
	defer s.mu.Unlock()
	shown, ended := map[string]bool{}, map[string]ec2.Instance{}
	for _, i := range seen.instances {
		if !i.Alive() {
			ended[i.ID] = i
		}
		if !isOfSet(i, s.template.scope, s.set) || !isWarm(i) || !i.Alive() || s.claimed[i.ID] {
			continue
		}
		shown[i.ID] = true
		said := tags.Of(i)
		w := s.machines[i.ID]
		if w == nil {
			w = &warm{}
			s.machines[i.ID] = w
		}
		w.Instance, w.fingerprint, w.due, w.expires = i, i.Tags[key.Fingerprint], said.DueAt, said.ExpiresAt
		if i.State == ec2.Stopped && !w.running.IsZero() && s.pause.early { // one has become ready
			s.pause = pause{}
		}
		w.running = since(w.running, i.State != ec2.Stopped, seen.now)
	}
	maps.DeleteFunc(s.claimed, func(id string, _ bool) bool { // EC2 does not show it any more
		return seen.isWholeCloud() && !slices.ContainsFunc(seen.instances,
			func(i ec2.Instance) bool { return i.ID == id })
	})
	s.forgetEnded(seen, shown, ended)
}

// forgetEnded forgets the machines that EC2 has ended, or does not show any more. mu is held.
func (s *warmStock) forgetEnded(seen sight, shown map[string]bool, ended map[string]ec2.Instance) {
	for id, w := range s.machines {
		_, isEnded := ended[id]
		if !isEnded && (shown[id] || seen.unseen[w.Region] || seen.begun.Sub(w.LaunchTime) <= absentTime) {
			continue
		}
		delete(s.machines, id)
		if w.State != ec2.Stopped && !w.ending && ended[id].Ending() != ec2.EndingUser {
			s.endedEarly(seen.now, id, ended[id].StateReason)
		}
	}
}

// endedEarly pauses after a warm machine that has ended before it was ready: the next one may end as well. mu is held.
func (s *warmStock) endedEarly(now time.Time, id, reason string) {
	if now.Before(s.pause.until) {
		return
	}
	isNew := s.pause.why != reason || !s.pause.early
	s.pause = s.pause.next(now, false, reason, rand.Float64()) //nolint:gosec // spreads load
	s.pause.early = true
	if isNew {
		s.log.Error("warm machines end before they are ready", "machine", id, "reason", reason,
			"hint", diagnosis.StateHint(reason), "retry", s.pause.wait.String())
	}
}

// judgeWarm returns why a warm machine is to be ended, empty where it is not. prints are those that the file asks for,
// nil where they are not known. Another process may have claimed and started one whose tags are read late, so one that
// runs is not judged at once.
func judgeWarm(w *warm, prints map[string]bool, surplus, removed bool, now time.Time) string {
	isRunning := w.State != ec2.Stopped
	switch {
	case isRunning && now.Sub(w.running) < startTime:
		return ""
	case isRunning && !now.Before(w.due):
		return "its warm-up takes too long"
	case !w.expires.IsZero() && !now.Before(w.expires):
		return "its time is over"
	case isRunning && removed && surplus:
		return "it is warming up, and its set was taken out of the file"
	case isRunning:
		return ""
	case prints != nil && !prints[w.fingerprint]:
		return "the set has another image or other settings by now"
	case surplus:
		return "the set keeps fewer warm machines"
	}
	return ""
}

// end ends the warm machines that nothing will use. Without the session it ends none because of the file. What cannot
// be ended now, the next look tries again; the error says what that is.
func (s *warmStock) end(ctx context.Context, now time.Time, listening bool) error {
	var errs []error
	var prints map[string]bool
	if found, ok := s.offers.known(); listening && ok {
		prints = s.template.fingerprints(found)
	}
	for w, why := range s.judge(prints, listening, now) {
		ending, cancel := context.WithTimeout(ctx, removeTimeout)
		err := s.cloud.End(ending, w.Region, w.ID)
		cancel()
		s.mu.Lock()
		if err == nil {
			delete(s.machines, w.ID)
			s.log.Info("warm machine ended", "machine", w.ID, "why", why)
		} else {
			w.ending = false
			errs = append(errs, err)
			s.log.Warn("warm machine not ended; the next look tries again", "machine", w.ID, "why", why,
				"error", err.Error())
		}
		s.mu.Unlock()
	}
	return errors.Join(errs...)
}

// judge returns which warm machines are to be ended, and why. From now on they cannot be claimed.
func (s *warmStock) judge(prints map[string]bool, listening bool, now time.Time) map[*warm]string {
	s.mu.Lock()
	defer s.mu.Unlock()
	surplus := len(s.machines) - s.settings.now().Warm
	ends := map[*warm]string{}
	for _, id := range slices.Sorted(maps.Keys(s.machines)) {
		w := s.machines[id]
		if why := judgeWarm(w, prints, listening && surplus > 0, s.settings.isRemoved(), now); why != "" && !w.ending {
			w.ending, ends[w] = true, why
			surplus--
		}
	}
	return ends
}

// isEmpty reports whether there is no warm machine, including those that are being launched or claimed.
func (s *warmStock) isEmpty() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.machines)+len(s.claimed) == 0 && !s.filling
}

// snapshot returns the warm machines for the status page.
func (s *warmStock) snapshot() (machines []status.Machine) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, w := range s.machines {
		m := status.Machine{Instance: w.ID, Type: w.Type, Market: w.Market, Region: w.Region, State: status.Warming,
			Since: w.LaunchTime}
		if w.State == ec2.Stopped {
			m.State = status.Stopped
		}
		machines = append(machines, m)
	}
	return machines
}
