package pool_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/marqo-ai/ec2-github-runner/test/bubble"
	"github.com/marqo-ai/ec2-github-runner/test/simulator"
)

// TestClaimIsClearedWithLateTags: after a killed claim the entry is freed or its machine terminated, even if EC2 does
// not show its tags yet.
func TestClaimIsClearedWithLateTags(t *testing.T) {
	t.Parallel()
	for _, late := range bubble.Lates[1:] {
		for _, call := range []string{"actions/generate-runner-jitconfig-for-repo", "ModifyInstanceAttribute",
			"CreateTags",
			"StartInstances"} {
			t.Run(fmt.Sprint(late, call), func(t *testing.T) {
				t.Parallel()
				config := bubble.LateTags(simulator.Config{}, late)
				inBubble(t, config, func(ctx context.Context, t *testing.T, s *stage) {
					s.filled(ctx, t, 1)
					if !s.Killed(ctx, t, call, 1, fromPool()) {
						t.Fatalf("%s was not called", call)
					}
					<-time.After(2 * time.Minute)
					checkPool(t, s, len(s.entries()))
					instances, runners := s.World.Leftovers()
					if len(instances) != len(s.entries()) || len(runners) > 0 {
						t.Errorf("left: %+v, %+v\n%s", instances, runners, s.Log)
					}
				})
			})
		}
	}
}

// TestLostAnswerOfAClaimWithLateTags: a lost answer of StartInstances does not waste the warm machine: stale tags are
// no evidence against the claim.
func TestLostAnswerOfAClaimWithLateTags(t *testing.T) {
	t.Parallel()
	for _, late := range bubble.Lates {
		t.Run(late.String(), func(t *testing.T) {
			t.Parallel()
			inBubble(t, bubble.LateTags(simulator.Config{}, late), func(ctx context.Context, t *testing.T, s *stage) {
				s.filled(ctx, t, 1)
				s.World.AddFault(simulator.Fault{Match: simulator.Match{Operation: "StartInstances"},
					Effect: simulator.EffectCutAfter, Times: 1})
				result, err := s.Starter.Start(ctx, fromPool())
				if err != nil {
					t.Fatalf("%v\n%s", err, s.Log)
				}
				<-time.After(2 * time.Minute)
				instances, runners := s.World.Leftovers()
				if len(instances) != 1 || len(runners) != 1 || !result.Runners[0].Warm && late < time.Second {
					t.Errorf("warm %t, left: %d instances, %d runners\n%s", result.Runners[0].Warm, len(instances),
						len(runners), s.Log)
				}
			})
		})
	}
}

// TestCredentialsEndWhileAWarmMachineStarts: expired credentials while waiting for a warm machine cause one warning.
func TestCredentialsEndWhileAWarmMachineStarts(t *testing.T) {
	t.Parallel()
	inBubble(t, bubble.KeysEnd(simulator.Config{}, 190*time.Second), func(ctx context.Context, t *testing.T, s *stage) {
		s.filled(ctx, t, 1)
		result, err := s.Starter.Start(ctx, fromPool())
		if err != nil || !result.Runners[0].Warm {
			t.Fatalf("start: %v\n%s", err, s.Log)
		}
	})
}
