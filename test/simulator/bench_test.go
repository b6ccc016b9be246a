package simulator_test

import (
	"testing"

	"github.com/google/go-github/v57/github"

	"github.com/marqo-ai/ec2-github-runner/test/simulator"
)

// BenchmarkThreeThousand makes a world with three thousand foreign runners and reads one page of them.
func BenchmarkThreeThousand(b *testing.B) {
	for b.Loop() {
		w := simulator.New(simulator.Config{ForeignRunners: 3000, Timing: simulator.Timing{GitHub: -1}})
		hub := inProcess(w).github(nil, "ghp_demo")
		if _, _, err := hub.Actions.ListRunners(b.Context(), "demo-org", "demo",
			&github.ListOptions{PerPage: 100}); err != nil {
			b.Fatal(err)
		}
	}
}
