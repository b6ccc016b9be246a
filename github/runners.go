package github

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"sync"

	gh "github.com/google/go-github/v57/github"
)

// Runner is a registration.
type Runner struct {
	ID     int64
	Name   string
	Online bool
	Busy   bool
	Unused bool // made by a JIT configuration that no machine has used yet
	Labels []string
}

// ErrBusy means that GitHub does not remove a runner because it is running a job.
var ErrBusy = errors.New("the runner is busy")

// unknownOS is the operating system of a JIT registration until a machine uses it.
// https://docs.github.com/en/rest/actions/self-hosted-runners#create-configuration-for-a-just-in-time-runner-for-a-repository
const unknownOS = "unknown"

func plain(r *gh.Runner) Runner {
	runner := Runner{ID: r.GetID(), Name: r.GetName(), Online: r.GetStatus() == "online", Busy: r.GetBusy(),
		Unused: r.GetOS() == unknownOS}
	for _, label := range r.Labels {
		runner.Labels = append(runner.Labels, label.GetName())
	}
	return runner
}

// Runner returns a runner by its id, without retries. An error of class NotFound means that it is gone or not visible.
func (c *Client) Runner(ctx context.Context, id int64) (Runner, error) {
	var found gh.Runner
	err := c.once(ctx, fmt.Sprintf("get runner %d", id), http.MethodGet, c.path("runners/%d", id), nil, &found)
	if err != nil {
		return Runner{}, err
	}
	return plain(&found), nil
}

// RunnerByName returns the runner with the exact name, without retries; found is false if there is none.
func (c *Client) RunnerByName(ctx context.Context, name string) (runner Runner, found bool, err error) {
	for page, pages := 1, 1; page <= pages; page++ {
		list, err := c.page(ctx, page, name)
		if err != nil {
			return Runner{}, false, err
		}
		pages = list.pages()
		for _, runner := range list.runners {
			if runner.Name == name {
				return runner, true, nil
			}
		}
	}
	return Runner{}, false, nil
}

// FindByName is RunnerByName with retries after a 5xx and a rate limit.
func (c *Client) FindByName(ctx context.Context, name string) (runner Runner, found bool, err error) {
	err = retry(ctx, c.log, func() error {
		runner, found, err = c.RunnerByName(ctx, name)
		return err
	})
	return runner, found, err
}

// maxSingleLookups is up to how many names are looked up one by one without reading the first page of the list.
const maxSingleLookups = 2

// FindByNames is FindByName for many names, by single look-ups or by pages of the whole list, whichever takes fewer
// calls. Names that are not in the result do not exist.
func (c *Client) FindByNames(ctx context.Context, names []string) (map[string]Runner, error) {
	found := map[string]Runner{}
	var mu sync.Mutex
	keep := func(list ...Runner) {
		mu.Lock()
		defer mu.Unlock()
		for _, runner := range list {
			if slices.Contains(names, runner.Name) {
				found[runner.Name] = runner
			}
		}
	}
	if len(names) > maxSingleLookups {
		first, err := c.retryPage(ctx, 1)
		if err != nil {
			return nil, err
		}
		keep(first.runners...)
		if first.pages()-1 <= len(names) {
			all, err := completed(ctx, first, c.retryPage)
			keep(all...)
			return found, err
		}
	}
	return found, sideBySide(len(names), func(i int) error {
		runner, exists, err := c.FindByName(ctx, names[i])
		if exists {
			keep(runner)
		}
		return err
	})
}

// RemoveLabel removes a label from a runner. A missing label or runner is a success.
// https://docs.github.com/en/rest/actions/self-hosted-runners#remove-a-custom-label-from-a-self-hosted-runner-for-a-repository
func (c *Client) RemoveLabel(ctx context.Context, id int64, label string) error {
	err := c.call(ctx, fmt.Sprintf("remove label %s of runner %d", label, id), http.MethodDelete,
		c.path("runners/%d/labels/%s", id, url.PathEscape(label)), nil)
	if ClassOf(err) == NotFound {
		return nil
	}
	return err
}

// Remove removes a registration. A missing one is a success; ErrBusy means that it runs a job.
func (c *Client) Remove(ctx context.Context, id int64) error {
	err := c.call(ctx, fmt.Sprintf("remove runner %d", id), http.MethodDelete, c.path("runners/%d", id), nil)
	switch ClassOf(err) {
	case NotFound:
		return nil
	case Invalid:
		return fmt.Errorf("%w: %w", ErrBusy, err)
	}
	return err
}
