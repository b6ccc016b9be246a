package serve

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/marqo-ai/ec2-github-runner/ec2/refusal"
	"github.com/marqo-ai/ec2-github-runner/runner/diagnosis"
	"github.com/marqo-ai/ec2-github-runner/serve/config"
	"github.com/marqo-ai/ec2-github-runner/serve/queue"
)

// Delete deletes a scale set at the GitHub of a file, whether the file has it or not, and before that ends the machines
// that it has left: those whose process was ended before they were. It takes the set's session first, so that nothing
// is ended that some process listens for. A set with a job at work is not deleted. Delete may be killed at any moment
// and called again. With dry it changes nothing, takes no session, and logs what the set has.
func Delete(ctx context.Context, file config.File, name string, dry bool, o Options) error {
	s, err := connect(ctx, file, o)
	if err != nil {
		return err
	}
	caller, err := s.cloud.Account().Caller(ctx, s.cloud.Region())
	if err != nil {
		return &diagnosis.FailedError{Err: err,
			Message: fmt.Sprintf("scale set %q is not deleted, because AWS cannot be "+
				"asked for its machines: %v", name, err), Hint: diagnosis.Hint(err)}
	}
	s.owner.identify(caller.Account, s.cloud.Region())
	wanted := config.Set{Name: name}
	isInFile := false
	for _, known := range file.Sets {
		if strings.EqualFold(known.Name, name) {
			wanted.Name, wanted.RunnerGroup, isInFile = known.Name, known.RunnerGroup, true
		}
	}
	set, err := s.newSet(wanted)
	if err != nil {
		return err
	}
	set.settings.remove()
	if home := s.cloud.Region(); home != "" && !slices.Contains(s.regions, home) {
		s.regions = append(s.regions, home)
	}
	d := deleter{set: set, signIn: s.signIn, owner: s.owner, regions: s.regions,
		watcher: newWatcher(s.cloud, s.signIn, slog.New(slog.DiscardHandler))}
	if dry {
		return d.show(ctx)
	}
	deleted, err := d.delete(ctx)
	if deleted && isInFile {
		set.log.Warn("the file has the set, so a program that serves the file makes it again",
			"hint", "take it out of the file")
	}
	return err
}

// deleter deletes one set.
type deleter struct {
	set     *set
	signIn  *signIn
	owner   *owner
	watcher *watcher
	regions []string
}

// delete ends the machines of the set and deletes it. deleted reports whether GitHub had it.
func (d deleter) delete(ctx context.Context) (deleted bool, err error) {
	there, found, err := d.find(ctx)
	if err != nil {
		return false, withHint(err)
	}
	if !found {
		return false, d.endLeft(ctx)
	}
	session, err := d.set.api.Open(ctx, there.ID, d.owner.name())
	if queue.ClassOf(err) == queue.Held {
		return false, d.refuse(fmt.Sprintf("a process listens to it: %v", err),
			"take it out of the file and reload or restart the program that listens; if that, or an earlier delete, "+
				"was killed a moment ago, wait until GitHub lets its session lapse")
	}
	if err != nil {
		return false, withHint(err)
	}
	// GitHub deletes a set whose session is held, so nobody can take it in between.
	// https://github.com/macstadium/orka-github-actions-integration/pull/65
	if err = d.endHolding(ctx, session, there.ID); err == nil {
		err = withHint(d.set.api.Delete(ctx, there.ID))
	}
	if err != nil {
		d.close(ctx, session)
		return false, err
	}
	waiting := session.First.Available + session.First.Assigned
	d.set.log.Info("the scale set is deleted", "id", there.ID, "labels", there.Labels, "waiting", waiting)
	if waiting > 0 {
		d.set.log.Warn("jobs that wait for the set wait on, and fail after a day", "waiting", waiting,
			"hint", "cancel their runs, or write another runs-on and run them anew")
	}
	return true, nil
}

// find looks the set up in all groups. The machines of two sets of one name cannot be told apart.
func (d deleter) find(ctx context.Context) (there queue.Set, found bool, err error) {
	group, err := d.set.api.GroupID(ctx, d.set.settings.now().RunnerGroup)
	if err != nil {
		return there, false, err
	}
	all, err := d.signIn.findSets(ctx, d.set.api, group, d.set.name)
	switch {
	case err != nil || len(all) == 0:
		return there, false, err
	case len(all) > 1:
		return there, false,
			d.refuse(fmt.Sprintf("%d runner groups have a set of this name, and their machines cannot be "+
				"told apart", len(all)), "rename or remove one of them in the settings, at Actions > Runners")
	}
	return all[0], true, nil
}

// endHolding ends what the set has while the session is held, and fails if it is lost meanwhile.
func (d deleter) endHolding(ctx context.Context, session *queue.Session, id int) error {
	holding, lose := context.WithCancelCause(ctx)
	var polls sync.WaitGroup
	polls.Go(func() {
		if err := d.hold(holding, session); err != nil {
			lose(&lostError{err})
		}
	})
	err := d.endAll(holding, func(ctx context.Context) (int, error) {
		count, err := d.set.api.Count(ctx, id)
		return count.Registered, err
	})
	if cause := context.Cause(holding); isLost(cause) {
		err = d.refuse(fmt.Sprintf("its session was lost: %v", cause),
			"another process may have it now: see to it that none serves the set, and delete it again")
	}
	lose(nil)
	polls.Wait()
	return err
}

// hold keeps the session, and tells GitHub to assign nothing more, until ctx ends. Messages are not acknowledged: if
// the set is not deleted in the end, they are for whoever serves it next.
func (d deleter) hold(ctx context.Context, session *queue.Session) error {
	for last := 0; ; {
		message, err := session.Next(ctx, last, 0)
		switch {
		case ctx.Err() != nil:
			return nil //nolint:nilerr // it is held no longer than needed
		case err != nil && isRefused(err):
			return err
		case err != nil:
			wait(ctx, firstRetry)
		case message != nil:
			last = message.ID
			d.set.fleet.takeJobs(message, time.Now())
		}
	}
}

// endLeft ends the machines of a set that GitHub does not have any more.
func (d deleter) endLeft(ctx context.Context) error {
	ended := false
	err := d.endAll(ctx, func(ctx context.Context) (int, error) {
		_, found, err := d.find(ctx)
		if err == nil && found {
			err = d.refuse("a process has made it again meanwhile",
				"take it out of the file of the program that serves it")
		}
		ended = ended || d.set.fleet.size() > 0 || !d.set.warm.isEmpty()
		return 0, err
	})
	switch {
	case err != nil:
		return err
	case !ended:
		return &diagnosis.RefusedError{Message: fmt.Sprintf("GitHub has no scale set %q for %s, and EC2 no machine "+
			"of it in %s", d.set.name, d.signIn.scope, strings.Join(d.regions, ", ")),
			Hint: "the settings of the repository or the organization list its sets at Actions > Runners"}
	}
	d.set.log.Info("GitHub does not have the scale set; its machines are ended")
	return nil
}

// close deletes the session.
func (d deleter) close(ctx context.Context, session *queue.Session) {
	ending, cancel := context.WithTimeout(context.WithoutCancel(ctx), closeTime)
	defer cancel()
	if err := session.Close(ending); err != nil && queue.ClassOf(err) != queue.NotFound {
		d.set.log.Warn("the session was not deleted, so the next process waits until GitHub lets it lapse",
			"error", err.Error())
	}
}

// refuse returns the error of a set that is not deleted.
func (d deleter) refuse(why, hint string) error {
	return &diagnosis.RefusedError{Message: fmt.Sprintf("scale set %q is not deleted, because %s", d.set.name, why),
		Hint: hint}
}

// withHint adds the hint for an error of GitHub's.
func withHint(err error) error {
	if hint := hintOf(err); hint != "" {
		return &diagnosis.FailedError{Message: err.Error(), Hint: hint, Err: err}
	}
	return err
}

// isFinal reports whether a call that ends something was refused for a reason that does not pass.
func isFinal(err error) bool {
	switch refusal.ClassOf(err) {
	case refusal.Denied, refusal.Credentials:
		return true
	}
	return queue.ClassOf(err) == queue.Denied && !errors.Is(err, context.Canceled)
}
