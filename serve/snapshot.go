package serve

import (
	"cmp"
	"errors"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/marqo-ai/ec2-github-runner/ec2"
	"github.com/marqo-ai/ec2-github-runner/ec2/refusal"
	"github.com/marqo-ai/ec2-github-runner/serve/queue"
	"github.com/marqo-ai/ec2-github-runner/serve/status"
)

// This file shows the server to those who look at it, and counts what happens for them.

// Snapshot is what the server knows now.
func (s *Server) Snapshot() status.Snapshot {
	now := time.Now()
	shown := status.Snapshot{At: now, Version: s.signIn.version, Scope: s.scope, WebURL: webURL(s.signIn.URL)}
	s.mu.Lock()
	shown.Owner, shown.Looked, shown.Unseen = s.owner, s.looked, s.unseen
	s.mu.Unlock()
	for _, set := range s.all() {
		shown.Sets = append(shown.Sets, set.snapshot(now))
	}
	return shown
}

// Metrics are what the server has counted.
func (s *Server) Metrics() *status.Metrics { return s.metrics }

// webURL is where a GitHub's pages are.
func webURL(scope string) string {
	at, err := url.Parse(scope)
	if err != nil {
		return ""
	}
	return at.Scheme + "://" + at.Host
}

func (s *set) snapshot(now time.Time) status.Set {
	s.mu.Lock()
	defer s.mu.Unlock()
	shown := status.Set{
		Name: s.Name, Labels: slices.Clone(s.Labels), Max: s.Max, Min: s.Min, Warm: s.Warm,
		Removed: !s.removed.IsZero(),
		Polled:  s.polled,
		Session: status.Connecting, Problem: s.problem, Hint: s.hint,
		Assigned: s.count.Assigned, Running: s.count.Running,
		Waiting:  s.count.Available + max(0, s.count.Assigned-s.count.Running),
		Refusals: slices.Clone(s.refusals),
	}
	switch {
	case s.held:
		shown.Session, shown.Since = status.Listening, s.opened
	case s.failed.standby:
		shown.Session = status.Standby
	case s.failed.refused:
		shown.Session = status.Refused
	}
	if s.pause.isOn() && now.Before(s.pause.until) {
		shown.Paused = s.pause.until
	}
	for _, r := range s.runners {
		if state := r.shownState(now); state != "" {
			shown.Machines = append(shown.Machines, r.snapshot(state))
		}
	}
	for _, w := range s.warm {
		m := status.Machine{Instance: w.ID, Type: w.Type, Market: w.Market, Region: w.Region, State: status.Warming,
			Since: w.LaunchTime}
		if w.State == ec2.Stopped {
			m.State = status.Stopped
		}
		shown.Machines = append(shown.Machines, m)
	}
	slices.SortFunc(shown.Machines, func(a, b status.Machine) int {
		return cmp.Or(a.Since.Compare(b.Since), strings.Compare(a.Runner+a.Instance, b.Runner+b.Instance))
	})
	return shown
}

// shownState is what the machine does, empty where there is none.
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

// maxRefusals is how many refusals of a set are kept for the page.
const maxRefusals = 10

// noteRefusal keeps a refusal for the page. mu is held.
func (s *set) noteRefusal(now time.Time, message, hint string) {
	kept := status.Refusal{At: now, Times: 1, Message: message, Hint: hint}
	same := slices.IndexFunc(s.refusals, func(r status.Refusal) bool { return r.Message == message })
	if same >= 0 {
		kept.Times += s.refusals[same].Times
		s.refusals = slices.Delete(s.refusals, same, same+1)
	}
	s.refusals = slices.Insert(s.refusals, 0, kept)
	s.refusals = s.refusals[:min(len(s.refusals), maxRefusals)]
}

// noteFailure keeps why the set is not listening. That another process has the session is no refusal.
func (s *set) noteFailure(f failure, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.failed, s.problem, s.hint = f, f.message+": "+err.Error(), hintOf(err)
	if f.standby {
		return
	}
	s.countRefusal(err)
	if f.refused {
		s.noteRefusal(time.Now(), s.problem, s.hint)
	}
}

// countRefusal counts what GitHub has refused or not answered.
func (s *set) countRefusal(err error) {
	if call, ok := errors.AsType[*queue.CallError](err); ok {
		s.metrics.RefusedByGitHub(s.Name, call.Status)
	}
}

// codeOf is EC2's code of a refusal.
func codeOf(err error) string {
	if call, ok := errors.AsType[*refusal.CallError](err); ok && call.Code != "" {
		return call.Code
	}
	return "no answer"
}

// noteLook keeps when a look began, or what it could not see.
func (s *Server) noteLook(begun time.Time, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err != nil {
		s.unseen = err.Error()
		return
	}
	s.looked, s.unseen = begun, ""
}

// noteOnline counts how long a machine took, when it is seen online for the first time. mu is held.
func (s *set) noteOnline(r *runner, before time.Time) {
	if before.IsZero() && !r.online.IsZero() && !r.launched.IsZero() {
		s.metrics.Online(s.Name, r.online.Sub(r.launched))
	}
}

// noteStarted counts how long a job has waited for a runner, by GitHub's own clock.
func (s *set) noteStarted(job queue.Job) {
	if !job.Queued.IsZero() && !job.RunnerAssigned.IsZero() {
		s.metrics.Started(s.Name, job.RunnerAssigned.Sub(job.Queued))
	}
}
