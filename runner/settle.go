package runner

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/marqo-ai/ec2-github-runner/runner/remove"
	"github.com/marqo-ai/ec2-github-runner/runner/tags"
	"github.com/marqo-ai/ec2-github-runner/runner/tags/key"
)

// settleWithin bounds what a start does after its runners are online: the user waits for it.
const settleWithin = 2 * time.Second

// settle ends instances of launches whose answer was lost while a later offering was taken, and tags the instances with
// their runner ids, which spares stop a look-up and lets a sweep know the registrations of those that are gone. Neither
// fails a start: what is left is found by its client token.
func (st *start) settle(ctx context.Context) error {
	st.removeFailed(ctx)
	if st.source.Clear != nil {
		for _, left := range st.source.Clear(ctx, &remove.Remover{Cloud: st.Cloud, Registry: st.Registry, Log: st.log},
			st.Cloud) {
			st.warn("left behind: " + left)
		}
	}
	ctx, cancel := context.WithTimeout(ctx, settleWithin)
	defer cancel()
	var group sync.WaitGroup
	for _, g := range st.groups {
		if g.together {
			group.Go(func() { st.tagTogether(ctx, g) })
		}
	}
	if st.source.Settle != nil {
		group.Go(func() { st.source.Settle(ctx) })
	}
	err := st.each(func(s *slot) error {
		st.endDoubtful(ctx, s)
		if !st.request.JIT && !s.together && s.machine.Kind() == Cold {
			st.tagRunner(ctx, s)
		}
		st.tagSpotRequest(ctx, s)
		if err := removeStray(ctx, st.Registry, s); err != nil {
			st.log.Debug("a registration that nobody uses cannot be removed", "error", err)
		}
		return nil
	})
	group.Wait()
	return err
}

// tagRunner tags an instance with its runner's id, and with the name that it has.
func (st *start) tagRunner(ctx context.Context, s *slot) {
	if !st.request.OwnTags || s.instance.Tags[key.Nonce] == "" {
		return
	}
	values := map[string]string{key.RunnerID: strconv.FormatInt(s.runnerID, 10)}
	if s.name != s.instance.Tags[key.RunnerName] {
		values[key.RunnerName] = s.name
	}
	if err := st.Cloud.Tag(ctx, s.instance.Region, s.instance.ID, values); err != nil {
		st.log.Debug("the runner id cannot be tagged, stop will look the runner up by name", "error", err)
		return
	}
	st.unmark(ctx, s)
}

// tagSpotRequest tags the request of a spot instance as the instance is: EC2 shows the request, and its tags, for
// longer than an instance that it has taken.
func (st *start) tagSpotRequest(ctx context.Context, s *slot) {
	if !st.request.OwnTags || s.instance.SpotRequest == "" || s.instance.Tags[key.Nonce] == "" {
		return
	}
	values := st.identity.Tags(s.index, s.label, s.name, s.runnerID, time.Now(), time.Time{})
	delete(values, key.DueAt)
	if err := st.Cloud.Tag(ctx, s.instance.Region, s.instance.SpotRequest, values); err != nil {
		st.log.Debug("the spot request cannot be tagged: if EC2 takes the machine, a sweep may not find whose it was",
			"error", err)
	}
}

// mostUnmarked is how many marks one start takes off again. A mark does no harm, and GitHub counts each call that
// changes something as five: those of many runners would use up what the token may do in a minute.
// https://docs.github.com/en/rest/using-the-rest-api/rate-limits-for-the-rest-api#calculating-points-for-the-secondary-rate-limit
const mostUnmarked = 20

// unmark takes the mark off a registration whose id its instance's tags tell by now: nobody needs it any more. The id
// is noted first, since a post step that knows the name alone would take a registration without the mark for another
// start's.
func (st *start) unmark(ctx context.Context, slots ...*slot) {
	if len(slots) == 0 || !slots[0].shared || len(slots) > mostUnmarked {
		return
	}
	if err := st.announce(); err != nil {
		st.log.Debug("the labels stay as they are", "error", err)
		return
	}
	var group sync.WaitGroup
	for _, s := range slots {
		group.Go(func() {
			if err := st.Registry.RemoveLabel(ctx, s.runnerID, st.identity.Mark()); err != nil {
				st.log.Debug("the label that told the runner from others stays", "runner", s.name, "error", err)
			}
		})
	}
	group.Wait()
}

// tagTogether tags the machines of a group by one call for each region: all carry the ids of all, and the name tells
// which is whose.
func (st *start) tagTogether(ctx context.Context, g *group) {
	instances, runners, tagged := map[string][]string{}, map[string][]int64{}, map[string][]*slot{}
	for _, s := range g.slots {
		if s.failed == nil && s.instance.Tags[key.Nonce] != "" {
			tagged[s.instance.Region] = append(tagged[s.instance.Region], s)
			instances[s.instance.Region] = append(instances[s.instance.Region], s.instance.ID)
			runners[s.instance.Region] = append(runners[s.instance.Region], s.runnerID)
		}
	}
	if !st.request.OwnTags {
		return
	}
	for region, ids := range instances {
		tags := tags.RunnerIDTags(runners[region])
		if len(tags) == 0 {
			continue
		}
		if err := st.Cloud.TagAll(ctx, region, ids, tags); err != nil {
			st.log.Debug("the runner ids cannot be tagged, stop will look the runners up by name", "error", err)
			continue
		}
		st.unmark(ctx, tagged[region]...)
	}
}

// removeFailed removes the runners that were given up while enough others came online.
func (st *start) removeFailed(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, rollBackWithin)
	defer cancel()
	r := &remove.Remover{Cloud: st.Cloud, Registry: st.Registry, Log: st.log}
	var failed []*slot
	for _, s := range st.slots {
		if s.failed != nil {
			st.warn(fmt.Sprintf("runner %s is given up: %v", cmp.Or(s.name, s.key()), s.failed))
			failed = append(failed, s)
		}
	}
	for _, words := range st.keep(ctx, failed) {
		st.warn(words)
	}
	st.lookUpTogether(ctx, r)
	forEach(failed, func(_ int, s *slot) {
		left := st.remove(ctx, r, s)
		s.removed = len(left) == 0 && !s.kept
		for _, what := range left {
			st.warn("left behind: " + what)
		}
	})
}

// clearDoubts ends what launches without an answer have made, before anybody waits: such a machine carries the name of
// ours, comes up sooner, and would be taken for it. What shows later is settle's.
func (st *start) clearDoubts(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, settleWithin)
	defer cancel()
	r := &remove.Remover{Cloud: st.Cloud, Registry: st.Registry, Log: st.log}
	_ = st.each(func(s *slot) error {
		for _, owner := range st.endDoubtful(ctx, s) {
			if st.request.JIT { // a JIT configuration is one registration for both
				continue
			}
			if err := r.Deregister(ctx, 0, owner); err != nil {
				st.log.Debug("the runner of a launch without an answer cannot be removed", "error", err)
			}
		}
		return nil
	})
}

// endDoubtful returns the runners of the instances that it ended.
func (st *start) endDoubtful(ctx context.Context, s *slot) (ended []tags.Owner) {
	for _, attempt := range s.trail {
		if !attempt.InDoubt {
			continue
		}
		region := attempt.Offering.Placement.Region
		found, err := st.Cloud.Instances(ctx, region, tags.LaunchedWith(attempt.Token))
		if err != nil {
			st.warn("a launch got no answer and EC2 cannot be asked whether it happened; look for an instance with " +
				"client " +
				"token " +
				attempt.Token + " in " + region)
			continue
		}
		for _, instance := range found {
			if instance.Alive() && !st.isOurs(instance.ID) {
				_ = (&remove.Remover{Cloud: st.Cloud, Registry: st.Registry, Log: st.log}).Terminate(ctx, region,
					instance.ID)
				owner := s.owner(st.identity)
				if call, together := s.unit.calls[attempt.Token]; together {
					owner.Name, owner.Other = s.unit.namesOf(call, instance.LaunchIndex)
				}
				ended = append(ended, owner)
			}
		}
	}
	return ended
}

// isOurs reports whether an instance is handed over.
func (st *start) isOurs(id string) bool {
	return slices.ContainsFunc(st.slots, func(s *slot) bool { return s.instance.ID == id })
}
