package sweep

import (
	"fmt"
	"time"

	"github.com/marqo-ai/ec2-github-runner/ec2"
	"github.com/marqo-ai/ec2-github-runner/runner/diagnosis"
	"github.com/marqo-ai/ec2-github-runner/runner/tags"
	"github.com/marqo-ai/ec2-github-runner/runner/tags/key"
)

// This file judges pool entries and claims on them, beside orphans.go. An entry outlives its run by design.

// isUnstarted frees an entry whose claim has not become a start within the grace: a claim takes seconds.
func (s *survey) isUnstarted(i ec2.Instance, f facts) (Act, string) {
	if !tags.Of(i).IsUnstarted() {
		return "", ""
	}
	at := tags.Of(i).ClaimedAt
	switch {
	case f.state == runnerIdle:
		return Spared, "it is claimed, and its runner is online"
	case at.IsZero():
		return Spared, "it is claimed, and since when is not known"
	case s.now.Sub(at) < s.grace:
		return Spared, fmt.Sprintf("it was claimed less than %s ago", diagnosis.Minutes(s.grace))
	case s.isOver(i):
		return Terminated, "it was claimed at " + tags.Stamp(at) +
			" and never started, and its time in the pool is over"
	}
	return Freed, "it was claimed at " + tags.Stamp(at) + " and never started"
}

// isOver reports whether an entry's time in its pool is over.
func (s *survey) isOver(i ec2.Instance) bool {
	until := tags.Of(i).PoolUntil
	return !until.IsZero() && !s.now.Before(until)
}

// isPoolEntry spares an entry until it expires, ends a warm-up that hangs, and frees an entry from a registration that
// no claim will use any more: that takes two looks, as with all that may be under way.
func (s *survey) isPoolEntry(i ec2.Instance, f facts) (Act, string) {
	if tags.Of(i).Mode != tags.ModePool {
		return "", ""
	}
	if f.state == runnerIdle {
		return Spared, "it is an entry of a pool, and its runner is online"
	}
	if act, why := s.isExpired(i, f); act != "" {
		return act, why
	}
	switch {
	case s.isOverdue(i):
		return Terminated, "its warm-up was to be over at " + tags.Stamp(tags.Of(i).DueAt)
	case f.state == runnerOffline && i.State == ec2.Stopped:
		return s.isBlocked(i, f)
	case i.Tags[key.SuspectSince] != "":
		return Unmarked, "nothing holds it any more"
	}
	return Spared, s.poolWords(i)
}

// isOverdue reports whether an entry should have powered itself off long ago. One that was freed has no such time, and
// stands still.
func (s *survey) isOverdue(i ec2.Instance) bool {
	due := tags.Of(i).DueAt
	return (i.State == ec2.Pending || i.State == ec2.Running) && !due.IsZero() && s.now.After(due.Add(s.grace))
}

func (s *survey) isBlocked(i ec2.Instance, f facts) (Act, string) {
	since := tags.Of(i).SuspectSince
	switch {
	case since.IsZero(), tags.Of(i).RunnerID != f.runner.ID:
		return Marked, "a registration under its name holds it"
	case s.now.Sub(since) < s.grace:
		return Spared, "a registration under its name holds it since " + since.UTC().Format(time.TimeOnly) +
			"; a later sweep looks again"
	}
	return Freed, "a registration under its name holds it since " + tags.Stamp(since) + " and nothing was started"
}

func (s *survey) poolWords(i ec2.Instance) string {
	words := "it is an entry of a pool"
	if name := i.Tags[key.Pool]; name != "" {
		words = fmt.Sprintf("it is an entry of pool %s (%s)", name, i.State)
	}
	if at := tags.Of(i).ExpiresAt; !at.IsZero() {
		return words + " until " + tags.Stamp(at)
	}
	return words + ", and nothing says until when"
}
