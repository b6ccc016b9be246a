package serve_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/marqo-ai/ec2-github-runner/runner/tags/key"
	"github.com/marqo-ai/ec2-github-runner/serve/config"
	"github.com/marqo-ai/ec2-github-runner/serve/status"
	"github.com/marqo-ai/ec2-github-runner/test/simulator"
)

// TestDeleteCannotLook: without AWS, or where EC2 or GitHub do not show everything, nothing is ended.
func TestDeleteCannotLook(t *testing.T) {
	for operation, want := range map[string]string{
		"GetCallerIdentity":                         "AWS cannot be asked for its machines",
		"DescribeInstances":                         "not everything that it has can be seen",
		"actions/list-self-hosted-runners-for-repo": "not everything that it has can be seen",
		"GetRunnerScaleSetByID":                     "GitHub does not say what it has",
	} {
		t.Run(strings.ReplaceAll(operation, "/", "_"), func(t *testing.T) {
			inBubble(t, simulator.Config{}, []config.Set{ready()}, func(s *stage) {
				s.left()
				code := "UnauthorizedOperation"
				status := 403
				if strings.Contains(operation, "Runner") || strings.Contains(operation, "/") {
					code, status = "", 500
				}
				s.world.AddFault(simulator.Fault{Match: simulator.Match{Operation: operation},
					Effect: simulator.EffectError, Status: status, Code: code})
				s.refused("ec2-amd64", want)
				if set := s.setAtGitHub("ec2-amd64"); set.Registered != 2 || set.Owner != "" ||
					len(s.calls("TerminateInstances")) > 0 {
					t.Errorf("GitHub has %+v, and %d calls end machines", set, len(s.calls("TerminateInstances")))
				}
				s.world.ClearFaults()
				s.deleted("ec2-amd64")
			})
		})
	}
}

// TestDeleteMayNotTerminate: a refusal that does not pass is not waited for.
func TestDeleteMayNotTerminate(t *testing.T) {
	inBubble(t, simulator.Config{}, []config.Set{ready()}, func(s *stage) {
		s.left()
		s.world.AddFault(simulator.Fault{Match: simulator.Match{Operation: "TerminateInstances"},
			Effect: simulator.EffectError, Status: 403, Code: "UnauthorizedOperation"})
		begun := time.Now()
		s.refused("ec2-amd64", "what it has cannot be ended", "UnauthorizedOperation")
		if took := time.Since(begun); took > time.Minute {
			t.Errorf("it took %s", took)
		}
		s.world.ClearFaults()
		s.deleted("ec2-amd64")
	})
}

// TestDeleteTouchesNothingOfOthers: neither machines and runners of sets and scopes with like names, nor those of other
// modes.
func TestDeleteTouchesNothingOfOthers(t *testing.T) {
	world := simulator.Config{}
	other := func(mode, scope, set, name string) {
		id := int64(9000 + len(world.Instances))
		seed := simulator.InstanceSeed{Tags: map[string]string{key.Scope: scope, key.Mode: mode, key.ScaleSet: set,
			key.RunnerID: fmt.Sprint(id), key.ExpiresAt: "2099-01-01T00:00:00Z"}}
		if name == "" {
			seed.Tags[key.Fingerprint], seed.State = "f", "stopped"
		} else {
			seed.Tags[key.RunnerName] = name
			world.Runners = append(world.Runners, simulator.RunnerSeed{ID: id, Name: name})
		}
		world.Instances = append(world.Instances, seed)
	}
	other("serve", "demo-org/demo", "ec2-amd64-big", "ec2-amd64-big-abcd1234")
	other("serve", "demo-org/demo", "ec2-amd6", "ec2-amd64-aaaaaa-abcd1234")
	other("serve", "demo-org/demo", "ec2-amd64-big", "")
	other("serve", "demo-org/demo", "", "")
	other("serve", "demo-org/demo2", "ec2-amd64", "ec2-amd64-aaaaaa-abcd1235")
	other("serve", "demo-org", "ec2-amd64", "")
	other("start", "demo-org/demo", "ec2-amd64", "ec2-abcd1234")
	other("pool", "demo-org/demo", "ec2-amd64", "")
	inBubble(t, world, []config.Set{ready(), aSet("ec2-amd64-2", 1)}, func(s *stage) {
		s.left()
		s.deleted("ec2-amd64")
		s.refused("ec2-amd64", "GitHub has no scale set")
	})
}

// TestDeleteListened: of a set that a process listens to nothing is ended, whether it is in that process's file or is
// being left.
func TestDeleteListened(t *testing.T) {
	inBubble(t, simulator.Config{}, []config.Set{ready()}, func(s *stage) {
		p := s.start("one")
		s.until("ready", 15*time.Minute, func() bool { return count(p.shown("ec2-amd64"), status.Idle) == 2 })
		for _, name := range []string{"ec2-amd64", "EC2-AMD64"} {
			s.refused(name, "a process listens to it")
		}
		if n := count(p.shown("ec2-amd64"), status.Idle); n != 2 || len(s.calls("TerminateInstances")) > 0 {
			t.Errorf("%d are idle", n)
		}
	})
}

// TestDeleteByAnotherCase: GitHub does not tell names apart by case, so the machines are those of the set as well.
func TestDeleteByAnotherCase(t *testing.T) {
	inBubble(t, simulator.Config{}, []config.Set{ready()}, func(s *stage) {
		s.left()
		s.deleted("EC2-amd64")
		if sets := s.world.ScaleSets(); len(sets) > 0 {
			t.Errorf("GitHub has %+v", sets)
		}
	})
}
