package serve

import (
	"context"
	"slices"
	"time"

	"github.com/marqo-ai/ec2-github-runner/serve/queue"
)

// open finds or makes the set, takes its session, and brings the set to what the file says. Only who holds the session
// may change the set: it may be another installation's.
func (s *set) open(ctx context.Context) (*queue.Session, error) {
	api, err := s.client()
	if err != nil {
		return nil, err
	}
	var there, wanted queue.Set
	id := s.awaited
	if id == 0 {
		if there, wanted, err = s.findOrMake(ctx, api); err != nil {
			return nil, err
		}
		id = there.ID
	}
	session, err := api.Open(ctx, id, s.owner)
	s.awaited = 0
	if queue.ClassOf(err) == queue.Held {
		s.awaited = id
	}
	if err != nil {
		return nil, err
	}
	if there.ID == 0 { // the set, or the file, may have changed since
		there, wanted, err = s.findOrMake(ctx, api)
	}
	if err == nil {
		there, err = s.adjust(ctx, api, there, wanted)
	}
	if err != nil {
		s.close(ctx, session, nil)
		return nil, err
	}
	if dropped := there.Dropped(wanted.Labels); len(dropped) > 0 {
		s.log.Warn("GitHub has dropped labels of the scale set, so no job with them comes here", "labels", dropped,
			"hint", "a GitHub Enterprise Server below 3.21 keeps the set's name alone, unless an administrator turns "+
				"DistributedTask.AllowRunnerScaleSetCustomLabels on")
	}
	s.mu.Lock()
	s.id, s.held, s.opened, s.polled = there.ID, true, time.Now(), time.Now()
	s.failed, s.problem, s.hint = failure{}, "", ""
	s.caughtUp = false
	s.beginCount(session.First)
	s.mu.Unlock()
	s.log.Info("listening", "id", there.ID, "labels", there.Labels, "assigned", session.First.Assigned)
	s.launches.Go(func() { s.prepare(ctx) })
	s.announceSession()
	s.askForLook()
	s.poke()
	return session, nil
}

// findOrMake returns the set as it is, and as it is wanted. One that is no longer in the file is wanted as it is.
func (s *set) findOrMake(ctx context.Context, api *queue.Client) (there, wanted queue.Set, err error) {
	c := s.wanted()
	wanted = queue.Set{Name: c.Name, Labels: c.Labels, DisableUpdate: true}
	if wanted.GroupID, err = api.GroupID(ctx, c.RunnerGroup); err != nil {
		return there, wanted, err
	}
	there, found, err := s.find(ctx, api, wanted.GroupID)
	switch {
	case err != nil:
	case found && s.isRemoved():
		wanted = there
	case found:
	case s.isRemoved():
		err = &queue.CallError{Operation: "find scale set", Class: queue.NotFound, Message: "it is gone"}
	default:
		if there, err = api.Create(ctx, wanted); err == nil {
			s.log.Info("the scale set is made", "id", there.ID, "labels", there.Labels)
		}
	}
	return there, wanted, err
}

// find looks the set up in its group, and then in the scope's other groups: the file may have moved it.
func (s *set) find(ctx context.Context, api *queue.Client, group int) (queue.Set, bool, error) {
	there, found, err := api.Find(ctx, group, s.Name)
	if err != nil || found || s.signIn.scope.IsRepository() {
		return there, found, err
	}
	registry, err := s.signIn.client()
	if err != nil {
		return queue.Set{}, false, err
	}
	groups, err := registry.Groups(ctx)
	if err != nil {
		s.log.Debug("the runner groups cannot be listed", "error", err)
		return queue.Set{}, false, nil
	}
	for _, other := range groups {
		if int(other.ID) == group {
			continue
		}
		if there, found, err = api.Find(ctx, int(other.ID), s.Name); err != nil || found {
			return there, found, err
		}
	}
	return queue.Set{}, false, nil
}

// adjust brings a set to its labels, group and setting.
func (s *set) adjust(ctx context.Context, api *queue.Client, there, wanted queue.Set) (queue.Set, error) {
	extra := slices.ContainsFunc(there.Labels,
		func(l string) bool { return len(queue.Set{Labels: wanted.Labels}.Dropped([]string{l})) > 0 })
	if there.GroupID == wanted.GroupID && there.DisableUpdate == wanted.DisableUpdate && !extra &&
		len(there.Dropped(wanted.Labels)) == 0 {
		return there, nil
	}
	wanted.ID = there.ID
	made, err := api.Update(ctx, wanted)
	if err != nil {
		return there, err
	}
	s.log.Info("the scale set is brought to the file", "id", made.ID, "labels", made.Labels, "group", made.GroupID)
	return made, nil
}
