package runner

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/marqo-ai/ec2-github-runner/ec2"
	"github.com/marqo-ai/ec2-github-runner/github"
)

// This file is about claims that are under way when claimWithin is over. To throw the machine away then would cost more
// than to go on, and to wait longer would make the miss dearer. So the cold start's registration goes on beside them,
// and what has its machine by the moment of the launch spares it: no claim delays a launch.

// finishWithin is what a claim has beyond claimWithin at the most, should the registration take longer than that.
const finishWithin = 2 * time.Second

// claimStage is what becomes of a claim that gets its machine now.
type claimStage int

const (
	claimsTake  claimStage = iota // it is the slot's at once
	claimsWait                    // the slot is being registered cold: the launch decides
	claimsEnded                   // the slot is launched cold
)

// lateClaims are claims that got their machines while their slots were being registered cold.
type lateClaims struct {
	stage claimStage // guarded by warmth.mu, as all of this
	stop  context.CancelFunc
	won   []*warmClaim
	spare map[*slot]Registration // of slots that are warm since, until it is removed
	gone  map[int64]bool         // runner ids of those that were removed: GitHub may list them for a moment
}

// makeClaims makes the claims of all slots side by side and returns when all have ended, or when bounded has.
func (st *start) makeClaims(ctx, bounded context.Context) {
	finishing, stop := context.WithTimeout(ctx, claimWithin+finishWithin)
	st.warm.late = lateClaims{stop: stop, spare: map[*slot]Registration{}, gone: map[int64]bool{}}
	log, places := st.log, make(chan struct{}, mostAtOnce)
	var group sync.WaitGroup
	for _, s := range st.slots {
		group.Go(func() {
			places <- struct{}{}
			defer func() { <-places }()
			st.claimFor(bounded, finishing, log, s)
		})
	}
	ended := make(chan struct{})
	st.warm.freeing.Go(func() {
		group.Wait()
		close(ended)
	})
	select {
	case <-ended:
		stop()
	case <-bounded.Done():
		st.warm.mu.Lock()
		defer st.warm.mu.Unlock()
		st.warm.late.stage = claimsWait
		if ctx.Err() != nil {
			return
		}
		st.log.Info(fmt.Sprintf("the claims on warm machines are not at their end after %s, so the cold start goes on "+
			"beside them", claimWithin))
	}
}

// errTooLate says that the slot's cold machine is being launched.
var errTooLate = errors.New("its start took too long, and a cold one is launched")

// won makes the machine the slot's, now or at the launch.
func (c *warmClaim) won() error {
	w := &c.warm
	w.mu.Lock()
	defer w.mu.Unlock()
	switch w.late.stage {
	case claimsTake:
		c.take()
	case claimsWait:
		w.late.won = append(w.late.won, c)
	case claimsEnded:
		return errTooLate
	}
	c.reached(heldWhole)
	return nil
}

// isLiving tells that a slot is not given up.
func (st *start) isLiving(s *slot) bool {
	st.mu.Lock()
	defer st.mu.Unlock()
	return s.failed == nil
}

// endClaims decides on the late claims: a slot that is still wanted takes its machine and needs its cold registration
// no more. What is not claimed by now is let go of beside what goes on.
func (st *start) endClaims(ctx context.Context, wanted func(*slot) bool) {
	w := &st.warm
	w.mu.Lock()
	late := &w.late
	won, stop := late.won, late.stop
	late.stage, late.won = claimsEnded, nil
	w.mu.Unlock()
	if stop != nil {
		stop()
	}
	var taken []*warmClaim
	for _, c := range won {
		if !wanted(c.slot) {
			c.reached(heldDoor)
			c.freeBeside(ctx)
			continue
		}
		taken = append(taken, c)
		w.mu.Lock()
		late.spare[c.slot] = Registration{Name: c.slot.name, ID: c.slot.runnerID}
		c.take()
		w.mu.Unlock()
	}
	for _, c := range taken { // by the claim and not by its slot, which may have another machine before this is done
		w.freeing.Go(func() { st.dropSpareWithin(context.WithoutCancel(ctx), c.log, c.slot) })
	}
}

// dropSpareWithin is dropSpare by whoever does something else meanwhile.
func (st *start) dropSpareWithin(ctx context.Context, log *slog.Logger, s *slot) {
	bounded, cancel := context.WithTimeout(ctx, freeWithin)
	defer cancel()
	if err := st.dropSpare(bounded, &remover{cloud: st.Cloud, registry: st.Registry, log: log}, s); err != nil {
		log.Debug("the cold registration cannot be removed yet", "error", err)
	}
}

// take makes the machine the slot's, and hands it over.
func (c *warmClaim) take() {
	s := c.slot
	c.start.mu.Lock()
	s.warm, s.claim = true, c
	s.instance, s.instance.State = c.entry, ec2.Pending
	s.name, s.runnerID, s.jit, s.registering = entryName(c.entry.ID), c.id, c.jit, true
	s.timeline.Registered, s.timeline.Launched = c.asked.Sub(c.begun), c.awake
	c.start.mu.Unlock()
	c.log.Info(fmt.Sprintf("Successfully started warm AWS EC2 instance %s of pool %s in region %s", s.instance.ID,
		c.request.Pool, s.instance.Region))
	if err := c.Journal.Launched(s.handoff()); err != nil {
		c.giveUp(err, s)
	}
}

// dropSpare removes the registration that a slot got before its late claim had its machine.
func (st *start) dropSpare(ctx context.Context, r *remover, s *slot) error {
	st.warm.mu.Lock()
	spare, is := st.warm.late.spare[s]
	st.warm.mu.Unlock()
	if !is {
		return nil
	}
	if err := r.release(ctx, spare.ID); err != nil {
		return err
	}
	st.warm.mu.Lock()
	delete(st.warm.late.spare, s)
	st.warm.late.gone[spare.ID] = true
	st.warm.mu.Unlock()
	return st.announce()
}

// isGone reports whether a runner is a registration that this start has removed.
func (st *start) isGone(r github.Runner) bool {
	st.warm.mu.Lock()
	defer st.warm.mu.Unlock()
	return st.warm.late.gone[r.ID]
}

// clearSpares removes the registrations of slots that are warm since, and names those that are left.
func (st *start) clearSpares(ctx context.Context, r *remover) (left []string) {
	for _, s := range st.slots {
		if err := st.dropSpare(ctx, r, s); err != nil {
			left = append(left, fmt.Sprintf("the unused registration of %s (%v): remove it in the settings of %s", s.key(), err,
				st.identity.Scope))
		}
	}
	return left
}

// spares are these registrations, as far as they still are.
func (st *start) spares() (list []Registration) {
	st.warm.mu.Lock()
	defer st.warm.mu.Unlock()
	for _, s := range st.slots {
		if spare, is := st.warm.late.spare[s]; is {
			list = append(list, spare)
		}
	}
	return list
}
