// Package sweep ends what nobody will use any more. It lists the cloud first and the registry second, decides without a
// call (orphans.go, volumes.go), and looks once more before it changes anything.
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
	"github.com/marqo-ai/ec2-github-runner/runner/outcome"
	"github.com/marqo-ai/ec2-github-runner/runner/tags"
)

// Request states where to look for what nobody uses any more.
type Request struct {
	Repository string // owner/repo
	Scope      string // of GitHub
	Regions    []string
	Grace      time.Duration // younger instances are spared
	DryRun     bool          // look and tell, change nothing
}

// Swept is one thing that a sweep saw and what it did about it.
type Swept struct {
	Act        Act
	Why        string
	InstanceID string // empty for a registration alone, and for a volume
	VolumeID   string
	Region     string
	RunnerName string
	RunnerID   int64 // 0 where no registration is known
	Age        time.Duration
	Pool       string    // of an unclaimed entry
	Until      time.Time // when it expires
	outcome.Outcome
}

// Result is everything of ours that a sweep saw.
type Result struct {
	Swept    []Swept
	Warnings []string
}

// Sweeper removes what starts left behind, of one scope and repository. It needs nothing but the cloud and the
// registry.
type Sweeper struct {
	Cloud    *ec2.Client
	Registry *github.Client
	Log      *slog.Logger
}

// Sweep looks at the cloud, then at the registry, and removes what orphans.go says. What cannot be seen or removed is
// an error beside the result, and stops nothing else. It is safe beside starts, stops and other sweeps.
func (s *Sweeper) Sweep(ctx context.Context, request Request) (Result, error) {
	sw := &sweep{Sweeper: s, request: request, log: s.Log.With("phase", "Look")}
	look, err := sw.look(ctx)
	sw.failed(err)
	sw.log = s.Log.With("phase", "Sweep")
	verdicts := look.verdicts()
	seen, ended := sw.readOutcomes(ctx, verdicts)
	for _, v := range verdicts {
		if ctx.Err() != nil {
			return sw.result, errors.Join(append(sw.errs, context.Cause(ctx))...)
		}
		sw.carryOut(ctx, look, v)
	}
	sw.deregisterEnded(ctx, look)
	for n, s := range sw.result.Swept {
		if i, ok := ended[s.InstanceID]; ok && (s.Act == Terminated || s.Act == Deregistered) {
			sw.result.Swept[n].Outcome = seen.Of(i, look.now)
		}
	}
	return sw.result, errors.Join(sw.errs...)
}

// readOutcomes begins to read what became of the machines that this sweep ends, or that have ended, by their ids.
func (sw *sweep) readOutcomes(ctx context.Context, verdicts []verdict) (*outcome.Reader, map[string]ec2.Instance) {
	var list []ec2.Instance
	byID := map[string]ec2.Instance{}
	for _, v := range verdicts {
		if id := v.instance.ID; id != "" && (v.act == Terminated || v.act == Deregistered) && !sw.request.DryRun {
			list, byID[id] = append(list, v.instance), v.instance
		}
	}
	return outcome.Read(ctx, sw.Cloud, sw.log, list), byID
}

// sweep is one sweep under way.
type sweep struct {
	*Sweeper
	request Request
	log     *slog.Logger
	result  Result
	errs    []error
	noTags  bool      // it was said that instances cannot be marked
	ended   []verdict // whose registrations go when GitHub misses the machines
	refused []string  // rights on volumes of which it was said that they lack
}

func (sw *sweep) failed(err error) {
	if err != nil {
		sw.errs = append(sw.errs, err)
	}
}

func (sw *sweep) warn(message string) {
	sw.result.Warnings = append(sw.result.Warnings, message)
	sw.log.Warn(message)
}

// look lists the cloud first and the registry second: a runner that comes in between is then known, and an instance
// that comes in between is young.
func (sw *sweep) look(ctx context.Context) (*survey, error) {
	s := &survey{scope: sw.request.Scope, repository: sw.request.Repository, grace: sw.request.Grace,
		runs: map[string]runState{}}
	volumes, unseen := sw.volumes(ctx)
	instances, failed := sw.instances(ctx)
	s.volumes, s.instances, s.whole = volumes, slices.DeleteFunc(instances, func(i ec2.Instance) bool {
		return !s.isOurs(i)
	}), failed == nil
	runners, err := sw.Registry.AllRunners(ctx)
	s.runners, s.listed = runners, err == nil
	s.now = time.Now()
	sw.readRuns(ctx, s)
	sw.log.Info(fmt.Sprintf("found %d instances of %s in %d regions and %d runners in %s", len(s.instances),
		s.repository,
		len(sw.request.Regions), len(s.runners), s.scope))
	return s, errors.Join(unseen, failed, err)
}

// instances lists ours in every region, side by side: by their tags, and those without tags by their client tokens.
func (sw *sweep) instances(ctx context.Context) ([]ec2.Instance, error) {
	regions := sw.request.Regions
	found, errs := make([][]ec2.Instance, len(regions)), make([]error, len(regions))
	var group sync.WaitGroup
	for n, region := range regions {
		group.Go(func() { found[n], errs[n] = sw.instancesIn(ctx, region) })
	}
	group.Wait()
	for n, err := range errs {
		if err != nil {
			errs[n] = fmt.Errorf("sweep region %s: %w", regions[n], err)
		}
	}
	return slices.Concat(found...), errors.Join(errs...)
}

func (sw *sweep) instancesIn(ctx context.Context, region string) ([]ec2.Instance, error) {
	var list []ec2.Instance
	seen := map[string]bool{}
	for _, selector := range []ec2.Selector{
		{Tags: sw.request.selection()},
		{ClientToken: tags.TokenOfScope(sw.request.Repository, sw.request.Scope) + "*"},
	} {
		found, err := sw.Cloud.Instances(ctx, region, selector)
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

// readRuns asks once for each run that matters. When GitHub does not let us see one, it will not let us see the others.
func (sw *sweep) readRuns(ctx context.Context, s *survey) {
	left := map[string]bool{} // dead instances without tags that have left registrations
	for _, r := range s.runners {
		for _, dead := range s.deadOf(r) {
			left[dead.ID] = true
		}
	}
	for _, i := range s.instances {
		run := tags.Of(i).RunID
		if _, known := s.runs[run]; known || run == "" || (!i.Alive() && !left[i.ID]) || !s.isOurs(i) {
			continue
		}
		state, err := sw.runState(ctx, run)
		s.runs[run] = state
		switch github.ClassOf(err) {
		case github.Forbidden, github.Unauthorized, github.RateLimited, github.Intercepted:
			sw.warn("whether runs are over cannot be seen, so only what is expired or has lost its runner is " +
				"removed: give the token or the GitHub App 'actions: read' (" + err.Error() + ")")
			return
		}
	}
}

func (sw *sweep) runState(ctx context.Context, run string) (runState, error) {
	over, err := sw.Registry.RunOver(ctx, sw.request.Repository, run)
	switch {
	case err != nil:
		sw.log.Debug("the run cannot be seen", "run", run, "error", err)
		return runUnknown, err
	case over:
		return runOver, nil
	}
	return runGoesOn, nil
}
