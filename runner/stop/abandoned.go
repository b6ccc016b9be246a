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

// This file finds the registration of a machine of which EC2 shows no tags: they are late, or gone with the machine.

// runnerIDLate is how old a machine may be whose start may have noted the runner's id a moment ago.
const runnerIDLate = 15 * time.Minute

// lateRunnerID looks again at the tags of a machine that was launched a short while ago: its start notes the runner's
// id when that is online, and EC2 may show the tags for seconds as they were before. Where one launch made several
// machines, their common tags name all ids, and the one among the candidates is the machine's. It is 0 where none
// shows, which is known only if EC2 has shown tags all the time: an instance loses them when it has ended. That nobody
// could look is an error.
func (sp *stop) lateRunnerID(ctx context.Context, i ec2.Instance, candidates []int64) (id int64, known bool,
	err error) {
	if time.Since(i.LaunchTime) > runnerIDLate {
		return 0, true, nil
	}
	bounded, cancel := context.WithTimeout(ctx, remove.TagsDelay)
	defer cancel()
	// When EC2 has shown tags last, and how long it is asked to.
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
	return 0, false, fmt.Errorf("which runner AWS EC2 instance %s has cannot be seen, so it is left registered: %w",
		i.ID,
		err)
}

// removeAbandoned removes the registrations with a label, and a name made of it, that no machine has any more: they are
// offline, or soon will be, and EC2 shows no machine of ours, of whatever run, that may have one. What no machine has
// used yet may be of another start that is under way, unless it has the very name.
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
		sp.warn(fmt.Sprintf("runner %s is online, and no machine of this workflow run has it, so it stays",
			strings.Join(online, ", ")))
		return runnerKept, nil
	case err != nil && !errors.Is(err, errOnline):
		return "", err
	case done == "not found":
		sp.logNotFound(label)
	}
	return done, nil
}

// abandoned are the registrations that have a label and the name that a start makes of it, and that no living machine
// of ours may have.
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

// errOnline is a runner that GitHub still calls online.
var errOnline = errors.New("a runner is still online")

// Times of waiting for GitHub to miss machines that have ended.
const (
	offlineLook    = 3 * time.Second
	offlineTimeout = time.Minute
)
