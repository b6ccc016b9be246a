package serve

import (
	"context"

	"github.com/marqo-ai/ec2-github-runner/serve/queue"
)

// carryOut does what a rule says. What cannot be done now, the next look tries again.
func (s *set) carryOut(ctx context.Context, v verdict) {
	ctx, cancel := context.WithTimeout(ctx, actTimeout)
	defer cancel()
	err := s.endBoth(ctx, v)
	log := s.log.With("runner", v.name, "machine", v.machine.ID, "why", v.why)
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case queue.ClassOf(err) == queue.Busy:
		log.Info("runner spared: GitHub says that a job runs on it")
		return
	case err != nil && s.tellEnd[v.name] != v.why:
		s.tellEnd[v.name] = v.why
		log.Warn("runner not ended; each look tries again", "error", err.Error())
		return
	case err != nil:
		return
	}
	delete(s.tellEnd, v.name)
	if v.act != forgotten {
		log.Info("runner " + string(v.act))
	}
	switch {
	case v.isDouble():
	case v.act == ended && v.machine.ID != "":
		v.over = true // the next look forgets it, when GitHub has no registration either
	default:
		s.drop(v.name)
	}
}

// isDouble reports whether the machine is not the one that the runner is taken for.
func (v verdict) isDouble() bool { return v.machine.ID != "" && v.machine.ID != v.runner.instance.ID }

// endBoth removes the registration and then terminates the machine, each if there is one. A double shares its
// registration with another machine.
func (s *set) endBoth(ctx context.Context, v verdict) error {
	if v.act == forgotten {
		return nil
	}
	if v.id != 0 && v.state != runnerGone && !v.isDouble() {
		api, err := s.client()
		if err == nil {
			err = api.Remove(ctx, v.id)
		}
		if err != nil {
			return err
		}
	}
	if v.act == ended && v.machine.ID != "" {
		return s.cloud.Terminate(ctx, v.machine.Region, v.machine.ID) // what is refused the next look tries again
	}
	return nil
}
