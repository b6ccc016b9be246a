package pool

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/marqo-ai/ec2-github-runner/ec2"
	"github.com/marqo-ai/ec2-github-runner/runner"
	"github.com/marqo-ai/ec2-github-runner/runner/tags"
	"github.com/marqo-ai/ec2-github-runner/runner/tags/key"
)

// claimAll claims warm machines for as many slots as possible, concurrently. Whatever goes wrong delays the cold start
// of a slot by at most claimTimeout.
func (cl *claims) claimAll(ctx context.Context, log *slog.Logger) error {
	st := cl.st
	bounded, cancel := context.WithTimeout(ctx, claimTimeout)
	defer cancel()
	log.Info(fmt.Sprintf("runners of a pool are single-use: each machine, warm or cold, ends with its job (pool: %s)",
		cl.pool))
	if !cl.listReady(bounded, log) {
		return nil
	}
	return st.Each(func(s *runner.Slot) error {
		cl.claimFor(bounded, log, s)
		return nil
	})
}

// listReady lists the entries that are ready, and logs why there are none.
func (cl *claims) listReady(ctx context.Context, log *slog.Logger) bool {
	st := cl.st
	var all []ec2.Instance
	unseen := false
	for _, region := range st.Regions() {
		found, err := st.Cloud.Instances(ctx, region, ec2.Selector{States: []string{ec2.Stopped},
			Tags: map[string]string{
				key.Scope: st.Identity.Scope, key.Repository: st.Identity.Run.Repository,
				key.Mode: tags.ModePool,
				key.Pool: cl.pool,
			}})
		if err != nil {
			cl.reportMiss(log, "cannot read the pool in "+region, err)
			unseen = true
			continue
		}
		all = append(all, found...)
	}
	for _, i := range all {
		if cl.isReady(i) {
			cl.entries = append(cl.entries, i)
		}
	}
	ready := len(cl.entries)
	switch {
	case len(all) == 0 && unseen: // which was reported
	case len(all) == 0:
		log.Info(fmt.Sprintf("no warm machine of pool %s is ready, so a cold one is started", cl.pool))
	case ready == 0:
		log.Info(fmt.Sprintf("none of the %d warm machines of pool %s was launched with the inputs of this start for "+
			"its runner group, so a cold one is started; give mode: pool and this step the same launch inputs",
			len(all), cl.pool))
	default:
		log.Info(fmt.Sprintf("%d warm machines of pool %s are ready", ready, cl.pool))
		return st.ChooseGroup(ctx, log) == nil // the cold start reports what is wrong
	}
	return false
}

// expiresSoon is how close to its expiry an entry is no longer claimed, so that a claim never meets the sweep that
// terminates it.
const expiresSoon = 10 * time.Minute

// isReady reports whether an entry may serve some slot of the start. An entry that a sweep has marked because of its
// registration is tried too.
func (cl *claims) isReady(i ec2.Instance) bool {
	st := cl.st
	return tags.Of(i).Entry && i.Tags[key.Group] == st.GroupKey &&
		time.Until(tags.Of(i).ExpiresAt) > expiresSoon &&
		slices.ContainsFunc(st.Slots(), func(s *runner.Slot) bool { return cl.fits(s, i) })
}

// fits reports whether an entry was launched as the slot's machine would be.
func (cl *claims) fits(s *runner.Slot, i ec2.Instance) bool {
	return s.Fingerprints()[i.Tags[key.Fingerprint]]
}

// claimFor tries entries in an order that differs for each slot, so that concurrent starts do not all begin with the
// same one.
func (cl *claims) claimFor(ctx context.Context, log *slog.Logger, s *runner.Slot) {
	st := cl.st
	entries := slices.DeleteFunc(slices.Clone(cl.entries),
		func(i ec2.Instance) bool { return !cl.fits(s, i) })
	order := func(i ec2.Instance) string {
		return tags.ShortHash(st.Identity.Nonce+" "+strconv.Itoa(s.Index())+" "+i.ID, 16)
	}
	slices.SortFunc(entries, func(a, b ec2.Instance) int { return strings.Compare(order(a), order(b)) })
	tries := 0
	for _, entry := range entries {
		if tries == maxClaims || ctx.Err() != nil || cl.isDenied() {
			break
		}
		if !cl.reserve(entry.ID) {
			continue
		}
		tries++
		if cl.newClaim(log, s, entry).run(ctx) {
			return
		}
	}
	if tries > 0 {
		log.Info(fmt.Sprintf("no warm machine could be claimed for %s in %d tries, so a cold one is started", s.Key(),
			tries))
	}
}
