package existing_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/marqo-ai/ec2-github-runner/runner/tags/key"
	"github.com/marqo-ai/ec2-github-runner/test/bubble"
	"github.com/marqo-ai/ec2-github-runner/test/simulator"
)

// TestTagsReadOldOfAnExistingMachine: stale tags do not make a start lose its machine, however late EC2 shows the new
// ones.
func TestTagsReadOldOfAnExistingMachine(t *testing.T) {
	t.Parallel()
	for _, late := range bubble.Lates {
		t.Run(late.String(), func(t *testing.T) {
			t.Parallel()
			inBubble(t, bubble.LateTags(boxes(box), late), func(ctx context.Context, t *testing.T, s *stage) {
				begun := time.Now()
				if result, err := s.Starter.Start(ctx, existingRequest()); err != nil ||
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

// TestLastWriterHasTheMachine: of two starts on one machine the last writer gets it, however late EC2 shows the tags.
func TestLastWriterHasTheMachine(t *testing.T) {
	t.Parallel()
	for _, late := range bubble.Lates {
		for _, gap := range []time.Duration{0, 150 * time.Millisecond, 700 * time.Millisecond, 2 * time.Second,
			4 * time.Second, 9 * time.Second} {
			t.Run(fmt.Sprint(late, gap), func(t *testing.T) {
				t.Parallel()
				inBubble(t, bubble.LateTags(boxes(box), late), func(ctx context.Context, t *testing.T, s *stage) {
					errs := make([]error, 2)
					var group sync.WaitGroup
					for n := range errs {
						starter := s.Another(t)
						group.Go(func() {
							<-time.After(time.Duration(n) * gap)
							_, errs[n] = starter.Start(ctx, existingRequest())
						})
					}
					group.Wait()
					lost := slices.IndexFunc(errs, func(err error) bool { return err != nil })
					if lost < 0 || errs[1-lost] != nil || !strings.Contains(errs[lost].Error(), "another start") {
						t.Errorf("want one of two starts to have the machine: %v", errs)
					}
					i := s.World.Snapshot().Instances[0]
					if i.State != "running" || i.Tags[key.Found] != "stopped" {
						t.Errorf("the machine is %s, found %s", i.State, i.Tags[key.Found])
					}
				})
			})
		}
	}
}

// TestMachineIsGivenBackWithLateTags: a start that fails or is killed at any moment leaves the machine stopped, even if
// EC2 does not show its tags yet.
func TestMachineIsGivenBackWithLateTags(t *testing.T) {
	t.Parallel()
	for _, late := range bubble.Lates[1:] {
		for _, call := range []string{"CreateTags", "StartInstances", "DescribeInstances"} {
			for nth := 1; nth <= 3; nth++ {
				t.Run(fmt.Sprint(late, call, nth), func(t *testing.T) {
					t.Parallel()
					inBubble(t, bubble.LateTags(boxes(box), late), func(ctx context.Context, t *testing.T, s *stage) {
						if !s.Killed(ctx, t, call, nth, existingRequest()) {
							return
						}
						<-time.After(time.Minute)
						s.NothingLeft(t)
					})
				})
			}
		}
	}
}

// TestWhatEndedCredentialsLeaveRunning: a machine that could not be stopped again is named.
func TestWhatEndedCredentialsLeaveRunning(t *testing.T) {
	t.Parallel()
	config := bubble.KeysEnd(boxes(box), 12*time.Second)
	config.Guests = []simulator.GuestRule{{Fault: simulator.GuestNeverBoots}}
	inBubble(t, config, func(ctx context.Context, t *testing.T, s *stage) {
		result, err := s.Starter.Start(ctx, existingRequest())
		if err == nil || len(result.Failure.Left) != 1 || !strings.Contains(result.Failure.Left[0], box) ||
			!strings.Contains(result.Failure.Left[0], "RequestExpired") {
			t.Errorf("start: %v, %+v", err, result.Failure)
		}
	})
}

// TestCredentialsEndWhileAKeptMachineStarts: expired credentials while waiting cause one warning.
func TestCredentialsEndWhileAKeptMachineStarts(t *testing.T) {
	t.Parallel()
	inBubble(t, bubble.KeysEnd(boxes(box), 12*time.Second), func(ctx context.Context, t *testing.T, s *stage) {
		if _, err := s.Starter.Start(ctx, existingRequest()); err != nil {
			t.Fatalf("start: %v\n%s", err, s.Log)
		}
		if n := strings.Count(s.Log.String(), "level=WARN"); n != 1 {
			t.Errorf("%d warnings, want one\n%s", n, s.Log)
		}
	})
}
