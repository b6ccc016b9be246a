package serve

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"

	"github.com/marqo-ai/ec2-github-runner/runner/diagnosis"
	"github.com/marqo-ai/ec2-github-runner/serve/config"
	"github.com/marqo-ai/ec2-github-runner/serve/queue"
)

// Delete deletes a scale set at the GitHub of a file, whether the file has it or not. It takes the set's session first,
// so that no set is deleted that some process listens to, and refuses one that has runners. It asks nothing of AWS.
func Delete(ctx context.Context, file config.File, name string, o Options) error {
	signIn, err := newSignIn(file.GitHub, o.Transport, o.Version, o.Log)
	if err != nil {
		return err
	}
	api, err := signIn.queue()
	if err != nil {
		return err
	}
	wanted := config.Set{Name: name}
	for _, known := range file.Sets {
		if known.Name == name {
			wanted = known
		}
	}
	return deleter{api: api, signIn: signIn, owner: &owner{host: cmp.Or(o.Host, "unnamed"), installation: "delete"},
		file: wanted, log: o.Log.With("set", name)}.delete(ctx)
}

// deleter deletes one set.
type deleter struct {
	api    *queue.Client
	signIn *signIn
	owner  *owner
	file   config.Set // with nothing but its name where the file does not have it
	log    *slog.Logger
}

func (d deleter) delete(ctx context.Context) error {
	group, err := d.api.GroupID(ctx, d.file.RunnerGroup)
	if err != nil {
		return withHint(err)
	}
	there, found, err := d.signIn.findSet(ctx, d.api, group, d.file.Name)
	switch {
	case err != nil:
		return withHint(err)
	case !found:
		return &diagnosis.RefusedError{Message: fmt.Sprintf("GitHub has no scale set %q for %s", d.file.Name,
			d.signIn.scope),
			Hint: "the settings of the repository or the organization list its sets at Actions > Runners"}
	}
	session, err := d.api.Open(ctx, there.ID, d.owner.name())
	if queue.ClassOf(err) == queue.Held {
		return &diagnosis.RefusedError{
			Message: fmt.Sprintf("scale set %q is not deleted, because a process listens to it: %v", d.file.Name, err),
			Hint:    "take it out of the file and reload the program, which leaves it when its machines have ended",
		}
	}
	if err != nil {
		return withHint(err)
	}
	runners := session.First.Registered
	if err := session.Close(context.WithoutCancel(ctx)); err != nil {
		return withHint(err)
	}
	if runners > 0 {
		return &diagnosis.RefusedError{
			Message: fmt.Sprintf("scale set %q is not deleted, because it has %d runners", d.file.Name, runners),
			Hint: "wait until their jobs are done; runners without a machine are removed by GitHub within a day, or " +
				"by hand at Actions > Runners of the settings",
		}
	}
	if err := d.api.Delete(ctx, there.ID); err != nil {
		return withHint(err)
	}
	waiting := session.First.Available + session.First.Assigned
	d.log.Info("the scale set is deleted", "id", there.ID, "labels", there.Labels, "waiting", waiting)
	if waiting > 0 {
		d.log.Warn("jobs that wait for the set wait on, and fail after a day", "waiting", waiting,
			"hint", "cancel their runs, or write another runs-on and run them anew")
	}
	if len(d.file.Labels) > 0 {
		d.log.Warn("the file has the set, so a program that serves the file makes it again",
			"hint", "take it out of the file")
	}
	return nil
}

// withHint gives an error of GitHub the hint that it has for sets.
func withHint(err error) error {
	if hint := hintOf(err); hint != "" {
		return &diagnosis.FailedError{Message: err.Error(), Hint: hint, Err: err}
	}
	return err
}
