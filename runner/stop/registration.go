package stop

import (
	"context"
	"errors"
	"fmt"

	"github.com/cenkalti/backoff/v4"

	"github.com/marqo-ai/ec2-github-runner/ec2"
	"github.com/marqo-ai/ec2-github-runner/github"
	"github.com/marqo-ai/ec2-github-runner/runner/tags"
	"github.com/marqo-ai/ec2-github-runner/runner/tags/key"
)

// deregister removes a target's registration: by id if the instance's tags have it, else by exact name. If neither is
// known, it removes the registrations with the label that belong to no machine (abandoned.go).
func (sp *stop) deregister(ctx context.Context, t target) (string, error) {
	label := sp.labelOf(t)
	switch {
	case t.runnerID != 0:
		return sp.remove(ctx, t.runnerID, t.owner.Name)
	case t.owner.Name == "":
		sp.warn("The 'label' input is not specified for the 'stop' mode and the instance has none of our tags, so " +
			"its runner cannot be found; GitHub removes it after 14 days")
		return "not found", nil
	case t.instance.ID == "" && label != "" && t.owner.Name == tags.NameOf(label):
		return sp.removeAbandoned(ctx, label, sp.looked)
	}
	own, others, err := sp.findByName(ctx, t)
	switch {
	case err != nil:
		return "", err
	case own.ID != 0:
		return sp.remove(ctx, own.ID, own.Name)
	case len(others) == 0 || !tags.Of(t.instance).Tagged:
		sp.logNotFound(label)
		return "not found", nil
	}
	id, known, err := sp.lateRunnerID(ctx, t.instance, others)
	switch {
	case err != nil:
		return "", err
	case id != 0:
		return sp.remove(ctx, id, t.owner.Name)
	case !known:
		return sp.removeAbandoned(ctx, label, []string{t.instance.Region})
	}
	sp.logNotFound(label)
	return "not found", nil
}

// findByName finds the machine's registration by its names. others are the ids of registrations with such a name that
// nothing proves to be the machine's.
func (sp *stop) findByName(ctx context.Context, t target) (own github.Runner, others []int64, err error) {
	for _, name := range t.owner.Names() {
		runner, found, err := sp.registry.FindByName(ctx, name)
		if err != nil || found && t.owner.Owns(runner) {
			return runner, nil, err
		}
		if found {
			others = append(others, runner.ID)
		}
	}
	own, _, err = sp.findByHostName(ctx, t.instance)
	return own, others, err
}

func (sp *stop) logNotFound(label string) {
	sp.log.Info(fmt.Sprintf("GitHub self-hosted runner with label %s is not found, so the removal is skipped", label))
}

// runnerBusy is Stopped.Runner for a registration that GitHub refuses to remove because it counts the runner as busy.
const runnerBusy = "busy"

// remove removes a registration. The runner of a machine that was just terminated counts as busy until GitHub notices.
func (sp *stop) remove(ctx context.Context, id int64, name string) (string, error) {
	within := busyTimeout
	if sp.request.Keep > 0 {
		within = busyKept
	}
	bounded, cancel := context.WithTimeout(ctx, within)
	defer cancel()
	err := ec2.RetryUntilDone(bounded, within/10, func() error {
		err := sp.registry.Remove(ctx, id)
		if err != nil && !errors.Is(err, github.ErrBusy) {
			return backoff.Permanent(err)
		}
		return err
	})
	switch {
	case errors.Is(err, github.ErrBusy) && ctx.Err() == nil:
		return runnerBusy, nil
	case err != nil:
		return "", err
	}
	sp.log.Info(fmt.Sprintf("GitHub self-hosted runner %s is removed", name))
	return "removed", nil
}

func (sp *stop) labelOf(t target) string {
	if label := t.instance.Tags[key.Label]; label != "" {
		return label
	}
	return sp.request.Label
}
