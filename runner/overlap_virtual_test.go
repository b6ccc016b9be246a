package runner_test

import (
	"context"
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/marqo-ai/ec2-github-runner/runner/post"
	"github.com/marqo-ai/ec2-github-runner/runner/sweep"
	"github.com/marqo-ai/ec2-github-runner/runner/tags"
	"github.com/marqo-ai/ec2-github-runner/test/simulator"
)

// TestLaunchesOverlapRegistrations starts two hundred runners by JIT. GitHub's eighty creations a minute let them be
// registered in 150 s; that their machines are launched two a second costs no time beside that.
func TestLaunchesOverlapRegistrations(t *testing.T) {
	t.Parallel()
	inBubble(t, simulator.Config{}, func(ctx context.Context, t *testing.T, s *stage) {
		const count = 200
		r := request()
		r.JIT, r.Groups[0].Count = true, count
		result, err := s.starter.Start(ctx, r)
		if err != nil {
			t.Fatal(err)
		}
		t.Logf("%d by JIT took %s", count, result.Took)
		if most := time.Duration(count) * time.Minute / 80 * 115 / 100; result.Took > most {
			t.Errorf("it took %s, at most %s", result.Took, most)
		}
		for _, call := range s.world.Calls() {
			if call.Status >= http.StatusBadRequest {
				t.Errorf("%s was refused: %d %s", call.Operation, call.Status, call.Code)
			}
		}
		if instances, runners := s.world.Leftovers(); len(instances) != count || len(runners) != count {
			t.Errorf("%d machines and %d runners, want %d of each", len(instances), len(runners), count)
		}
	})
}

// TestPostOfANameThatAnotherStartHas: a killed start had launched one machine and was registering the next. Another
// start had the name before, which GitHub had not told yet: its registration stays.
func TestPostOfANameThatAnotherStartHas(t *testing.T) {
	t.Parallel()
	config := simulator.Config{
		Runners: []simulator.RunnerSeed{{Name: "ec2-build-1", Offline: true}},
		Instances: []simulator.InstanceSeed{
			{ID: "i-0aaaaaaaaaaaaaaa1", Token: "egr-ours", Tags: map[string]string{"ec2-github-runner:nonce": "ours"}},
			{ID: "i-0aaaaaaaaaaaaaaa2", Tags: map[string]string{
				"ec2-github-runner:nonce": "theirs", "ec2-github-runner:runner-name": "ec2-build-1",
			}},
		},
	}
	inBubble(t, config, func(ctx context.Context, t *testing.T, s *stage) {
		result := cleanUp(ctx, s.starter, post.Request{
			Identity: tags.Identity{Nonce: "ours", Label: "build"},
			Tokens:   map[string][]string{"us-east-1": {"egr-ours"}},
			Made:     []post.Registration{{Name: "ec2-build-1", JIT: true}},
		})
		if len(result.Terminated) != 1 || result.Terminated[0] != "i-0aaaaaaaaaaaaaaa1" {
			t.Errorf("terminated %v, want our one machine", result.Terminated)
		}
		for _, r := range s.world.Snapshot().Runners {
			if r.Name == "ec2-build-1" {
				return
			}
		}
		t.Error("the registration of another start is removed")
	})
}

// TestRunnerThatMovesBetweenPages: with each look somebody removes a runner of the first page while the second is still
// to be read, so that the first of the second page is on none. It is not taken for one that is gone.
func TestRunnerThatMovesBetweenPages(t *testing.T) {
	t.Parallel()
	config := simulator.Config{ForeignRunners: 100, Timing: simulator.Timing{RunnerVisible: time.Millisecond}}
	inBubble(t, config, func(ctx context.Context, t *testing.T, s *stage) {
		removed := 0
		s.world.OnRequest(func(request *http.Request, _ *http.Response) {
			query := request.URL.Query()
			if query.Get("per_page") == "100" && query.Get("page") == "" && query.Get("name") == "" {
				removed++
				s.world.RemoveRunner(fmt.Sprintf("foreign-%04d", removed))
				s.world.AddRunner(simulator.RunnerSeed{Name: fmt.Sprintf("another-%04d", removed), Offline: true})
			}
		})
		r := request()
		r.JIT, r.Groups[0].Count = true, 40
		if _, err := s.starter.Start(ctx, r); err != nil {
			t.Fatal(err)
		}
		if removed < 10 {
			t.Errorf("the list has changed %d times", removed)
		}
	})
}

// TestSweepAmongThousands: the pages of GitHub's list are read side by side.
func TestSweepAmongThousands(t *testing.T) {
	t.Parallel()
	inBubble(t, simulator.Config{ForeignRunners: 3000}, func(ctx context.Context, t *testing.T, s *stage) {
		begun := time.Now()
		sweeper := &sweep.Sweeper{Cloud: s.starter.Cloud, Registry: s.starter.Registry, Log: s.starter.Log}
		if _, err := sweeper.Sweep(ctx, sweep.Request{
			Repository: "demo-org/demo", Scope: "demo-org/demo", Regions: []string{"us-east-1"},
			Grace: 10 * time.Minute,
		}); err != nil {
			t.Fatal(err)
		}
		took := time.Since(begun)
		t.Logf("a sweep among 3,000 took %s", took)
		if took > 1400*time.Millisecond { // the process itself takes some of the 1.5 s
			t.Error("it took longer than 1.4s")
		}
	})
}
