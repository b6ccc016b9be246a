package runner

import (
	"fmt"
	"strconv"
	"testing"
	"time"

	"github.com/marqo-ai/ec2-github-runner/ec2"
	"github.com/marqo-ai/ec2-github-runner/github"
	"github.com/marqo-ai/ec2-github-runner/machine"
	"github.com/marqo-ai/ec2-github-runner/runner/tags"
)

// BenchmarkOfferings spreads two markets and twenty types over fifty placements.
func BenchmarkOfferings(b *testing.B) {
	g := Group{Machine: machine.Machine{Markets: []string{machine.Spot, machine.OnDemand}}}
	for n := range 20 {
		g.InstanceTypes = append(g.InstanceTypes, fmt.Sprintf("m%d.xlarge", n))
	}
	var placements []machine.Placement
	for n := range 50 {
		placements = append(placements, machine.NewPlacement("us-east-1", "ami-1", fmt.Sprintf("subnet-%d", n), "sg-1"))
	}
	b.ReportAllocs()
	for b.Loop() {
		if got := len(g.offerings(placements)); got != 2*20*50 {
			b.Fatalf("%d offerings", got)
		}
	}
}

// BenchmarkOrphans judges 10,000 instances of ours and as many registrations, a third of whose runs are over.
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
				tags.Scope: ourScope, tags.Repository: ourRepository, tags.RunID: strconv.Itoa(n % 3), tags.Mode: tags.ModeStart,
				tags.RunnerName: name, tags.RunnerID: strconv.Itoa(n + 1),
				tags.ExpiresAt: surveyed.Add(time.Hour).Format(time.RFC3339),
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
			b.Fatalf("%d of %d instances are to be ended", ended, many)
		}
	}
}
