package runner

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/marqo-ai/ec2-github-runner/ec2"
)

// settleWithin bounds what a start does after its runners are online: the user waits for it.
const settleWithin = 2 * time.Second

// settle ends instances of launches whose answer was lost while a later offering was taken, and tags the instance with
// its runner id, which spares stop a look-up. Neither fails a start: what is left is found by its client token.
func (st *start) settle(ctx context.Context) error {
	st.removeFailed(ctx)
	ctx, cancel := context.WithTimeout(ctx, settleWithin)
	defer cancel()
	return st.each(func(s *slot) error {
		st.endDoubtful(ctx, s)
		if st.request.OwnTags && !st.request.JIT && s.instance.Tags[TagNonce] != "" {
			err := st.Cloud.Tag(ctx, s.instance.Region, s.instance.ID, map[string]string{TagRunnerID: strconv.FormatInt(s.runnerID, 10)})
			if err != nil {
				st.log.Debug("the runner id cannot be tagged, stop will look the runner up by name", "error", err)
			}
		}
		return nil
	})
}

// removeFailed removes the runners that were given up while enough others came online.
func (st *start) removeFailed(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, rollBackWithin)
	defer cancel()
	r := &remover{cloud: st.Cloud, registry: st.Registry, log: st.log}
	var group sync.WaitGroup
	for _, s := range st.slots {
		if s.failed == nil {
			continue
		}
		st.warn(fmt.Sprintf("runner %s is given up: %v", s.name, s.failed))
		group.Go(func() {
			left := st.remove(ctx, r, s)
			s.removed = len(left) == 0
			for _, what := range left {
				st.warn("left behind: " + what)
			}
		})
	}
	group.Wait()
}

// clearDoubts ends what launches without an answer have made, before anybody waits: such a machine carries the name of
// ours, comes up sooner, and would be taken for it. What shows later is settle's.
func (st *start) clearDoubts(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, settleWithin)
	defer cancel()
	_ = st.each(func(s *slot) error {
		if !st.endDoubtful(ctx, s) || st.request.JIT { // a JIT configuration is one registration for both
			return nil
		}
		r := &remover{cloud: st.Cloud, registry: st.Registry, log: st.log}
		if err := r.deregister(ctx, 0, s.name); err != nil {
			st.log.Debug("the runner of a launch without an answer cannot be removed", "error", err)
		}
		return nil
	})
}

// endDoubtful tells whether it ended an instance.
func (st *start) endDoubtful(ctx context.Context, s *slot) (ended bool) {
	for _, attempt := range s.trail {
		if !attempt.InDoubt {
			continue
		}
		region := st.regionOf(attempt.Offering.Placement)
		found, err := st.Cloud.Instances(ctx, region, ec2.Selector{ClientToken: attempt.Token})
		if err != nil {
			st.warn("a launch got no answer and EC2 cannot be asked whether it happened; look for an instance with client token " +
				attempt.Token + " in " + region)
			continue
		}
		for _, instance := range found {
			if instance.Alive() && !st.isOurs(instance.ID) {
				_ = (&remover{cloud: st.Cloud, registry: st.Registry, log: st.log}).terminate(ctx, region, instance.ID)
				ended = true
			}
		}
	}
	return ended
}

// isOurs tells that an instance is handed over.
func (st *start) isOurs(id string) bool {
	return slices.ContainsFunc(st.slots, func(s *slot) bool { return s.instance.ID == id })
}
