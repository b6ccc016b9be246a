package runner_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/marqo-ai/ec2-github-runner/runner"
	"github.com/marqo-ai/ec2-github-runner/runner/post"
	"github.com/marqo-ai/ec2-github-runner/runner/tags/key"
	"github.com/marqo-ai/ec2-github-runner/test/simulator"
)

// lateTags has an EC2 that shows tags as late as this; -1 means at once.
func lateTags(config simulator.Config, late time.Duration) simulator.Config {
	config.Timing.TagsVisible = late
	return config
}

var lates = []time.Duration{-1, 500 * time.Millisecond, 5 * time.Second, 10 * time.Second}

// An old tag is not a lost machine: the start has it, however late EC2 shows that.
func TestTagsReadOldOfAnExistingMachine(t *testing.T) {
	t.Parallel()
	for _, late := range lates {
		t.Run(late.String(), func(t *testing.T) {
			t.Parallel()
			inBubble(t, lateTags(boxes(box), late), func(ctx context.Context, t *testing.T, s *stage) {
				begun := time.Now()
				if result, err := s.starter.Start(ctx, existingRequest()); err != nil ||
					result.Runners[0].InstanceID != box {
					t.Errorf("start: %v", err)
				}
				if took := time.Since(begun); late < time.Second && took > 40*time.Second {
					t.Errorf("it took %s", took)
				}
			})
		})
	}
}

// Of two starts on one machine the last writer has it, however late EC2 shows the tags.
func TestLastWriterHasTheMachine(t *testing.T) {
	t.Parallel()
	for _, late := range lates {
		for _, gap := range []time.Duration{0, 150 * time.Millisecond, 700 * time.Millisecond, 2 * time.Second,
			4 * time.Second, 9 * time.Second} {
			t.Run(fmt.Sprint(late, gap), func(t *testing.T) {
				t.Parallel()
				inBubble(t, lateTags(boxes(box), late), func(ctx context.Context, t *testing.T, s *stage) {
					errs := make([]error, 2)
					var group sync.WaitGroup
					for n := range errs {
						starter := s.another(t)
						group.Go(func() {
							<-time.After(time.Duration(n) * gap)
							_, errs[n] = starter.Start(ctx, existingRequest())
						})
					}
					group.Wait()
					lost := slices.IndexFunc(errs, func(err error) bool { return err != nil })
					if lost < 0 || errs[1-lost] != nil || !strings.Contains(errs[lost].Error(), "another start") {
						t.Errorf("one of two starts is to have the machine: %v", errs)
					}
					i := s.world.Snapshot().Instances[0]
					if i.State != "running" || i.Tags[key.Found] != "stopped" {
						t.Errorf("the machine is %s, found %s", i.State, i.Tags[key.Found])
					}
				})
			})
		}
	}
}

// A start that fails or is killed at any moment leaves the machine stopped, although its own tags are not shown yet.
func TestMachineIsGivenBackWithLateTags(t *testing.T) {
	t.Parallel()
	for _, late := range lates[1:] {
		for _, call := range []string{"CreateTags", "StartInstances", "DescribeInstances"} {
			for nth := 1; nth <= 3; nth++ {
				t.Run(fmt.Sprint(late, call, nth), func(t *testing.T) {
					t.Parallel()
					inBubble(t, lateTags(boxes(box), late), func(ctx context.Context, t *testing.T, s *stage) {
						if !killed(ctx, t, s, call, nth, existingRequest()) {
							return
						}
						<-time.After(time.Minute)
						s.nothingLeft(t)
					})
				})
			}
		}
	}
}

// killed kills a start when the nth call of an operation has had its effect, and runs its post step. It reports whether
// there were so many calls.
func killed(ctx context.Context, t *testing.T, s *stage, operation string, nth int, request runner.StartRequest) bool {
	t.Helper()
	transport := s.world.Transport()
	first := s.another(t)
	first.Cloud, first.Registry, first.Journal = newCloud(transport), newRegistry(t, transport), s.journal
	ending, cancel := context.WithCancel(ctx)
	defer cancel()
	known, ticker := len(s.calls(operation)), time.NewTicker(50*time.Millisecond)
	defer ticker.Stop()
	go func() {
		for ending.Err() == nil {
			select {
			case <-ticker.C:
			case <-ending.Done():
				return
			}
			if calls := s.calls(operation); len(calls) >= known+nth && calls[known+nth-1].Acted {
				transport.Dark()
				cancel()
			}
		}
	}()
	if _, err := first.Start(ending, request); err == nil {
		return false
	}
	s.journal.mu.Lock()
	unfinished := post.Request{
		Identity: s.journal.identity, Tokens: s.journal.tokens, Made: s.journal.made, Claims: s.journal.claims,
		Taken: s.journal.taken,
	}
	s.journal.mu.Unlock()
	if result := cleanUp(ctx, s.starter, unfinished); len(result.Left) > 0 {
		t.Errorf("left: %q", result.Left)
	}
	return true
}

// A claim that is killed leaves the entry whole, or ends its machine, although its tags are not shown yet.
func TestClaimIsClearedWithLateTags(t *testing.T) {
	t.Parallel()
	for _, late := range lates[1:] {
		for _, call := range []string{"actions/generate-runner-jitconfig-for-repo", "ModifyInstanceAttribute",
			"CreateTags",
			"StartInstances"} {
			t.Run(fmt.Sprint(late, call), func(t *testing.T) {
				t.Parallel()
				inBubble(t, lateTags(simulator.Config{}, late), func(ctx context.Context, t *testing.T, s *stage) {
					s.filled(ctx, t, 1)
					if !killed(ctx, t, s, call, 1, fromPool()) {
						t.Fatalf("there was no %s", call)
					}
					<-time.After(2 * time.Minute)
					checkPool(t, s, len(s.entries()))
					instances, runners := s.world.Leftovers()
					if len(instances) != len(s.entries()) || len(runners) > 0 {
						t.Errorf("left: %+v, %+v\n%s", instances, runners, s.log)
					}
				})
			})
		}
	}
}

// A lost answer of StartInstances costs the warm machine nothing: an old tag says nothing against the claim.
func TestLostAnswerOfAClaimWithLateTags(t *testing.T) {
	t.Parallel()
	for _, late := range lates {
		t.Run(late.String(), func(t *testing.T) {
			t.Parallel()
			inBubble(t, lateTags(simulator.Config{}, late), func(ctx context.Context, t *testing.T, s *stage) {
				s.filled(ctx, t, 1)
				s.world.AddFault(simulator.Fault{Match: simulator.Match{Operation: "StartInstances"},
					Effect: simulator.EffectCutAfter, Times: 1})
				result, err := s.starter.Start(ctx, fromPool())
				if err != nil {
					t.Fatalf("%v\n%s", err, s.log)
				}
				<-time.After(2 * time.Minute)
				instances, runners := s.world.Leftovers()
				if len(instances) != 1 || len(runners) != 1 || !result.Runners[0].Warm && late < time.Second {
					t.Errorf("warm %t, left: %d instances, %d runners\n%s", result.Runners[0].Warm, len(instances),
						len(runners),
						s.log)
				}
			})
		})
	}
}

// A region that never answered the post step may have a machine: that is left, not gone.
func TestPostNamesARegionThatDoesNotAnswer(t *testing.T) {
	t.Parallel()
	inBubble(t, simulator.Config{}, func(ctx context.Context, t *testing.T, s *stage) {
		s.world.AddFault(simulator.Fault{Match: simulator.Match{Operation: "DescribeInstances"},
			Effect: simulator.EffectHang})
		result := cleanUp(ctx, s.starter, post.Request{What: "start",
			Tokens: map[string][]string{"us-east-1": {"egr-x"}}})
		if len(result.Left) != 1 || !strings.Contains(result.Left[0], "us-east-1") {
			t.Errorf("left: %q", result.Left)
		}
	})
}
