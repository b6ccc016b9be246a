package github

import (
	"context"
	"fmt"
	"net/http"
	"time"

	gh "github.com/google/go-github/v57/github"
)

// WorkflowRun is a workflow run in its latest attempt.
type WorkflowRun struct {
	Completed bool
	Cancelled bool // by a person, a concurrency rule or a timeout
	Succeeded bool
	Attempt   int // from 1
}

// Job is a job of one attempt of a workflow run.
type Job struct {
	ID         int64
	Name       string
	RunnerName string // empty if no runner was assigned
	RunnerID   int64  // 0 if GitHub does not say
	Failed     bool   // not if it was cancelled
	Started    time.Time
	Ended      time.Time // zero while it runs
}

// WorkflowRun returns a run. It needs actions: read on the repository; a run that is not visible is an error, never
// completed. A run that was started again is not completed.
// https://docs.github.com/en/rest/actions/workflow-runs#get-a-workflow-run
func (c *Client) WorkflowRun(ctx context.Context, repository, id string) (WorkflowRun, error) {
	var run gh.WorkflowRun
	path := fmt.Sprintf("repos/%s/actions/runs/%s", repository, id)
	if err := c.call(ctx, "get workflow run "+id, http.MethodGet, path, &run); err != nil {
		return WorkflowRun{}, err
	}
	return WorkflowRun{
		Completed: run.GetStatus() == "completed", Cancelled: run.GetConclusion() == "cancelled",
		Succeeded: run.GetConclusion() == "success", Attempt: run.GetRunAttempt(),
	}, nil
}

// RunOver reports whether a workflow run is completed, see WorkflowRun.
func (c *Client) RunOver(ctx context.Context, repository, id string) (bool, error) {
	run, err := c.WorkflowRun(ctx, repository, id)
	return run.Completed, err
}

// AttemptJobs returns all jobs of an attempt of a run, or an error. It needs actions: read.
// https://docs.github.com/en/rest/actions/workflow-jobs#list-jobs-for-a-workflow-run-attempt
func (c *Client) AttemptJobs(ctx context.Context, repository, run string, attempt int) ([]Job, error) {
	var all []Job
	total := 1 // at least
	for page := 1; ; page++ {
		var jobs gh.Jobs
		path := fmt.Sprintf("repos/%s/actions/runs/%s/attempts/%d/jobs?per_page=%d&page=%d", repository, run, attempt,
			pageSize, page)
		if err := c.call(ctx, "list jobs of workflow run "+run, http.MethodGet, path, &jobs); err != nil {
			return nil, err
		}
		for _, j := range jobs.Jobs {
			all = append(all, Job{ID: j.GetID(), Name: j.GetName(), RunnerName: j.GetRunnerName(),
				RunnerID: j.GetRunnerID(), Failed: j.GetStatus() == "completed" && j.GetConclusion() == "failure",
				Started: j.GetStartedAt().Time, Ended: j.GetCompletedAt().Time})
		}
		total = max(total, jobs.GetTotalCount())
		switch {
		case len(all) >= total:
			return all, nil
		case len(jobs.Jobs) == 0:
			return nil, fmt.Errorf("list jobs of workflow run %s: page %d is empty, after %d of %d jobs", run, page,
				len(all), total)
		}
	}
}

// RerunJob runs a job of a completed run again, and the jobs that depend on it, as a new attempt of the run. It does
// not retry, since a second request could hit an attempt that the first has started. It needs actions: write.
// https://docs.github.com/en/rest/actions/workflow-runs#re-run-a-job-from-a-workflow-run
func (c *Client) RerunJob(ctx context.Context, repository string, id int64) error {
	path := fmt.Sprintf("repos/%s/actions/jobs/%d/rerun", repository, id)
	return c.once(ctx, fmt.Sprintf("re-run job %d", id), http.MethodPost, path, nil, nil)
}

// RerunRun runs all jobs of a completed run again, without retries. It needs actions: write.
// https://docs.github.com/en/rest/actions/workflow-runs#re-run-a-workflow
func (c *Client) RerunRun(ctx context.Context, repository, id string) error {
	path := fmt.Sprintf("repos/%s/actions/runs/%s/rerun", repository, id)
	return c.once(ctx, "re-run workflow run "+id, http.MethodPost, path, nil, nil)
}
