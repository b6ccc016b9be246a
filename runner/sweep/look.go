package sweep

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/marqo-ai/ec2-github-runner/ec2"
	"github.com/marqo-ai/ec2-github-runner/github"
	"github.com/marqo-ai/ec2-github-runner/runner/tags"
)

// looking is the first look of a sweep, at everything of ours.
type looking struct {
	cloud    *ec2.Client
	registry *github.Client
	log      *slog.Logger
	request  Request
	warnings []string
}

func (l *looking) warn(message string) {
	l.warnings = append(l.warnings, message)
	l.log.Warn(message)
}

// read lists EC2 first and GitHub second: a runner that registers in between is then known, and an instance launched in
// between is young.
func (l *looking) read(ctx context.Context) (*survey, error) {
	s := &survey{scope: l.request.Scope, repository: l.request.Repository, grace: l.request.Grace,
		runs: map[string]runState{}}
	volumes, unseen := l.volumes(ctx)
	instances, failed := l.instances(ctx)
	s.volumes, s.instances, s.whole = volumes, slices.DeleteFunc(instances, func(i ec2.Instance) bool {
		return !s.isOurs(i)
	}), failed == nil
	runners, err := l.registry.AllRunners(ctx)
	s.runners, s.listed = runners, err == nil
	s.now = time.Now()
	l.readRuns(ctx, s)
	l.log.Info(fmt.Sprintf("found %d instances of %s in %d regions and %d runners in %s", len(s.instances),
		s.repository, len(l.request.Regions), len(s.runners), s.scope))
	return s, errors.Join(unseen, failed, err)
}

// instances lists our instances in every region concurrently: by tags, and those without tags by client token.
func (l *looking) instances(ctx context.Context) ([]ec2.Instance, error) {
	regions := l.request.Regions
	found, errs := make([][]ec2.Instance, len(regions)), make([]error, len(regions))
	var group sync.WaitGroup
	for n, region := range regions {
		group.Go(func() { found[n], errs[n] = l.instancesIn(ctx, region) })
	}
	group.Wait()
	for n, err := range errs {
		if err != nil {
			errs[n] = fmt.Errorf("sweep region %s: %w", regions[n], err)
		}
	}
	return slices.Concat(found...), errors.Join(errs...)
}

func (l *looking) instancesIn(ctx context.Context, region string) ([]ec2.Instance, error) {
	var list []ec2.Instance
	seen := map[string]bool{}
	for _, selector := range []ec2.Selector{
		{Tags: l.request.selection()},
		{ClientToken: tags.TokenOfScope(l.request.Repository, l.request.Scope) + "*"},
	} {
		found, err := l.cloud.Instances(ctx, region, selector)
		if err != nil {
			return list, err
		}
		for _, i := range found {
			if !seen[i.ID] {
				seen[i.ID] = true
				list = append(list, i)
			}
		}
	}
	return list, nil
}

// readRuns asks once for each run that matters. If GitHub denies one, it would deny the others too.
func (l *looking) readRuns(ctx context.Context, s *survey) {
	left := map[string]bool{} // runs of terminated instances without tags that may have left registrations
	for _, r := range s.runners {
		for _, dead := range s.terminatedOwners(r) {
			left[dead.ID] = true
		}
	}
	for _, i := range s.instances {
		run := tags.Of(i).RunID
		if _, known := s.runs[run]; known || run == "" || (!i.Alive() && !left[i.ID]) || !s.isOurs(i) {
			continue
		}
		state, err := readRun(ctx, l.registry, l.log, s.repository, run)
		s.runs[run] = state
		switch github.ClassOf(err) {
		case github.Forbidden, github.Unauthorized, github.RateLimited, github.Intercepted:
			l.warn("cannot see whether runs are over, so only machines that expired or lost their runner are " +
				"removed: give the token or the GitHub App 'actions: read' (" + err.Error() + ")")
			return
		}
	}
}

func readRun(ctx context.Context, registry *github.Client, log *slog.Logger, repository, run string) (runState, error) {
	over, err := registry.RunOver(ctx, repository, run)
	switch {
	case err != nil:
		log.Debug("cannot read the run", "run", run, "error", err)
		return runUnknown, err
	case over:
		return runOver, nil
	}
	return runGoesOn, nil
}

// volumes lists our detached volumes in every region concurrently. They are listed before the machines, so that one
// that is detached in between is judged with its machine known. If EC2 denies the call, the sweep skips volumes with a
// warning.
func (l *looking) volumes(ctx context.Context) ([]ec2.Volume, error) {
	regions := l.request.Regions
	found, denied, errs := make([][]ec2.Volume, len(regions)), make([]bool, len(regions)), make([]error, len(regions))
	values := l.request.selection()
	var group sync.WaitGroup
	for n, region := range regions {
		group.Go(func() { found[n], denied[n], errs[n] = l.cloud.Volumes(ctx, region, ec2.VolumeAvailable, values) })
	}
	group.Wait()
	for n, err := range errs {
		if denied[n] {
			errs[n] = nil
		} else if err != nil {
			errs[n] = fmt.Errorf("list volumes in region %s: %w", regions[n], err)
		}
	}
	if slices.Contains(denied, true) {
		l.warn("volumes that outlived their machines cannot be listed: allow ec2:DescribeVolumes " +
			"(docs/permissions.md, feature volumes)")
	}
	return slices.Concat(found...), errors.Join(errs...)
}
