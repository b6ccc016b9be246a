package serve

import (
	"cmp"
	"context"
	"math/rand/v2"
	"time"

	"github.com/marqo-ai/ec2-github-runner/ec2"
	"github.com/marqo-ai/ec2-github-runner/runner/tags/key"
)

// fill launches the warm machines that the set lacks.
func (s *warmStock) fill(ctx context.Context, now time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	missing := s.settings.now().Warm - len(s.machines)
	if missing <= 0 || s.filling || now.Before(s.pause.until) {
		return
	}
	s.filling = true
	s.work.Go(func() {
		made, err := s.launch(ctx, missing)
		s.filled(made, err, ctx.Err() != nil)
	})
}

// filled takes in what was launched.
func (s *warmStock) filled(made []*warm, err error, ended bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.filling = false
	for _, w := range made {
		s.machines[w.ID] = w
		s.log.Info("warm machine launched; it stops itself", "machine", w.ID, "type", w.Type)
	}
	if err == nil && s.pause.early || ended { // whether they become ready is not known yet
		return
	}
	if err == nil {
		s.pause = pause{}
		return
	}
	s.pause = s.pause.next(time.Now(), isFatal(err), "", rand.Float64()) //nolint:gosec // spreads load
	s.log.Warn("warm machines are missing", "error", reasonOf(err), "hint", launchHint(err),
		"retry", s.pause.wait.String())
}

// launch launches warm machines, all with one call.
func (s *warmStock) launch(ctx context.Context, count int) ([]*warm, error) {
	giveBack, err := s.turns.take(ctx, s.settings.region(s.template.region), s.set)
	if err != nil {
		return nil, err
	}
	defer giveBack()
	found, err := s.offers.get(ctx)
	if err != nil {
		return nil, err
	}
	now := time.Now()
	due, expires := now.Add(warmDueTime), now.Add(warmAge)
	offerings := warmOfferings(found.offerings)
	spec, err := s.template.warm(due, expires, found, offerings)
	if err != nil {
		return nil, err
	}
	instances, trail, err := s.cloud.LaunchMany(ctx, spec, count, offerings, ec2.Observer{})
	if err != nil {
		err = &launchError{err, trail}
	}
	made := make([]*warm, len(instances))
	for n, i := range instances {
		i.Type = cmp.Or(i.Type, offerings[i.Offering].InstanceType)
		made[n] = &warm{Instance: i, fingerprint: spec.OwnTags(i.Offering)[key.Fingerprint], due: due, expires: expires}
	}
	return made, err
}
