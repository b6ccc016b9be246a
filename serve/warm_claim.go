package serve

import (
	"context"
	"errors"
	"maps"
	"slices"
	"time"

	"github.com/marqo-ai/ec2-github-runner/ec2"
	"github.com/marqo-ai/ec2-github-runner/ec2/refusal"
	"github.com/marqo-ai/ec2-github-runner/machine"
	"github.com/marqo-ai/ec2-github-runner/runner/tags/key"
)

// take claims a warm machine for a runner. It returns nil if there is none.
func (s *warmStock) take(found offer) *warm {
	prints := s.template.fingerprints(found)
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.pause.fatal && time.Now().Before(s.pause.until) {
		return nil
	}
	for _, id := range slices.Sorted(maps.Keys(s.machines)) {
		if w := s.machines[id]; w.State == ec2.Stopped && !w.ending && prints[w.fingerprint] {
			delete(s.machines, id)
			s.claimed[id] = true
			return w
		}
	}
	return nil
}

// start gives a claimed machine to a runner and starts it. The tags come first: if the process is killed in between, it
// leaves a stopped machine with a runner name, which the next look ends.
func (s *warmStock) start(ctx context.Context, w *warm, by identified, found offer) (ec2.Instance, error) {
	data, err := s.template.userData(by, found)
	if err != nil {
		return ec2.Instance{}, err
	}
	own := s.template.tags(identity(s.template.scope, by.name), by, found)
	own[key.Fingerprint] = ""
	for _, step := range []func() error{
		func() error { return s.cloud.Tag(ctx, w.Region, w.ID, own) },
		func() error { return s.cloud.SetUserData(ctx, w.Region, w.ID, data) },
		func() error { return s.cloud.SetShutdownBehavior(ctx, w.Region, w.ID) },
		func() error { _, err := s.cloud.Start(ctx, w.Region, w.ID); return err },
	} {
		if err := step(); err != nil {
			ending, cancel := context.WithTimeout(context.WithoutCancel(ctx), closeTime)
			defer cancel()
			endErr := s.cloud.End(ending, w.Region, w.ID)
			if endErr != nil {
				s.giveBack(w.ID)
			}
			return ec2.Instance{}, &warmError{errors.Join(err, endErr)}
		}
	}
	i := w.Instance
	i.State, i.Market = ec2.Pending, machine.OnDemand
	return i, nil
}

// giveBack ends the claim of a machine that could not be ended. The next look takes it for warm again, or, if its tags
// name a runner already, ends it.
func (s *warmStock) giveBack(id string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.claimed, id)
}

// warmError is the error of a warm machine that did not start. It is ended, and another machine replaces it.
type warmError struct{ error }

func (e *warmError) Unwrap() error { return e.error }

func isWarmError(err error) bool {
	_, warm := errors.AsType[*warmError](err)
	return warm
}

// failed logs that a warm machine did not start. If EC2 denies it, none is launched or claimed for a while.
func (s *warmStock) failed(now time.Time, runner string, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	hint := ""
	if refusal.ClassOf(err) == refusal.Denied {
		hint = "allow ec2:CreateTags, ec2:ModifyInstanceAttribute and ec2:StartInstances (docs/permissions.md, " +
			"feature pool), or take warm out of the file"
		s.pause = s.pause.next(now, true, "", 1)
	}
	s.log.Warn("a warm machine did not start; another one takes its place", "runner", runner, "error", err.Error(),
		"hint", hint)
}
