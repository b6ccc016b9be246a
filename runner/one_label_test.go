package runner_test

import (
	"context"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/marqo-ai/ec2-github-runner/runner"
	"github.com/marqo-ai/ec2-github-runner/runner/stop"
	"github.com/marqo-ai/ec2-github-runner/test/bubble"
	"github.com/marqo-ai/ec2-github-runner/test/simulator"
)

// TestOneLabelManyStarts: however starts with one label overlap, by token or by JIT configuration, with one runner or
// several, with or without our tags: each gets what it started, online on its own machine, and a stop takes nothing of
// the others.
func TestOneLabelManyStarts(t *testing.T) {
	t.Parallel()
	for seed := range uint64(bubble.Thinned(60)) {
		inBubble(t, simulator.Defaults(), func(ctx context.Context, t *testing.T, s *stage) {
			r := rand.New(rand.NewPCG(seed, 8)) // the interleaving of this trial
			legs := make([]*leg, 2+r.IntN(3))
			var group sync.WaitGroup
			for i := range legs {
				legs[i] = newLeg(t, s, r)
				group.Go(func() { legs[i].start(ctx) })
			}
			group.Wait()
			for i, l := range legs {
				if l.err != nil {
					t.Fatalf("trial %d, start %d %s: %v\n%s", seed, i, l, l.err, l.log.String())
				}
			}
			for i := range legs {
				for _, other := range legs[i:] {
					for _, wrong := range other.wrong(s.World.Snapshot()) {
						t.Errorf("trial %d, after %d stops, %s: %s", seed, i, other, wrong)
					}
				}
				if err := legs[i].stop(ctx); err != nil {
					t.Errorf("trial %d, stop of %s: %v", seed, legs[i], err)
				}
			}
			s.NothingLeft(t)
		})
	}
}

// leg is one of several concurrent starts.
type leg struct {
	after   time.Duration
	request runner.StartRequest
	starter *runner.Starter
	log     *bubble.Lines
	result  runner.StartResult
	err     error
}

func newLeg(t *testing.T, s *stage, r *rand.Rand) *leg {
	l := &leg{after: time.Duration(r.IntN(15000)) * time.Millisecond, request: bubble.Request(), log: &bubble.Lines{}}
	if r.IntN(3) == 0 {
		l.after = 0
	}
	l.request.JIT, l.request.OwnTags, l.request.Groups[0].Count = r.IntN(3) == 0, r.IntN(4) != 0, 1+r.IntN(2)
	l.request.Ephemeral = l.request.JIT && r.IntN(2) == 0
	l.starter = s.Another(t)
	l.starter.Log = slog.New(slog.NewTextHandler(l.log, nil))
	return l
}

func (l *leg) String() string {
	return fmt.Sprintf("(after %s, %d, jit %t, tags %t)", l.after, l.request.Groups[0].Count, l.request.JIT,
		l.request.OwnTags)
}

func (l *leg) start(ctx context.Context) {
	<-time.After(l.after)
	l.result, l.err = l.starter.Start(ctx, l.request)
}

// wrong returns the differences between the world and the start's outputs.
func (l *leg) wrong(now simulator.Snapshot) (list []string) {
	for _, h := range l.result.Runners {
		i := slices.IndexFunc(now.Runners, func(r simulator.Runner) bool { return r.ID == h.RunnerID })
		if i < 0 {
			list = append(list, fmt.Sprintf("runner %s (%d) is gone", h.RunnerName, h.RunnerID))
			continue
		}
		r := now.Runners[i]
		if r.Name != h.RunnerName || r.Status != "online" || r.Instance != h.InstanceID || !slices.Contains(r.Labels,
			"build") {
			list = append(list, fmt.Sprintf("%+v, want %s online on %s", r, h.RunnerName, h.InstanceID))
		}
		marked := slices.ContainsFunc(r.Labels, func(label string) bool { return strings.HasPrefix(label, "egr-") })
		if marked && l.request.OwnTags {
			list = append(list, fmt.Sprintf("runner %s has the labels %v", r.Name, r.Labels))
		}
	}
	return list
}

// stop stops the start's runners as machulav's stop step does, by label and instance id; several of them by the output
// `runners`.
func (l *leg) stop(ctx context.Context) error {
	r := stop.Request{Run: l.request.Run, Scope: l.request.Scope, Label: "build"}
	for _, h := range l.result.Runners {
		if len(l.result.Runners) > 1 {
			r.Handoffs = append(r.Handoffs, h.Handoff)
			continue
		}
		r.InstanceIDs = append(r.InstanceIDs, h.InstanceID)
	}
	_, err := (&stop.Stopper{Cloud: l.starter.Cloud, Registry: l.starter.Registry, Log: l.starter.Log}).Stop(ctx, r)
	return err
}
