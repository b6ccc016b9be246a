package serve

import (
	"cmp"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/marqo-ai/ec2-github-runner/serve/status"
)

// This file shows the server to the status page and the metrics.

// Snapshot returns what the server knows now.
func (s *Server) Snapshot() status.Snapshot {
	now := time.Now()
	shown := status.Snapshot{At: now, Version: s.signIn.version, Scope: s.scope, WebURL: webURL(s.signIn.URL),
		Owner: s.owner.name(), Started: s.started}
	shown.Looked, shown.Unseen, shown.UnseenHint = s.watcher.state()
	shown.NotInFile = s.notInFile.snapshot()
	for _, set := range s.all() {
		shown.Sets = append(shown.Sets, set.snapshot(now))
	}
	return shown
}

// Metrics returns what the server has counted.
func (s *Server) Metrics() *status.Metrics { return s.metrics }

// webURL returns the address of the web pages of the GitHub of a scope.
func webURL(scope string) string {
	at, err := url.Parse(scope)
	if err != nil {
		return ""
	}
	return at.Scheme + "://" + at.Host
}

func (s *set) snapshot(now time.Time) status.Set {
	file, count := s.settings.now(), s.count.now()
	pause := s.pauses.current()
	shown := status.Set{
		Name: s.name, Labels: slices.Clone(file.Labels), Max: file.Max, Min: file.Min, Warm: file.Warm,
		Removed:  s.settings.isRemoved(),
		Assigned: count.Assigned, Running: count.Running,
		Waiting:  count.Available + max(0, count.Assigned-count.Running),
		Refusals: s.record.refusals(),
		Machines: append(s.fleet.snapshot(now), s.warm.snapshot()...),
	}
	s.listener.snapshot(&shown)
	if pause.isOn() && now.Before(pause.until) {
		shown.Paused = pause.until
	}
	slices.SortFunc(shown.Machines, func(a, b status.Machine) int {
		return cmp.Or(a.Since.Compare(b.Since), strings.Compare(a.Runner+a.Instance, b.Runner+b.Instance))
	})
	return shown
}

// snapshot fills in the state of the session.
func (l *listener) snapshot(shown *status.Set) {
	l.mu.Lock()
	defer l.mu.Unlock()
	shown.Session, shown.Polled, shown.Problem, shown.Hint = status.Connecting, l.polled, l.problem, l.hint
	switch {
	case l.session.held:
		shown.Session, shown.Since = status.Listening, l.session.opened
	case l.failure.standby:
		shown.Session = status.Standby
	case l.failure.refused:
		shown.Session = status.Refused
	}
}

// shownState returns the state of the machine for the page, "" if there is no machine.
func (r *runner) shownState(now time.Time) status.State {
	switch {
	case r.over:
		return ""
	case r.launching && r.instance.ID == "":
		return status.Launching
	case !r.takesJobs() && r.instance.ID == "":
		return ""
	case !r.takesJobs():
		return status.Ending
	case r.isBusy(now):
		return status.Busy
	case r.state == runnerIdle:
		return status.Idle
	case r.instance.ID == "":
		return status.Launching // its answer was lost, and it may show itself
	}
	return status.Starting
}

func (r *runner) snapshot(state status.State) status.Machine {
	m := status.Machine{Runner: r.name, Instance: r.instance.ID, Type: r.instance.Type, Market: r.instance.Market,
		Region: r.instance.Region, State: state, Since: r.launched}
	if m.Since.IsZero() {
		m.Since = r.instance.LaunchTime
	}
	if m.Since.IsZero() {
		m.Since = r.wanted
	}
	if r.job.ID != "" {
		m.Job = status.Job{Name: r.job.Name, Repository: r.job.Repository, Run: r.job.RunID}
		if r.done.IsZero() {
			m.Job.Since = r.started
		}
	}
	return m
}
