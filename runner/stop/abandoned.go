package stop

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/cenkalti/backoff/v4"

	"github.com/marqo-ai/ec2-github-runner/ec2"
	"github.com/marqo-ai/ec2-github-runner/ec2/refusal"
	"github.com/marqo-ai/ec2-github-runner/github"
	"github.com/marqo-ai/ec2-github-runner/runner/remove"
	"github.com/marqo-ai/ec2-github-runner/runner/tags"
)

// This file finds the registration of a machine whose tags EC2 does not show: they are late, or gone with the machine.

// runnerIDLate is the age up to which a machine's tags may still lack the runner id that its start has just written.
const runnerIDLate = 15 * time.Minute

// lateRunnerID reads the tags of a recently launched machine again: its start writes the runner id once the runner is
// online, and EC2 may show the earlier tags for seconds. If one launch made several machines, their common tags contain
// all ids, and the one that is among the candidates is the machine's. The id is 0 if there is none; known reports
// whether that is certain, which takes EC2 showing tags all the time, since a terminated instance loses them. An error
// means that EC2 could not be read.
func (sp *stop) lateRunnerID(ctx context.Context, i ec2.Instance, candidates []int64) (id int64, known bool,
	err error) {
	if time.Since(i.LaunchTime) > runnerIDLate {
		return 0, true, nil
	}
	bounded, cancel := context.WithTimeout(ctx, remove.TagsDelay)
	defer cancel()
	// shown is when EC2 last showed tags; an answer after enough proves that there is no id.
	shown, enough := time.Time{}, time.Now().Add(remove.TagsDelay*3/4)
	err = ec2.RetryUntilDone(bounded, remove.TagsInterval, func() error {
		now, err := sp.cloud.Instance(bounded, i.Region, i.ID)
		switch {
		case refusal.ClassOf(err) == refusal.NotFound, err == nil && !tags.Of(now).Tagged:
			return nil
		case err != nil:
			return remove.Permanent(err)
		}
		shown = time.Now()
		if id = tags.Of(now).RunnerID; id != 0 {
			return nil
		}
		if n := slices.IndexFunc(candidates, func(id int64) bool { return tags.Of(now).NamesRunner(id) }); n >= 0 {
			id = candidates[n]
			return nil
		}
		return remove.ErrStaleTags
	})
	switch {
	case err == nil:
		return id, id != 0, nil
	case ctx.Err() != nil:
		return 0, false, context.Cause(ctx)
	case shown.After(enough):
		return 0, true, nil
	}
	return 0, false, fmt.Errorf("cannot see which runner AWS EC2 instance %s has, so the runner is "+
		"left registered: %w", i.ID, err)
}

// removeAbandoned removes the registrations with a label and a name derived from it that belong to no machine any more:
// they are offline or soon will be, and EC2 shows no machine of any run of ours that may own them. A registration that
// has never been online may belong to a start in progress, unless it has the label's plain name.
func (sp *stop) removeAbandoned(ctx context.Context, label string, regions []string) (string, error) {
	done := "not found"
	var online []string
	bounded, cancel := context.WithTimeout(ctx, offlineTimeout)
	defer cancel()
	err := ec2.RetryUntilDone(bounded, offlineLook, func() error {
		list, err := sp.abandoned(bounded, label, regions)
		if err != nil {
			return backoff.Permanent(err)
		}
		online = nil
		for _, r := range list {
			if r.Online {
				online = append(online, r.Name)
				continue
			}
			if done, err = sp.remove(bounded, r.ID, r.Name); err != nil {
				return backoff.Permanent(err)
			}
		}
		if len(online) > 0 {
			return errOnline
		}
		return nil
	})
	switch {
	case ctx.Err() != nil:
		return "", context.Cause(ctx)
	case len(online) > 0:
		sp.warn(fmt.Sprintf("runner %s is online, and no machine of this workflow run owns it, so it stays registered",
			strings.Join(online, ", ")))
		return runnerKept, nil
	case err != nil && !errors.Is(err, errOnline):
		return "", err
	case done == "not found":
		sp.logNotFound(label)
	}
	return done, nil
}

// abandoned returns the registrations with a label and a name derived from it that no living machine of ours may own.
func (sp *stop) abandoned(ctx context.Context, label string, regions []string) ([]github.Runner, error) {
	list, err := sp.registry.AllRunners(ctx)
	if err != nil {
		return nil, err
	}
	list = slices.DeleteFunc(list, func(r github.Runner) bool {
		return !tags.IsNamedFor(r, label) || (r.Unused && r.Name != tags.NameOf(label))
	})
	if len(list) == 0 {
		return nil, nil
	}
	alive, err := remove.MachinesAlive(ctx, sp.cloud, regions, sp.request.Run.Repository, sp.request.Scope)
	if err != nil {
		return nil, err
	}
	return slices.DeleteFunc(list, func(r github.Runner) bool {
		return slices.ContainsFunc(alive, func(i ec2.Instance) bool { return tags.Of(i).MayOwn(r) })
	}), nil
}

// errOnline means that GitHub still reports a runner as online.
var errOnline = errors.New("a runner is still online")

// Delays of waiting for GitHub to report the runners of terminated machines as offline.
const (
	offlineLook    = 3 * time.Second
	offlineTimeout = time.Minute
)
