// Package rerun runs jobs again whose machines EC2 has reclaimed. A start tags its spot instances and their requests
// with the run, its attempt and the runner of the job that started them. A sweep lists what EC2 has reclaimed, finds
// that job at GitHub, and runs it again: the jobs that depend on it follow. The new attempt ensures that a loss is
// answered only once, because the tags of the lost machine name the attempt before. See docs/adr/0027-rerun.md for the
// reasons.
package rerun

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strconv"
	"time"

	"github.com/marqo-ai/ec2-github-runner/ec2"
	"github.com/marqo-ai/ec2-github-runner/github"
	"github.com/marqo-ai/ec2-github-runner/runner/tags"
	"github.com/marqo-ai/ec2-github-runner/runner/tags/key"
)

// Request says where to look for interrupted machines, and how often a run may run again because of them.
type Request struct {
	Repository string // owner/repo, whose runs started the machines
	Scope      string // where their runners were registered
	Regions    []string
	Max        int  // how many further attempts a run may have
	DryRun     bool // report, but change nothing
}

// Rerun is a run that lost machines to EC2, and what was decided and done about it.
type Rerun struct {
	Run       string
	Attempt   int // the one that lost the machines
	Instances []string
	Job       int64 // the job to run again; 0 with Decided means the whole run
	JobName   string
	Decided   bool   // whether it should run again
	Why       string // the reason, also why not
	Err       error  // why it could not be run again
	Hint      string // what to do about Err
}

// Rerunner runs jobs again.
type Rerunner struct {
	Cloud    *ec2.Client
	Registry *github.Client
	Log      *slog.Logger
}

// Run finds what EC2 has reclaimed and asks GitHub to run it again. A run that cannot be read is an error beside the
// result and does not run again; the next sweep looks again.
func (r *Rerunner) Run(ctx context.Context, request Request) ([]Rerun, error) {
	losses, errs := r.losses(ctx, request)
	var list []Rerun
	for _, group := range byRun(losses) {
		seen, err := r.read(ctx, request.Repository, group)
		if err != nil {
			errs = append(errs, fmt.Errorf("read run %s, whose machines EC2 reclaimed: %w", group[0].run, err))
			continue
		}
		verdict := decide(group, seen, request.Max)
		if verdict.Decided && !request.DryRun {
			if verdict.Err = r.act(ctx, request.Repository, verdict); verdict.Err != nil {
				verdict.Hint = hintOf(verdict.Err)
			}
		}
		list = append(list, verdict)
	}
	return list, errors.Join(errs...)
}

// losses lists the machines of the repository that EC2 has reclaimed, in all regions.
func (r *Rerunner) losses(ctx context.Context, request Request) (list []loss, errs []error) {
	for _, region := range request.Regions {
		found, denied, err := r.Cloud.InterruptedInstances(ctx, region, map[string]string{
			key.Scope: request.Scope, key.Repository: request.Repository, key.Mode: tags.ModeStart,
		})
		switch {
		case denied:
			r.Log.Warn(fmt.Sprintf("cannot list everything that EC2 reclaimed in %s: %v", region, err), "hint",
				"docs/permissions.md has the feature `reruns`")
		case err != nil:
			errs = append(errs, fmt.Errorf("list interrupted machines in %s: %w", region, err))
		}
		for _, i := range found {
			l, known := lossOf(i)
			if !known {
				r.Log.Info(fmt.Sprintf("EC2 reclaimed %s in %s, but its tags do not name an attempt and a runner, so "+
					"nothing runs again for it", i.InstanceID, region))
				continue
			}
			list = append(list, l)
		}
	}
	return list, errs
}

// loss is one machine that EC2 has reclaimed, as its tags describe it.
type loss struct {
	instance, run, runner, startedBy string
	attempt                          int
	runnerID                         int64     // 0 if it is unknown
	ended                            time.Time // zero if it is unknown
}

// lossOf parses the tags of an interrupted machine; it returns false if they name no attempt and runner.
func lossOf(i ec2.Interrupted) (loss, bool) {
	attempt, err := strconv.Atoi(i.Tags[key.RunAttempt])
	if i.Tags[key.Slots] != "" { // launched together: the tags do not name its own runner
		return loss{}, false
	}
	l := loss{instance: i.InstanceID, run: i.Tags[key.RunID], runner: i.Tags[key.RunnerName],
		startedBy: i.Tags[key.StartedBy], attempt: attempt, ended: i.Ended}
	l.runnerID, _ = strconv.ParseInt(i.Tags[key.RunnerID], 10, 64)
	return l, err == nil && attempt > 0 && l.run != "" && l.runner != ""
}

// view is what GitHub shows of a run.
type view struct {
	run  github.WorkflowRun
	gone bool         // the run was deleted, or the token cannot see it
	jobs []github.Job // of the attempt that lost the machines
}

func (r *Rerunner) read(ctx context.Context, repository string, group []loss) (view, error) {
	run, err := r.Registry.WorkflowRun(ctx, repository, group[0].run)
	switch {
	case github.ClassOf(err) == github.NotFound:
		return view{gone: true}, nil
	case err != nil:
		return view{}, err
	case !run.Completed || run.Attempt != group[0].attempt:
		return view{run: run}, nil
	}
	jobs, err := r.Registry.AttemptJobs(ctx, repository, group[0].run, run.Attempt)
	return view{run: run, jobs: jobs}, err
}

// act asks GitHub for a new attempt. If another sweep was faster, GitHub refuses, and the next sweep sees its attempt.
func (r *Rerunner) act(ctx context.Context, repository string, v Rerun) error {
	if v.Job != 0 {
		return r.Registry.RerunJob(ctx, repository, v.Job)
	}
	return r.Registry.RerunRun(ctx, repository, v.Run)
}

// hintOf returns what to do about a refused request to run jobs again.
func hintOf(err error) string {
	switch github.ClassOf(err) {
	case github.RateLimited, github.Unknown:
		return "the next sweep tries again"
	case github.NotFound:
		return "the run was deleted, the token cannot see it, or this GitHub Enterprise Server cannot run a job again"
	}
	return "the token needs 'actions: write' on the repository; if the run is not over, the next sweep tries again; " +
		"GitHub runs nothing again after a month"
}
