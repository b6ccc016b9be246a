package pool

import (
	"fmt"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/marqo-ai/ec2-github-runner/ec2"
	"github.com/marqo-ai/ec2-github-runner/runner/tags"
	"github.com/marqo-ai/ec2-github-runner/runner/tags/key"
)

func wanted(size int) wantedPool {
	return wantedPool{
		now: surveyed, size: size, maxAge: 168 * time.Hour, group: "1", prints: map[string]bool{"abc": true},
		images: map[string]bool{"ami-1": true}, public: true, offered: "2.335.0",
		gone: map[string]bool{}, failed: map[string]bool{}, since: map[string]time.Time{},
	}
}

func warmEntry(change func(*ec2.Instance)) ec2.Instance {
	i := ec2.Instance{
		ID: "i-1", State: ec2.Stopped, ImageID: "ami-1", LaunchTime: surveyed.Add(-24 * time.Hour),
		Tags: map[string]string{
			key.Scope: ourScope, key.Mode: tags.ModePool, key.Group: "1", key.Fingerprint: "abc",
			key.RunnerVersion: "2.335.0",
			key.ExpiresAt:     tags.Stamp(surveyed.Add(144 * time.Hour)),
			key.DueAt:         tags.Stamp(surveyed.Add(-23 * time.Hour)),
		},
	}
	change(&i)
	return i
}

// surveyed is the time at which the tests' pool is read.
var surveyed = time.Date(2026, 11, 1, 12, 0, 0, 0, time.UTC)

const ourScope = "org/repo"

// TestStaleEntries: each reason for which an entry is replaced.
func TestStaleEntries(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		change  func(*ec2.Instance)
		wanted  func(*wantedPool)
		why     string
		useless bool
	}{
		"it fits": {},
		"its warm-up failed": {wanted: func(w *wantedPool) { w.failed["i-1"] = true }, why: "its warm-up failed",
			useless: true},
		"its warm-up hangs": {change: func(i *ec2.Instance) { i.State = ec2.Running },
			why: "its warm-up should have ended at 2026-10-31T13:00:00Z", useless: true},
		"it expires": {change: func(i *ec2.Instance) {
			i.Tags[key.ExpiresAt] = tags.Stamp(surveyed.Add(5 * time.Minute))
		},
			why: "it expires at 2026-11-01T12:05:00Z", useless: true},
		"it is too old": {wanted: func(w *wantedPool) { w.maxAge = 12 * time.Hour },
			why: "it is older than 12 hours"},
		"of another group": {change: func(i *ec2.Instance) { i.Tags[key.Group] = "gpu" },
			why: "it is of runner group gpu", useless: true},
		"launched with other inputs": {change: func(i *ec2.Instance) { i.Tags[key.Fingerprint] = "xyz" },
			why: "it was launched with other inputs"},
		"its image is gone": {wanted: func(w *wantedPool) { w.gone["ami-1"] = true }, why: "its image ami-1 is gone"},
		"there is a newer image": {wanted: func(w *wantedPool) { w.images = map[string]bool{"ami-2": true} },
			why: "there is a newer image than its ami-1"},
		"unknown images": {wanted: func(w *wantedPool) { w.images = nil }},
		"runner refused by GitHub": {change: func(i *ec2.Instance) { i.Tags[key.RunnerVersion] = "2.328.9" },
			why: "its runner 2.328.9 is older than GitHub accepts"},
		"an Enterprise Server accepts it": {
			change: func(i *ec2.Instance) { i.Tags[key.RunnerVersion] = "2.328.9" },
			wanted: func(w *wantedPool) { w.public = false },
		},
		"runner a release behind": {change: func(i *ec2.Instance) { i.Tags[key.RunnerVersion] = "2.334.9" }},
		"runner soon refused": {
			change: func(i *ec2.Instance) { i.Tags[key.RunnerVersion] = "2.334.9" },
			wanted: func(w *wantedPool) { w.since["ami-1"] = surveyed.Add(-26 * 24 * time.Hour) },
			why:    "its runner 2.334.9 will soon be too old: GitHub offers 2.335.0",
		},
	} {
		w, i := wanted(1), warmEntry(func(i *ec2.Instance) {
			if c.change != nil {
				c.change(i)
			}
		})
		if c.wanted != nil {
			c.wanted(&w)
		}
		if why, useless := w.staleReason(i); why != c.why || useless != c.useless {
			t.Errorf("%s: %q, useless %t; want %q, %t", name, why, useless, c.why, c.useless)
		}
	}
}

// TestPlan: the entries that stay, go and are launched add up; ready entries are preferred to those that still warm up.
func TestPlan(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		w := wanted(rapid.IntRange(0, 6).Draw(t, "size"))
		var entries []ec2.Instance
		good, ready := 0, 0
		for n := range rapid.IntRange(0, 8).Draw(t, "entries") {
			i := warmEntry(func(i *ec2.Instance) {
				i.ID = fmt.Sprintf("i-%d", n)
				i.State = rapid.SampledFrom([]string{ec2.Stopped, ec2.Stopping, ec2.Pending, ec2.Terminated}).Draw(t,
					"state")
				i.Tags[key.DueAt] = tags.Stamp(surveyed.Add(time.Hour))
				i.Tags[key.Fingerprint] = rapid.SampledFrom([]string{"abc", "abc", "xyz"}).Draw(t, "fingerprint")
				i.Tags[key.Mode] = rapid.SampledFrom([]string{tags.ModePool, tags.ModePool, tags.ModeStart}).Draw(t,
					"mode")
			})
			entries = append(entries, i)
			if i.Tags[key.Mode] == tags.ModePool && i.State != ec2.Terminated && (i.Tags[key.Fingerprint] == "abc" ||
				w.size == 0) {
				good++
				if i.State == ec2.Stopped {
					ready++
				}
			}
		}
		p := w.plan(entries)
		stay := len(p.ready) + len(p.warming)
		if stay+p.launch != w.size || stay+len(p.surplus) != good || len(p.ready) != min(ready, w.size) ||
			p.launch < 0 {
			t.Fatalf("of %d good entries, %d ready, for %d: %d ready, %d warming, %d too many, %d to launch", good,
				ready, w.size, len(p.ready), len(p.warming), len(p.surplus), p.launch)
		}
		for _, i := range p.surplus {
			if i.Tags[key.Mode] != tags.ModePool {
				t.Fatalf("%s is claimed, but counts as surplus", i.ID)
			}
		}
	})
}
