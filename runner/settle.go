package runner

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/marqo-ai/ec2-github-runner/runner/remove"
	"github.com/marqo-ai/ec2-github-runner/runner/tags"
	"github.com/marqo-ai/ec2-github-runner/runner/tags/key"
)

// settleTimeout limits what a start does after its runners are online, since the user waits for it.
const settleTimeout = 2 * time.Second

// ending removes what a start has made and does not need, in one of its phases.
type ending struct {
	st  *Start
	log *slog.Logger
	r   *remove.Remover
}

func (st *Start) ending(log *slog.Logger) ending { return ending{st, log, st.remover(log)} }

func (st *Start) remover(log *slog.Logger) *remove.Remover {
	return &remove.Remover{Cloud: st.Cloud, Registry: st.Registry, Log: log}
}

// settle terminates instances of launches whose answer was lost, and tags the instances with their runner ids: stop
// then needs no look-up, and a sweep can identify registrations whose machines are gone. Neither fails a start: what is
// left can be found by its client token.
func (st *Start) settle(ctx context.Context, log *slog.Logger) error {
	e := st.ending(log)
	e.removeFailed(ctx)
	if e.st.source.Clear != nil {
		for _, left := range e.st.source.Clear(ctx, e.r) {
			e.st.Warn(e.log, "left behind: "+left)
		}
	}
	ctx, cancel := context.WithTimeout(ctx, settleTimeout)
	defer cancel()
	var group sync.WaitGroup
	for _, g := range e.st.groups {
		if g.together {
			group.Go(func() { e.tagTogether(ctx, g) })
		}
	}
	if e.st.source.Settle != nil {
		group.Go(func() { e.st.source.Settle(ctx, e.log) })
	}
	err := e.st.Each(func(s *Slot) error {
		e.endDoubtful(ctx, s)
		if !e.st.Request.JIT && !s.group.together && s.machine.Kind() == Cold {
			e.tagRunner(ctx, s)
		}
		e.tagSpotRequest(ctx, s)
		if err := removeStray(ctx, e.st.Registry, s); err != nil {
			e.log.Debug("cannot remove an unused registration", "error", err)
		}
		return nil
	})
	group.Wait()
	return err
}

// tagRunner tags an instance with its runner's id and current name.
func (e ending) tagRunner(ctx context.Context, s *Slot) {
	if !e.st.Request.OwnTags || s.instance.Tags[key.Nonce] == "" {
		return
	}
	values := map[string]string{key.RunnerID: strconv.FormatInt(s.runnerID, 10)}
	if s.name != s.instance.Tags[key.RunnerName] {
		values[key.RunnerName] = s.name
	}
	if err := e.st.Cloud.Tag(ctx, s.instance.Region, s.instance.ID, values); err != nil {
		e.log.Debug("cannot tag the runner id, so stop will look up the runner by name", "error", err)
		return
	}
	e.unmark(ctx, s)
}

// tagSpotRequest tags the request of a spot instance like the instance: EC2 shows the request, with its tags, for
// longer than a reclaimed instance.
func (e ending) tagSpotRequest(ctx context.Context, s *Slot) {
	if !e.st.Request.OwnTags || s.instance.SpotRequest == "" || s.instance.Tags[key.Nonce] == "" {
		return
	}
	values := e.st.Identity.Tags(s.index, s.group.label, s.name, s.runnerID, time.Now(), time.Time{})
	delete(values, key.DueAt)
	if err := e.st.Cloud.Tag(ctx, s.instance.Region, s.instance.SpotRequest, values); err != nil {
		e.log.Debug("cannot tag the spot request: if EC2 reclaims the machine, a sweep may not find whose it was",
			"error", err)
	}
}

// maxUnmarked is how many marks one start removes. A mark is harmless, and GitHub counts each write as five points:
// those of many runners would use up the token's limit of a minute.
// https://docs.github.com/en/rest/using-the-rest-api/rate-limits-for-the-rest-api#calculating-points-for-the-secondary-rate-limit
const maxUnmarked = 20

// unmark removes the mark from a registration whose id is now in its instance's tags: the mark is not needed any more.
// The id goes to the journal first, since a post step that knows only the name would attribute a registration without
// the mark to another start.
func (e ending) unmark(ctx context.Context, slots ...*Slot) {
	if len(slots) == 0 || !slots[0].group.shared || len(slots) > maxUnmarked {
		return
	}
	if err := e.st.announce(); err != nil {
		e.log.Debug("cannot remove the runner's mark", "error", err)
		return
	}
	var group sync.WaitGroup
	for _, s := range slots {
		group.Go(func() {
			if err := e.st.Registry.RemoveLabel(ctx, s.runnerID, e.st.Identity.Mark()); err != nil {
				e.log.Debug("cannot remove the runner's mark", "runner", s.name, "error", err)
			}
		})
	}
	group.Wait()
}

// tagTogether tags the machines of a group with one call per region: each gets the ids of all, and its name identifies
// its own.
func (e ending) tagTogether(ctx context.Context, g *group) {
	instances, runners, tagged := map[string][]string{}, map[string][]int64{}, map[string][]*Slot{}
	for _, s := range g.slots {
		if s.failed == nil && s.instance.Tags[key.Nonce] != "" {
			tagged[s.instance.Region] = append(tagged[s.instance.Region], s)
			instances[s.instance.Region] = append(instances[s.instance.Region], s.instance.ID)
			runners[s.instance.Region] = append(runners[s.instance.Region], s.runnerID)
		}
	}
	if !e.st.Request.OwnTags {
		return
	}
	for region, ids := range instances {
		tags := tags.RunnerIDTags(runners[region])
		if len(tags) == 0 {
			continue
		}
		if err := e.st.Cloud.TagAll(ctx, region, ids, tags); err != nil {
			e.log.Debug("cannot tag the runner ids, so stop will look up the runners by name", "error", err)
			continue
		}
		e.unmark(ctx, tagged[region]...)
	}
}

// removeFailed removes the runners that were given up while enough others came online.
func (e ending) removeFailed(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, rollBackTimeout)
	defer cancel()
	var failed []*Slot
	for _, s := range e.st.slots {
		if s.failed != nil {
			e.st.Warn(e.log, fmt.Sprintf("runner %s is given up: %v", cmp.Or(s.name, s.Key()), s.failed))
			failed = append(failed, s)
		}
	}
	for _, words := range e.keep(ctx, failed) {
		e.st.Warn(e.log, words)
	}
	e.lookUpTogether(ctx)
	remove.Each(failed, func(_ int, s *Slot) {
		left := e.remove(ctx, s)
		s.removed = len(left) == 0 && !s.kept
		for _, what := range left {
			e.st.Warn(e.log, "left behind: "+what)
		}
	})
}

// clearDoubts terminates what launches without an answer have made, before the wait: such a machine has the name of
// ours, may come online sooner, and would be mistaken for it. Machines that EC2 shows later are left to settle.
func (e ending) clearDoubts(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, settleTimeout)
	defer cancel()
	_ = e.st.Each(func(s *Slot) error {
		for _, owner := range e.endDoubtful(ctx, s) {
			if e.st.Request.JIT { // both have the same JIT registration
				continue
			}
			if err := e.r.Deregister(ctx, 0, owner); err != nil {
				e.log.Debug("cannot remove the runner of a launch without an answer", "error", err)
			}
		}
		return nil
	})
}

// endDoubtful returns the owners of the instances that it terminated.
func (e ending) endDoubtful(ctx context.Context, s *Slot) (ended []tags.Owner) {
	for _, attempt := range s.trail {
		if !attempt.InDoubt {
			continue
		}
		region := attempt.Offering.Placement.Region
		found, err := e.st.Cloud.Instances(ctx, region, tags.LaunchedWith(attempt.Token))
		if err != nil {
			e.st.Warn(e.log, "a launch got no answer, and EC2 does not say whether it happened; look for an instance "+
				"with client token "+attempt.Token+" in "+region)
			continue
		}
		for _, instance := range found {
			if instance.Alive() && !e.isOurs(instance.ID) {
				_ = e.r.Terminate(ctx, region, instance.ID)
				owner := s.owner(e.st.Identity)
				if call, together := s.unit.calls[attempt.Token]; together {
					owner.Name, owner.Other = s.unit.namesOf(call, instance.LaunchIndex)
				}
				ended = append(ended, owner)
			}
		}
	}
	return ended
}

// isOurs reports whether an instance was handed over.
func (e ending) isOurs(id string) bool {
	return slices.ContainsFunc(e.st.slots, func(s *Slot) bool { return s.instance.ID == id })
}
