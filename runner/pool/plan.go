package pool

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"github.com/marqo-ai/ec2-github-runner/ec2"
	"github.com/marqo-ai/ec2-github-runner/runner"
	"github.com/marqo-ai/ec2-github-runner/runner/tags"
	"github.com/marqo-ai/ec2-github-runner/runner/tags/key"
)

// This file decides what to do with a pool's entries; it makes no API calls.

// wantedPool describes what a pool should contain.
type wantedPool struct {
	now    time.Time
	size   int
	maxAge time.Duration
	group  string
	// prints are the fingerprints that a launch would have now, images its images; empty if unknown.
	prints  map[string]bool
	images  map[string]bool
	gone    map[string]bool // images that no longer exist
	failed  map[string]bool // entries whose warm-up failed according to their consoles
	offered string          // the runner version that GitHub offers; empty if unknown
	public  bool            // github.com, which refuses old runners
	since   map[string]time.Time
}

// staleEntry is an entry to be replaced.
type staleEntry struct {
	ec2.Instance
	why string
	// useless reports whether no start can use it: it is terminated even without a replacement.
	useless bool
}

// poolPlan is what to do with a pool.
type poolPlan struct {
	ready, warming []ec2.Instance // entries that stay
	stale          []staleEntry
	surplus        []ec2.Instance
	launch         int
}

// plan compares the entries with what is wanted.
func (w wantedPool) plan(entries []ec2.Instance) poolPlan {
	var p poolPlan
	var good []ec2.Instance
	for _, i := range entries {
		if !tags.Of(i).Entry || !i.Alive() {
			continue
		}
		if why, useless := w.staleReason(i); why != "" {
			p.stale = append(p.stale, staleEntry{i, why, useless})
			continue
		}
		good = append(good, i)
	}
	// The most useful first: ready ones, and the youngest of them.
	slices.SortStableFunc(good, func(a, b ec2.Instance) int {
		return cmp.Or(cmp.Compare(rank(a), rank(b)), b.LaunchTime.Compare(a.LaunchTime), cmp.Compare(a.ID, b.ID))
	})
	stay := min(len(good), w.size)
	for _, i := range good[:stay] {
		if i.State == ec2.Stopped {
			p.ready = append(p.ready, i)
		} else {
			p.warming = append(p.warming, i)
		}
	}
	p.surplus = good[stay:]
	p.launch = w.size - stay
	return p
}

// rank orders states by how soon a machine can be used.
func rank(i ec2.Instance) int {
	return slices.Index([]string{ec2.Stopped, ec2.Stopping, ec2.Running, ec2.Pending}, i.State)
}

// staleReason returns why an entry is no longer wanted, or "".
func (w wantedPool) staleReason(i ec2.Instance) (why string, useless bool) {
	due, until := tags.Of(i).DueAt, tags.Of(i).ExpiresAt
	switch {
	case w.size == 0: // the pool is to be empty
		return "", false
	case w.failed[i.ID]:
		return "its warm-up failed", true
	case i.State != ec2.Stopped && !due.IsZero() && w.now.After(due):
		return "its warm-up should have ended at " + tags.Stamp(due), true
	case !until.IsZero() && !w.now.Add(expiresSoon).Before(until):
		return "it expires at " + tags.Stamp(until), true
	case !i.LaunchTime.IsZero() && w.now.Sub(i.LaunchTime) >= w.maxAge:
		return fmt.Sprintf("it is older than %g hours", w.maxAge.Hours()), false
	case i.Tags[key.Group] != w.group:
		return "it is of runner group " + i.Tags[key.Group], true
	case !w.prints[i.Tags[key.Fingerprint]]:
		return "it was launched with other inputs", false
	case w.gone[i.ImageID]:
		return "its image " + i.ImageID + " is gone", false
	case len(w.images) > 0 && !w.images[i.ImageID]:
		return "there is a newer image than its " + i.ImageID, false
	}
	return w.outdatedReason(i), false
}

// runnerServes is how long GitHub accepts a runner after the following release, with a few days' margin.
// https://github.blog/changelog/2025-08-26-minimum-version-enforcement-for-self-hosted-runners/
const runnerServes = 25 * 24 * time.Hour

// outdatedReason returns why github.com refuses the entry's runner, or soon will, or "": it is below the minimum
// version, or the following release may be too old.
func (w wantedPool) outdatedReason(i ec2.Instance) string {
	version := i.Tags[key.RunnerVersion]
	since := w.since[i.ImageID]
	if since.IsZero() {
		since = i.LaunchTime
	}
	switch {
	case version == "" || !w.public:
	case tags.IsOlder(version, runner.MinimumVersion):
		return "its runner " + version + " is older than GitHub accepts"
	case w.offered != "" && tags.IsOlder(version, w.offered) && w.now.Sub(since) >= runnerServes:
		return fmt.Sprintf("its runner %s will soon be too old: GitHub offers %s", version, w.offered)
	}
	return ""
}
