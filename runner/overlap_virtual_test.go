package runner_test

import (
	"context"
	"net/http"
	"testing"
	"time"

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
