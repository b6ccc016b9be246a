package runner_test

import (
	"context"
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/marqo-ai/ec2-github-runner/test/bubble"
	"github.com/marqo-ai/ec2-github-runner/test/simulator"
)

// TestLaunchesOverlapRegistrations starts two hundred runners by JIT. GitHub's limit of eighty creations a minute makes
// the registrations take 150 s; launching the machines at two a second must not add to that.
func TestLaunchesOverlapRegistrations(t *testing.T) {
	t.Parallel()
	inBubble(t, simulator.Config{}, func(ctx context.Context, t *testing.T, s *stage) {
		const count = 200
		r := bubble.Request()
		r.JIT, r.Groups[0].Count = true, count
		result, err := s.Starter.Start(ctx, r)
		if err != nil {
			t.Fatal(err)
		}
		t.Logf("%d by JIT took %s", count, result.Took)
		if most := time.Duration(count) * time.Minute / 80 * 115 / 100; result.Took > most {
			t.Errorf("it took %s, at most %s", result.Took, most)
		}
		for _, call := range s.World.Calls() {
			if call.Status >= http.StatusBadRequest {
				t.Errorf("%s was refused: %d %s", call.Operation, call.Status, call.Code)
			}
		}
		if instances, runners := s.World.Leftovers(); len(instances) != count || len(runners) != count {
			t.Errorf("%d machines and %d runners, want %d of each", len(instances), len(runners), count)
		}
	})
}

// TestRunnerThatMovesBetweenPages: with each look somebody removes a runner of the first page before the second is
// read, so that the first runner of the second page is on neither. It does not count as gone.
func TestRunnerThatMovesBetweenPages(t *testing.T) {
	t.Parallel()
	config := simulator.Config{ForeignRunners: 100, Timing: simulator.Timing{RunnerVisible: time.Millisecond}}
	inBubble(t, config, func(ctx context.Context, t *testing.T, s *stage) {
		removed := 0
		s.World.OnRequest(func(request *http.Request, _ *http.Response) {
			query := request.URL.Query()
			if query.Get("per_page") == "100" && query.Get("page") == "" && query.Get("name") == "" {
				removed++
				s.World.RemoveRunner(fmt.Sprintf("foreign-%04d", removed))
				s.World.AddRunner(simulator.RunnerSeed{Name: fmt.Sprintf("another-%04d", removed), Offline: true})
			}
		})
		r := bubble.Request()
		r.JIT, r.Groups[0].Count = true, 40
		if _, err := s.Starter.Start(ctx, r); err != nil {
			t.Fatal(err)
		}
		if removed < 10 {
			t.Errorf("the list has changed %d times", removed)
		}
	})
}
