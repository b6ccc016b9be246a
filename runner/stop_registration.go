package runner

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/cenkalti/backoff/v4"

	"github.com/marqo-ai/ec2-github-runner/ec2"
	"github.com/marqo-ai/ec2-github-runner/github"
)

// deregister removes the registration: by id where the instance's tags know it, else by exact name.
func (sp *stop) deregister(ctx context.Context, t target) (string, error) {
	if t.runnerID != 0 {
		return sp.remove(ctx, t.runnerID, t.owner.name)
	}
	if t.owner.name == "" {
		sp.warn("The 'label' input is not specified for the 'stop' mode and the instance carries no tag of ours, so its runner cannot be found; GitHub removes it after 14 days")
		return "not found", nil
	}
	var others []int64 // registrations that have a name of the machine's, and of which nothing shows that they are its own
	for _, name := range t.owner.names() {
		runner, found, err := sp.Registry.FindByName(ctx, name)
		if err != nil {
			return "", err
		}
		if found && t.owner.owns(runner) {
			return sp.remove(ctx, runner.ID, runner.Name)
		}
		if found {
			others = append(others, runner.ID)
		}
	}
	if runner, found, err := sp.namedByHost(ctx, t.instance); err != nil || found {
		if err != nil {
			return "", err
		}
		return sp.remove(ctx, runner.ID, runner.Name)
	}
	if len(others) > 0 && isTagged(t.instance) {
		if id := sp.lateRunnerID(ctx, t.instance, others); id != 0 {
			return sp.remove(ctx, id, t.owner.name)
		}
	}
	sp.Log.Info(fmt.Sprintf("GitHub self-hosted runner with label %s is not found, so the removal is skipped", sp.labelOf(t)))
	return "not found", nil
}

// lateRunnerID looks again at the tags of a machine that was launched a short while ago: its start notes the runner's id when that is
// online, and EC2 may show the tags for seconds as they were before. Where one launch made several machines, their common tags name all
// ids, and the one among the candidates is the machine's. It is 0 where none shows.
func (sp *stop) lateRunnerID(ctx context.Context, i ec2.Instance, candidates []int64) (id int64) {
	if time.Since(i.LaunchTime) > runnerIDLate {
		return 0
	}
	bounded, cancel := context.WithTimeout(ctx, tagsLag)
	defer cancel()
	_ = ec2.UntilDone(bounded, tagsLook, func() error {
		now, err := sp.Cloud.Instance(bounded, i.Region, i.ID)
		if err != nil {
			return stopOr(err)
		}
		if id = runnerIDOf(now); id != 0 {
			return nil
		}
		for _, candidate := range candidates {
			if namesRunner(now, candidate) {
				id = candidate
				return nil
			}
		}
		return errTagsOld
	})
	return id
}

// runnerIDLate is how old a machine may be whose start may have noted the runner's id a moment ago.
const runnerIDLate = 15 * time.Minute

// remove deletes a registration. A runner whose machine has just been ended counts as busy until GitHub misses it.
func (sp *stop) remove(ctx context.Context, id int64, name string) (string, error) {
	bounded, cancel := context.WithTimeout(ctx, busyWithin)
	defer cancel()
	err := ec2.UntilDone(bounded, 3*time.Second, func() error {
		err := sp.Registry.Remove(ctx, id)
		if err != nil && !errors.Is(err, github.ErrBusy) {
			return backoff.Permanent(err)
		}
		return err
	})
	switch {
	case errors.Is(err, github.ErrBusy) && ctx.Err() == nil:
		sp.warn(fmt.Sprintf("runner %s still counts as busy at GitHub, so it stays in the list until GitHub misses it", name))
		return "busy", nil
	case err != nil:
		return "", err
	}
	sp.Log.Info(fmt.Sprintf("GitHub self-hosted runner %s is removed", name))
	return "removed", nil
}

func (sp *stop) labelOf(t target) string {
	if label := t.instance.Tags[TagLabel]; label != "" {
		return label
	}
	return sp.request.Label
}
