package runner

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/marqo-ai/ec2-github-runner/ec2"
	"github.com/marqo-ai/ec2-github-runner/runner/diagnosis"
)

// fails gives a slot up, unless another machine may do: a cold one where its machine is a warm one, and the next
// offering where the kernel of its machine panicked. The look that finds it out goes on; it is called side by side.
func (w *waiter) fails(err error, s *slot) {
	w.mu.Lock()
	_, panicked := errors.AsType[*panicError](err)
	again := s.warm || panicked && len(s.unit.offeringsAfter(s)) > 0
	if slices.Contains(w.fallen, s) {
		w.mu.Unlock()
		return
	}
	if again {
		w.fallen = append(w.fallen, s)
	}
	if panicked {
		s.unit.panic = err
	}
	w.mu.Unlock()
	switch {
	case !again:
		w.giveUp(err, s)
	case s.warm:
		w.warn(fmt.Sprintf("warm AWS EC2 instance %s did not come up, so it is ended and a cold one is started: %v",
			s.instance.ID, err))
	default:
		w.warn(fmt.Sprintf("%v, so it is terminated and the next offering is asked for", err))
	}
}

// overdueWarm reports whether a warm machine has had its time: half of the startup timeout, from its start on, so that
// the cold start which then follows does not make the step last much longer than the user means to wait. A warm
// machine is online in half a minute; only a pre-runner-script can make it need more, and that is what the user sets
// the timeout by.
func (w *waiter) overdueWarm(s *slot) error {
	within := w.request.Waiting.Timeout / 2
	if w.since()-s.timeline.Launched <= within {
		return nil
	}
	return &diagnosis.FailedError{Message: fmt.Sprintf("it is not online %s after its start", within)}
}

// startAnew starts the slots anew whose machines did not come up. A panicked machine never used its registration,
// which stays.
func (w *waiter) startAnew(ctx context.Context) error {
	w.mu.Lock()
	fallen := w.fallen
	w.fallen = nil
	w.mu.Unlock()
	if len(fallen) == 0 {
		return nil
	}
	w.endPanicked(ctx, slices.DeleteFunc(slices.Clone(fallen), func(s *slot) bool { return s.warm }))
	for _, s := range fallen {
		if s.warm {
			w.abandon(ctx, s)
		}
	}
	if err := w.register(ctx); err != nil {
		return err
	}
	return w.launch(ctx)
}

// abandon lets go of a slot's warm machine: it is ended beside what goes on.
func (w *waiter) abandon(ctx context.Context, s *slot) {
	c := s.claim
	w.mu.Lock()
	s.warm, s.claim, s.instance, s.runnerID, s.jit, s.registering, s.console = false, nil, ec2.Instance{}, 0, "", false, ""
	s.name, s.timeline = s.coldName(s.index-s.slots[0].index), Timeline{}
	w.mu.Unlock()
	c.reached(heldDoor)
	w.warm.freeing.Go(func() {
		bounded, cancel := context.WithTimeout(context.WithoutCancel(ctx), freeWithin)
		defer cancel()
		if err := c.free(bounded, &remover{cloud: c.Cloud, registry: c.Registry, log: c.log}, c.Cloud); err != nil {
			c.log.Debug("the warm machine cannot be ended yet", "instance", c.entry.ID, "error", err)
		}
	})
}
