package sweep

import (
	"strconv"
	"testing"
	"time"

	"github.com/marqo-ai/ec2-github-runner/ec2"
	"github.com/marqo-ai/ec2-github-runner/github"
	"github.com/marqo-ai/ec2-github-runner/runner/tags"
	"github.com/marqo-ai/ec2-github-runner/runner/tags/key"
)

// BenchmarkOrphans judges 10,000 instances of ours and as many registrations, of which a third have finished runs.
func BenchmarkOrphans(b *testing.B) {
	const many = 10_000
	s := &survey{
		now: surveyed, grace: 10 * time.Minute, scope: ourScope, repository: ourRepository, whole: true, listed: true,
		runs: map[string]runState{"0": runOver, "1": runGoesOn, "2": runUnknown},
	}
	for n := range many {
		name := tags.NamePrefix + strconv.Itoa(n)
		s.instances = append(s.instances, ec2.Instance{
			ID: "i-" + strconv.Itoa(n), State: ec2.Running, LaunchTime: surveyed.Add(-time.Hour),
			Tags: map[string]string{
				key.Scope: ourScope, key.Repository: ourRepository, key.RunID: strconv.Itoa(n % 3),
				key.Mode:       tags.ModeStart,
				key.RunnerName: name, key.RunnerID: strconv.Itoa(n + 1),
				key.ExpiresAt: surveyed.Add(time.Hour).Format(time.RFC3339),
			},
		})
		s.runners = append(s.runners, github.Runner{ID: int64(n + 1), Name: name, Online: true,
			Labels: []string{strconv.Itoa(n)}})
	}
	b.ReportAllocs()
	for b.Loop() {
		ended := 0
		for _, v := range s.verdicts() {
			if v.act == Terminated {
				ended++
			}
		}
		if ended != (many+2)/3 {
			b.Fatalf("%d of %d instances have a verdict that ends them", ended, many)
		}
	}
}
