package stop

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"sync"

	"github.com/marqo-ai/ec2-github-runner/ec2"
	"github.com/marqo-ai/ec2-github-runner/runner/diagnosis"
	"github.com/marqo-ai/ec2-github-runner/runner/tags"
	"github.com/marqo-ai/ec2-github-runner/runner/tags/key"
)

// This file finds the machines of a workflow run: all of them, or those with a label.

// runSearch finds the machines of a run: in the home region, and in the other regions if it has none or if all are
// wanted.
type runSearch struct {
	stop    *stop
	looks   regionLooks
	list    regionList
	mu      sync.Mutex
	seen    map[string]bool
	targets []target
}

// findRun finds the runners of this workflow run, across all its attempts. All runners are searched for in every
// region, those with a label in other regions only if the home region has none.
func (sp *stop) findRun(ctx context.Context) ([]target, error) {
	home := cmp.Or(sp.request.Region, sp.cloud.Region())
	s := &runSearch{stop: sp, list: regionList{cloud: sp.cloud}, seen: map[string]bool{}}
	s.looks = regionLooks{ask: s.ask, done: s.done, grace: lookTimeouts[0]}
	err := s.looks.round(ctx, []string{home})
	if refused := s.looks.denied[home]; refused != nil {
		return nil, refused
	}
	if err == nil && !s.looks.done() {
		err = s.looks.until(ctx, func(ctx context.Context) []string {
			if sp.request.Region != "" {
				return []string{home}
			}
			return append(s.list.regions(ctx, &s.looks), home)
		})
	}
	if err != nil {
		return nil, err
	}
	if err := s.judge(); err != nil {
		return nil, err
	}
	sp.looked = slices.Sorted(maps.Keys(s.looks.answered))
	if len(s.targets) == 0 && sp.request.Label != "" {
		s.targets = append(s.targets, target{owner: tags.Owner{Name: tags.NameOf(sp.request.Label)}})
	}
	if len(s.targets) == 0 && sp.unseen == nil {
		sp.log.Info("no runner of this workflow run is left, so there is nothing to stop")
	}
	return s.targets, nil
}

// judge decides what unseen regions mean: regions that deny the call are skipped with a warning; regions without an
// answer are an error, unless the label was found elsewhere.
func (s *runSearch) judge() error {
	if len(s.looks.denied) > 0 {
		s.stop.warn("these regions deny the search for runners of this run: " + names(s.looks.denied))
	}
	switch {
	case len(s.looks.silent) == 0:
		return nil
	case s.looks.done():
		s.stop.warn("runners of this label are found, but these regions gave no answer: " + s.looks.unseen())
		return nil
	}
	err := &diagnosis.FailedError{
		Message: fmt.Sprintf("runners of this workflow run may still run: for %s these regions gave no answer: %s",
			diagnosis.Minutes(silenceTimeout), s.looks.unseen()),
		Hint: diagnosis.HintSilent,
	}
	if len(s.targets) == 0 {
		return err
	}
	s.stop.unseen = err
	return nil
}

// ask searches one region: by tags, and for machines without tags by client token.
func (s *runSearch) ask(ctx context.Context, region string) error {
	run, label := s.stop.request.Run, s.stop.request.Label
	values := map[string]string{key.Repository: run.Repository, key.RunID: run.ID}
	if label != "" {
		values[key.Label] = tags.EscapeFilter(tags.Value(label))
	}
	alive := []string{ec2.Pending, ec2.Running, ec2.Stopping, ec2.Stopped}
	selectors := []ec2.Selector{{Tags: values, States: alive},
		{ClientToken: tags.TokenPattern(run, s.stop.request.Scope, label),
			States: alive}}
	errs := make([]error, len(selectors))
	var group sync.WaitGroup
	for n, selector := range selectors {
		group.Go(func() {
			var found []ec2.Instance
			found, errs[n] = s.stop.cloud.InstancesFast(ctx, region, selector)
			s.add(found)
		})
	}
	group.Wait()
	return cmp.Or(errs...)
}

func (s *runSearch) add(found []ec2.Instance) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, instance := range found {
		if !s.seen[instance.ID] && s.stop.isOfRun(instance) {
			s.seen[instance.ID] = true
			s.targets = append(s.targets, s.stop.target(tags.Handoff{InstanceID: instance.ID}, instance))
		}
	}
}

// done reports whether no other region needs to be searched.
func (s *runSearch) done() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.targets) > 0 && !s.stop.request.AllOfRun
}
