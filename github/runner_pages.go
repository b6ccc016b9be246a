package github

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"

	gh "github.com/google/go-github/v57/github"
	"golang.org/x/sync/errgroup"
)

// This file reads lists of several pages. GitHub divides the list into pages anew for each call, so the removal of a
// registration moves all later ones forward by one. One that moves from an unread page to a page that was read already
// is missed, although it existed all the time.

// maxReadings limits how often a list that changes is read. To be missed by all readings, a registration must cross a
// page boundary during each: a hundred earlier registrations must be removed between two readings, a second apart.
const maxReadings = 3

// maxConcurrent is the number of concurrent calls of one look. GitHub allows a token 100.
// https://docs.github.com/en/rest/using-the-rest-api/rate-limits-for-the-rest-api#about-secondary-rate-limits
const maxConcurrent = 15

// pageSize is GitHub's maximum; its default is 30.
const pageSize = 100

// runnerPage is a page of a scope's runners.
type runnerPage struct {
	runners []Runner
	total   int // number of all runners at that moment
}

// pages returns how many pages the list has.
func (p runnerPage) pages() int { return max(1, (p.total+pageSize-1)/pageSize) }

// readPage reads a page, counted from 1.
type readPage func(ctx context.Context, page int) (runnerPage, error)

// AllRunners returns every runner of the scope: those that exist from the first call to the last are in the list, or it
// returns an error. Pages are read in parallel, each with retries.
func (c *Client) AllRunners(ctx context.Context) ([]Runner, error) {
	first, err := c.retryPage(ctx, 1)
	if err != nil {
		return nil, err
	}
	return completed(ctx, first, c.retryPage)
}

// LookAtAll is AllRunners without retries. pages is how many pages the list has.
func (c *Client) LookAtAll(ctx context.Context) (runners []Runner, pages int, err error) {
	first, err := c.list(ctx, 1)
	if err != nil {
		return nil, 0, err
	}
	runners, err = completed(ctx, first, c.list)
	return runners, first.pages(), err
}

// completed returns the whole list, of which the first page has just been read.
func completed(ctx context.Context, first runnerPage, read readPage) ([]Runner, error) {
	var seen []Runner // in all readings
	for reading := 1; ; reading++ {
		list, steady, err := oneReading(ctx, first, read)
		if err != nil || steady {
			return list, err
		}
		seen = append(seen, list...)
		if reading == maxReadings {
			return newest(seen), nil
		}
		if first, err = read(ctx, 1); err != nil {
			return nil, err
		}
	}
}

// oneReading reads the list once and reports whether it stayed the same meanwhile. Registrations keep their order, and
// new ones are added at one end. So nothing was added or removed if the first and last page are the same before and
// after the pages between, and every page has the same total.
func oneReading(ctx context.Context, first runnerPage, read readPage) (list []Runner, steady bool, err error) {
	last := first.pages()
	if last == 1 {
		return first.runners, true, nil
	}
	pages := make([]runnerPage, last+2) // the ends once more
	pages[0] = first
	into := func(page, at int) error {
		got, err := read(ctx, page)
		pages[at] = got
		return err
	}
	err = into(last, last-1)
	if err == nil {
		err = sideBySide(last-2, func(i int) error { return into(i+2, i+1) })
	}
	if err == nil {
		err = sideBySide(2, func(i int) error { return into([]int{1, last}[i], last+i) })
	}
	if err != nil {
		return nil, false, err
	}
	steady = sameIDs(pages[0], pages[last]) && sameIDs(pages[last-1], pages[last+1])
	for _, page := range pages {
		steady = steady && page.total == first.total
		list = append(list, page.runners...)
	}
	return newest(list), steady, nil
}

// RunnersPage returns a page of the scope's runners, counted from 1, and how many pages there are, without retries.
func (c *Client) RunnersPage(ctx context.Context, page int) (runners []Runner, pages int, err error) {
	list, err := c.list(ctx, page)
	return list.runners, list.pages(), err
}

// list reads a page of all runners, without retries.
func (c *Client) list(ctx context.Context, page int) (runnerPage, error) {
	return c.page(ctx, page, "")
}

// retryPage is list with retries.
func (c *Client) retryPage(ctx context.Context, page int) (list runnerPage, err error) {
	err = retry(ctx, c.log, func() error {
		list, err = c.list(ctx, page)
		return err
	})
	return list, err
}

// page reads a page of the runners with a name, or of all if it is empty. Older GitHub Enterprise Servers ignore the
// name and return all, so callers must compare it.
func (c *Client) page(ctx context.Context, page int, name string) (runnerPage, error) {
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
		return runnerPage{}, err
	}
	if len(answer.Runners) == 0 { // the list has become shorter
		return runnerPage{}, nil
	}
	list := runnerPage{total: answer.TotalCount}
	for _, runner := range answer.Runners {
		list.runners = append(list.runners, plain(runner))
	}
	return list, nil
}

func sameIDs(a, b runnerPage) bool {
	return slices.EqualFunc(a.runners, b.runners, func(a, b Runner) bool { return a.ID == b.ID })
}

// newest returns the last record of each runner, at the position of the first.
func newest(list []Runner) []Runner {
	at := make(map[int64]int, len(list))
	kept := list[:0:0]
	for _, runner := range list {
		if n, known := at[runner.ID]; known {
			kept[n] = runner
			continue
		}
		at[runner.ID] = len(kept)
		kept = append(kept, runner)
	}
	return kept
}

// RunnersPages returns the runners on a range of pages, counted from 1 and inclusive, in parallel and without retries.
func (c *Client) RunnersPages(ctx context.Context, from, to int) ([]Runner, error) {
	pages := make([]runnerPage, max(to-from+1, 0))
	err := sideBySide(len(pages), func(i int) (err error) {
		pages[i], err = c.list(ctx, from+i)
		return err
	})
	var list []Runner
	for _, page := range pages {
		list = append(list, page.runners...)
	}
	return newest(list), err
}

// sideBySide calls f with 0 to n-1 in parallel and joins the errors.
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
