package github_test

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/marqo-ai/ec2-github-runner/github"
	"github.com/marqo-ai/ec2-github-runner/test/simulator"
)

// TestListThatChanges: whatever is removed and registered while the list is read, it contains every runner that exists
// from the first call to the last.
func TestListThatChanges(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		count := rapid.IntRange(100, 2000).Draw(r, "runners")
		at := rapid.SliceOfN(rapid.IntRange(1, 2500), 0, 90).Draw(r, "changes at ms")
		remove := rapid.SliceOfN(rapid.IntRange(-count/2, count), len(at), len(at)).Draw(r, "removed, else registered")
		var missing []string
		config := simulator.Config{ForeignRunners: count, Timing: simulator.Timing{RunnerVisible: time.Millisecond}}
		inBubble(t, config, func(ctx context.Context, t *testing.T, world *simulator.World, client *github.Client) {
			for n, ms := range at {
				change := time.AfterFunc(time.Duration(ms)*time.Millisecond, func() {
					if remove[n] <= 0 {
						world.AddRunner(simulator.RunnerSeed{Name: fmt.Sprintf("new-%d", n)})
						return
					}
					world.RemoveRunner(fmt.Sprintf("foreign-%04d", remove[n]))
				})
				defer change.Stop()
			}
			list, err := client.AllRunners(ctx)
			if err != nil {
				t.Fatal(err)
			}
			for n := range count {
				name := fmt.Sprintf("foreign-%04d", n+1)
				listed := slices.ContainsFunc(list, func(r github.Runner) bool { return r.Name == name })
				if !slices.Contains(remove, n+1) && !listed {
					missing = append(missing, name)
				}
			}
		})
		if len(missing) > 0 {
			r.Errorf("missing: %v", missing)
		}
	})
}

// TestLongListIsReadSideBySide: three thousand runners in less than a second, within GitHub's limit of concurrent
// requests.
func TestLongListIsReadSideBySide(t *testing.T) {
	inBubble(t, simulator.Config{ForeignRunners: 3000}, func(ctx context.Context, t *testing.T, world *simulator.World,
		client *github.Client,
	) {
		begun := time.Now()
		list, err := client.AllRunners(ctx)
		if took := time.Since(begun); err != nil || len(list) != 3000 || took > time.Second {
			t.Errorf("%d runners after %s, %v; want 3,000 within a second", len(list), took, err)
		}
		calls := world.Calls()
		for _, call := range calls {
			atOnce := 0
			for _, other := range calls {
				if !other.Time.After(call.Time) && other.Time.Add(other.Duration).After(call.Time) {
					atOnce++
				}
			}
			if atOnce > 15 || call.Status != http.StatusOK {
				t.Errorf("%d calls at once, answered %d", atOnce, call.Status)
			}
		}
		if len(calls) != 32 {
			t.Errorf("%d calls, want one for each page and one more for each end", len(calls))
		}
	})
}
