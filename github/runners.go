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
	"golang.org/x/sync/errgroup"
)

// Runner is one registration.
type Runner struct {
	ID     int64
	Name   string
	Online bool
	Busy   bool
	Unused bool // it was made by a JIT configuration that no machine has used yet
	Labels []string
}

// ErrBusy reports whether GitHub does not remove a runner that is running a job.
var ErrBusy = errors.New("the runner is busy")

// pageSize is the most that GitHub gives; its default is 30.
const pageSize = 100

// unknownOS is what GitHub says of a registration by JIT until a machine uses it.
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

// Runner looks a runner up by its id, once. An error of class NotFound says that it is gone or cannot be seen.
func (c *Client) Runner(ctx context.Context, id int64) (Runner, error) {
	var found gh.Runner
	err := c.once(ctx, fmt.Sprintf("get runner %d", id), http.MethodGet, c.path("runners/%d", id), nil, &found)
	if err != nil {
		return Runner{}, err
	}
	return plain(&found), nil
}

// RunnerByName looks a runner up by its exact name, once; found is false when there is none of that name.
func (c *Client) RunnerByName(ctx context.Context, name string) (runner Runner, found bool, err error) {
	for page, pages := 1, 1; page <= pages; page++ {
		var list []Runner
		list, pages, err = c.page(ctx, page, name)
		if err != nil {
			return Runner{}, false, err
		}
		for _, runner := range list {
			if runner.Name == name {
				return runner, true, nil
			}
		}
	}
	return Runner{}, false, nil
}

// RunnersPage returns one page of all runners of the scope, counted from 1, and how many pages there are. It looks
// once.
func (c *Client) RunnersPage(ctx context.Context, page int) (runners []Runner, pages int, err error) {
	return c.page(ctx, page, "")
}

// page lists runners and tells how many pages there are. Older GitHub Enterprise Servers ignore the name and list all,
// so callers compare it themselves.
func (c *Client) page(ctx context.Context, page int, name string) ([]Runner, int, error) {
	query := url.Values{"per_page": {fmt.Sprint(pageSize)}}
	operation := "list runners"
	if name != "" {
		query.Set("name", name)
		operation = "look up runner " + name
	}
	if page > 1 {
		query.Set("page", fmt.Sprint(page))
	}
	var answer gh.Runners
	if err := c.once(ctx, operation, http.MethodGet, c.path("runners?%s", query.Encode()), nil, &answer); err != nil {
		return nil, 0, err
	}
	list := make([]Runner, 0, len(answer.Runners))
	for _, runner := range answer.Runners {
		list = append(list, plain(runner))
	}
	if len(list) == 0 {
		return nil, page, nil // the list has become shorter meanwhile
	}
	return list, max(1, (answer.TotalCount+pageSize-1)/pageSize), nil
}

// FindByName is RunnerByName, but asked again after a 5xx and after a rate limit.
func (c *Client) FindByName(ctx context.Context, name string) (runner Runner, found bool, err error) {
	err = c.retry(ctx, func() error {
		runner, found, err = c.RunnerByName(ctx, name)
		return err
	})
	return runner, found, err
}

// fewNames are looked up one by one without asking how long the whole list is.
const maxSingleLookups = 2

// FindByNames is FindByName for many names: by single look-ups or by pages of the whole list, whichever is fewer calls.
// What is not in the answer does not exist.
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
		list, pages, err := c.retryPage(ctx, 1)
		if err != nil {
			return nil, err
		}
		keep(list...)
		if pages-1 <= len(names) {
			return found, sideBySide(pages-1, func(i int) error {
				list, _, err := c.retryPage(ctx, i+2)
				keep(list...)
				return err
			})
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

// maxConcurrent bounds the calls of one look: GitHub allows a hundred at once for a token.
const maxConcurrent = 10

// sideBySide calls f with 0 to n-1 and joins the errors.
func sideBySide(n int, f func(int) error) error {
	errs := make([]error, n)
	var group errgroup.Group
	group.SetLimit(maxConcurrent)
	for i := range n {
		group.Go(func() error {
			errs[i] = f(i)
			return nil
		})
	}
	_ = group.Wait()
	return errors.Join(errs...)
}

func (c *Client) retryPage(ctx context.Context, page int) (list []Runner, pages int, err error) {
	err = c.retry(ctx, func() error {
		list, pages, err = c.page(ctx, page, "")
		return err
	})
	return list, pages, err
}

// RemoveLabel takes a label from a runner. That there is no such label or runner any more is a success.
// https://docs.github.com/en/rest/actions/self-hosted-runners#remove-a-custom-label-from-a-self-hosted-runner-for-a-repository
func (c *Client) RemoveLabel(ctx context.Context, id int64, label string) error {
	err := c.call(ctx, fmt.Sprintf("remove label %s of runner %d", label, id), http.MethodDelete,
		c.path("runners/%d/labels/%s", id, url.PathEscape(label)), nil)
	if ClassOf(err) == NotFound {
		return nil
	}
	return err
}

// Remove deletes a registration. One that is gone already is a success; ErrBusy says that it runs a job.
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
