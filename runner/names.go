package runner

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"

	"github.com/marqo-ai/ec2-github-runner/ec2"
	"github.com/marqo-ai/ec2-github-runner/github"
	"github.com/marqo-ai/ec2-github-runner/runner/diagnosis"
	"github.com/marqo-ai/ec2-github-runner/runner/remove"
	"github.com/marqo-ai/ec2-github-runner/runner/tags"
)

// reserveNames makes sure that no other runner has the names, with one look for all of them. Other starts may look at
// the same moment and see the same; then GitHub decides (tags/owner.go).
func (r registrar) reserveNames(ctx context.Context, slots []*Slot) error {
	var names []string
	for _, s := range slots {
		names = append(names, s.name)
	}
	taken, err := r.st.Registry.FindByNames(ctx, names)
	if err != nil || len(taken) == 0 {
		return err
	}
	machines := sync.OnceValues(func() ([]ec2.Instance, error) { return r.machinesAlive(ctx) })
	for _, g := range r.st.groups {
		// By the names that were looked up: renaming a slot renames those launched together with it.
		holders := map[*Slot]github.Runner{}
		of := slices.DeleteFunc(slices.Clone(slots), func(s *Slot) bool {
			holder, exists := taken[s.name]
			if exists && s.group == g {
				holders[s] = holder
			}
			return !exists || s.group != g
		})
		err := r.st.sideBySide(of, func(s *Slot) error {
			free, err := r.freeName(ctx, holders[s], machines)
			if err == nil && !free {
				r.renameFrom(s)
			}
			return err
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// freeName removes an offline runner, as machulav's --replace does, and reports whether its name is free now.
func (r registrar) freeName(ctx context.Context, found github.Runner, machines func() ([]ec2.Instance, error)) (bool,
	error) {
	if !r.isStale(found, machines) {
		return false, nil
	}
	err := r.st.Registry.Remove(ctx, found.ID)
	if errors.Is(err, github.ErrBusy) {
		return false, nil
	}
	if err == nil {
		r.log.Info("An offline runner of the same name is removed", "runner", found.Name)
	}
	return err == nil, err
}

// isStale reports whether nobody can need a registration any more. One that a start has made and that has never been
// online may belong to a start in progress, whose machine EC2 does not show yet, or to a start in another account; so
// may one with a start's mark. Any other was registered by a machine, which EC2 shows if it is one of ours. If EC2
// cannot be asked, the registration is not stale.
func (r registrar) isStale(found github.Runner, machines func() ([]ec2.Instance, error)) bool {
	if found.Online || found.Busy || found.Unused || tags.IsMarked(found) {
		return false
	}
	alive, err := machines()
	if err != nil {
		r.log.Debug("cannot see whether a machine has the runner's name", "runner", found.Name, "error", err)
		return false
	}
	return !slices.ContainsFunc(alive, func(i ec2.Instance) bool { return tags.Of(i).MayOwn(found) })
}

// machinesAlive lists what this action has launched in the start's regions.
func (r registrar) machinesAlive(ctx context.Context) ([]ec2.Instance, error) {
	return remove.MachinesAlive(ctx, r.st.Cloud, r.st.Regions(), r.st.Identity.Run.Repository, r.st.Identity.Scope)
}

// renameFrom gives a slot a new name, unique to this start, and also renames all slots launched together with it: their
// machines number themselves.
func (r registrar) renameFrom(s *Slot) {
	r.st.mu.Lock()
	taken, g := s.name, s.group
	switch {
	case !g.together:
		s.registering, s.name, s.alternative, g.shared = false, r.st.Identity.OtherName(s.name), "", false
	case g.renamed: // because of another slot
		r.st.mu.Unlock()
		return
	default:
		g.base, g.shared, g.renamed = r.st.Identity.OtherBase(g.base, tags.MaxIndexedName), false, true
		for _, unit := range g.units {
			unit.rename()
		}
	}
	now := s.name
	r.st.mu.Unlock()
	if g.together {
		r.warn(fmt.Sprintf("the runner name %s is taken by a runner that is in use, so these are named %s-…; %s",
			taken, g.base, diagnosis.HintOwnLabel))
		return
	}
	r.warn(fmt.Sprintf("the runner name %s is taken by a runner that is in use, so this one is named %s; %s", taken,
		now, diagnosis.HintOwnLabel))
}
