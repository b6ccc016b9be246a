package post_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/marqo-ai/ec2-github-runner/runner/post"
	"github.com/marqo-ai/ec2-github-runner/runner/tags"
	"github.com/marqo-ai/ec2-github-runner/test/bubble"
	"github.com/marqo-ai/ec2-github-runner/test/simulator"
)

// TestPostNamesARegionThatDoesNotAnswer: a region that never answered may contain an instance, so the post step reports
// it as left behind.
func TestPostNamesARegionThatDoesNotAnswer(t *testing.T) {
	t.Parallel()
	inBubble(t, simulator.Config{}, func(ctx context.Context, t *testing.T, s *stage) {
		s.World.AddFault(simulator.Fault{Match: simulator.Match{Operation: "DescribeInstances"},
			Effect: simulator.EffectHang})
		result := bubble.CleanUp(ctx, s.Starter, post.Request{What: "start",
			Tokens: map[string][]string{"us-east-1": {"egr-x"}}})
		if len(result.Left) != 1 || !strings.Contains(result.Left[0], "us-east-1") {
			t.Errorf("left: %q", result.Left)
		}
	})
}

// TestPostWithEndedCredentials: if the credentials have expired, the post step says at once what exactly is left
// behind.
func TestPostWithEndedCredentials(t *testing.T) {
	t.Parallel()
	inBubble(t, bubble.KeysEnd(simulator.Config{}, time.Second), func(ctx context.Context, t *testing.T, s *stage) {
		<-time.After(time.Second)
		begun := time.Now()
		result := bubble.CleanUp(ctx, s.Starter, post.Request{
			What: "start", Tokens: map[string][]string{"us-east-1": {"egr-a", "egr-b"}},
			Taken: map[string][]string{"us-east-1": {"i-0aaaaaaaaaaaaaaa7"}},
		})
		left := strings.Join(result.Left, "\n")
		for _, want := range []string{"egr-a or egr-b", "RequestExpired", "it ends by itself", "i-0aaaaaaaaaaaaaaa7"} {
			if !strings.Contains(left, want) {
				t.Errorf("%q is missing in: %s", want, left)
			}
		}
		if took := time.Since(begun); took > 5*time.Second {
			t.Errorf("it took %s", took)
		}
	})
}

// TestPostOfANameThatAnotherStartHas: an interrupted start had launched one machine and was registering the next under
// a name that another start has, and GitHub had not answered yet. The other start's registration stays.
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
		result := bubble.CleanUp(ctx, s.Starter, post.Request{
			Identity: tags.Identity{Nonce: "ours", Label: "build"},
			Tokens:   map[string][]string{"us-east-1": {"egr-ours"}},
			Made:     []post.Registration{{Name: "ec2-build-1", JIT: true}},
		})
		if len(result.Terminated) != 1 || result.Terminated[0] != "i-0aaaaaaaaaaaaaaa1" {
			t.Errorf("terminated %v, want our one machine", result.Terminated)
		}
		for _, r := range s.World.Snapshot().Runners {
			if r.Name == "ec2-build-1" {
				return
			}
		}
		t.Error("the registration of another start is removed")
	})
}
