package serve

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/marqo-ai/ec2-github-runner/serve/queue"
)

// open finds or creates the set, takes its session, and updates the set to the file. Only the process that holds the
// session may change the set, which may be another installation's.
func (l *listener) open(ctx context.Context) (*queue.Session, error) {
	var there, wanted queue.Set
	var err error
	id := l.awaited
	if id == 0 {
		if there, wanted, err = l.findOrMake(ctx); err != nil {
			return nil, err
		}
		id = there.ID
	}
	session, err := l.api.Open(ctx, id, l.owner.name())
	if l.awaited != 0 && queue.ClassOf(err) == queue.NotFound { // it was deleted, and may have been made anew
		l.awaited = 0
		return l.open(ctx)
	}
	l.awaited = 0
	if queue.ClassOf(err) == queue.Held {
		l.awaited = id
	}
	if err != nil {
		return nil, err
	}
	if there.ID == 0 { // the set, or the file, may have changed since
		there, wanted, err = l.findOrMake(ctx)
	}
	if err == nil {
		there, err = l.adjust(ctx, there, wanted)
	}
	if queue.ClassOf(err) == queue.Refused && there.ID == l.served.ID {
		l.keep(ctx, err)
		wanted.Labels, err = there.Labels, nil
	}
	if err != nil {
		l.close(ctx, session, nil)
		return nil, err
	}
	if dropped := there.Dropped(wanted.Labels); len(dropped) > 0 {
		l.log.Warn("GitHub has dropped labels of the scale set, so no job with them comes here", "labels", dropped,
			"hint", "a GitHub Enterprise Server below 3.21 keeps the set's name alone, unless an administrator turns "+
				"DistributedTask.AllowRunnerScaleSetCustomLabels on")
	}
	l.served = there
	l.begin(ctx, session, there)
	return session, nil
}

// keep tells that GitHub refuses what another file says of a set that this process has served: it goes on as it was.
func (l *listener) keep(ctx context.Context, err error) {
	const message = "GitHub refuses what the file says of the set: the set stays as it is at GitHub"
	l.record.refusedByGitHub(err)
	l.record.refused(time.Now(), message+": "+err.Error(), hintOf(err))
	l.log.ErrorContext(ctx, message, "error", err.Error(), "hint", hintOf(err))
}

// begin notes that the session is held.
func (l *listener) begin(ctx context.Context, session *queue.Session, there queue.Set) {
	now := time.Now()
	l.count.open(there.ID, session.First)
	l.mu.Lock()
	l.session.held, l.session.opened, l.polled = true, now, now
	l.failure, l.problem, l.hint = failure{}, "", ""
	l.mu.Unlock()
	l.log.Info("listening", "id", there.ID, "labels", there.Labels, "assigned", session.First.Assigned)
	l.standbys.leave(l.set)
	l.standbys.announce()
	l.opened(ctx, there.ID)
}

// findOrMake returns the set as it is, and as the file wants it. A set that is no longer in the file is kept as it is.
func (l *listener) findOrMake(ctx context.Context) (there, wanted queue.Set, err error) {
	c := l.settings.now()
	wanted = queue.Set{Name: c.Name, Labels: c.Labels, DisableUpdate: true}
	group, noGroup := l.api.GroupID(ctx, c.RunnerGroup)
	if noGroup != nil {
		if queue.ClassOf(noGroup) != queue.NotFound || l.served.ID == 0 {
			return there, wanted, noGroup
		}
		group = l.served.GroupID
	}
	wanted.GroupID = group
	there, found, err := l.signIn.findSet(ctx, l.api, group, l.set)
	switch {
	case err != nil:
	case found && l.settings.isRemoved():
		wanted = there
	case !found && l.settings.isRemoved():
		err = errSetGone
	case noGroup != nil && found && there.ID == l.served.ID && there.GroupID == group:
		l.keep(ctx, noGroup)
	case noGroup != nil: // not in another group, which may let other repositories in
		err = noGroup
	case found:
	default:
		if there, err = l.api.Create(ctx, wanted); err == nil {
			l.log.Info("the scale set is made", "id", there.ID, "labels", there.Labels)
		}
	}
	return there, wanted, err
}

// errSetGone is a set that was taken out of the file, and that GitHub does not have any more.
var errSetGone = errors.New("GitHub has no scale set of this name")

// adjust updates labels, group and setting of a set if they differ from what is wanted.
func (l *listener) adjust(ctx context.Context, there, wanted queue.Set) (queue.Set, error) {
	extra := slices.ContainsFunc(there.Labels,
		func(l string) bool { return len(queue.Set{Labels: wanted.Labels}.Dropped([]string{l})) > 0 })
	if there.GroupID == wanted.GroupID && there.DisableUpdate == wanted.DisableUpdate && !extra &&
		len(there.Dropped(wanted.Labels)) == 0 {
		return there, nil
	}
	wanted.ID = there.ID
	made, err := l.api.Update(ctx, wanted)
	if err != nil {
		return there, err
	}
	l.log.Info("the scale set is brought to the file", "id", made.ID, "labels", made.Labels, "group", made.GroupID)
	return made, nil
}
