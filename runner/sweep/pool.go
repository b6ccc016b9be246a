package sweep

import (
	"fmt"
	"time"

	"github.com/marqo-ai/ec2-github-runner/ec2"
	"github.com/marqo-ai/ec2-github-runner/runner/diagnosis"
	"github.com/marqo-ai/ec2-github-runner/runner/tags"
	"github.com/marqo-ai/ec2-github-runner/runner/tags/key"
)

// This file judges pool entries and claims on them; it belongs to orphans.go. By design an entry outlives its run.

// freeUnstarted frees an entry whose claim has not led to a start within the grace period: a claim takes seconds.
func (s *survey) freeUnstarted(i ec2.Instance, f facts) (Act, string) {
	if !tags.Of(i).IsUnstarted() {
		return "", ""
	}
	at := tags.Of(i).ClaimedAt
	switch {
	case f.state == runnerIdle:
		return Spared, "it is claimed, and its runner is online"
	case at.IsZero():
		return Spared, "it is claimed, and the time of the claim is unknown"
	case s.now.Sub(at) < s.grace:
		return Spared, fmt.Sprintf("it was claimed less than %s ago", diagnosis.Minutes(s.grace))
	case s.isExpired(i):
		return Terminated, "it was claimed at " + tags.Stamp(at) +
			" and never started, and it has expired"
	}
	return Freed, "it was claimed at " + tags.Stamp(at) + " and never started"
}

// isExpired reports whether an entry has expired.
func (s *survey) isExpired(i ec2.Instance) bool {
	until := tags.Of(i).PoolUntil
	return !until.IsZero() && !s.now.Before(until)
}

// judgeEntry spares an entry until it expires, terminates a warm-up that hangs, and frees an entry from a registration
// that no claim will use. That takes two looks, like everything that may be in progress.
func (s *survey) judgeEntry(i ec2.Instance, f facts) (Act, string) {
	if tags.Of(i).Mode != tags.ModePool {
		return "", ""
	}
	if f.state == runnerIdle {
		return Spared, "it is a pool entry, and its runner is online"
	}
	if act, why := s.endExpired(i, f); act != "" {
		return act, why
	}
	switch {
	case s.isOverdue(i):
		return Terminated, "its warm-up should have ended at " + tags.Stamp(tags.Of(i).DueAt)
	case f.state == runnerOffline && i.State == ec2.Stopped:
		return s.freeBlocked(i, f)
	case i.Tags[key.SuspectSince] != "":
		return Unmarked, "no registration blocks it any more"
	}
	return Spared, s.describeEntry(i)
}

// isOverdue reports whether an entry should have powered itself off long ago. A freed entry has no deadline: it is
// stopped.
func (s *survey) isOverdue(i ec2.Instance) bool {
	due := tags.Of(i).DueAt
	return (i.State == ec2.Pending || i.State == ec2.Running) && !due.IsZero() && s.now.After(due.Add(s.grace))
}

func (s *survey) freeBlocked(i ec2.Instance, f facts) (Act, string) {
	since := tags.Of(i).SuspectSince
	switch {
	case since.IsZero(), tags.Of(i).RunnerID != f.runner.ID:
		return Marked, "a registration under its name blocks it"
	case s.now.Sub(since) < s.grace:
		return Spared, "a registration under its name has blocked it since " + since.UTC().Format(time.TimeOnly) +
			"; a later sweep looks again"
	}
	return Freed, "a registration under its name has blocked it since " + tags.Stamp(since) + " and nothing was started"
}

func (s *survey) describeEntry(i ec2.Instance) string {
	text := "it is a pool entry"
	if name := i.Tags[key.Pool]; name != "" {
		text = fmt.Sprintf("it is an entry of pool %s (%s)", name, i.State)
	}
	if at := tags.Of(i).ExpiresAt; !at.IsZero() {
		return text + " until " + tags.Stamp(at)
	}
	return text + ", and its expiry is unknown"
}
