package github

import (
	"context"
	"fmt"
	"net/http"

	gh "github.com/google/go-github/v57/github"
)

// FindRunner is Runner, but asked again after a 5xx and after a rate limit. found is false when GitHub
// says 404: the runner is gone, or the token may not see it, which only a listing of the same scope tells apart.
func (c *Client) FindRunner(ctx context.Context, id int64) (runner Runner, found bool, err error) {
	err = c.retry(ctx, func() error {
		runner, err = c.Runner(ctx, id)
		return err
	})
	if ClassOf(err) == NotFound {
		return Runner{}, false, nil
	}
	return runner, err == nil, err
}

// RunOver reports whether a workflow run is completed. It needs actions: read on the repository; a run that cannot be
// seen is an error, never over. A run that is started once more goes on.
// https://docs.github.com/en/rest/actions/workflow-runs#get-a-workflow-run
func (c *Client) RunOver(ctx context.Context, repository, id string) (bool, error) {
	var run gh.WorkflowRun
	path := fmt.Sprintf("repos/%s/actions/runs/%s", repository, id)
	if err := c.call(ctx, "get workflow run "+id, http.MethodGet, path, &run); err != nil {
		return false, err
	}
	return run.GetStatus() == "completed", nil
}
