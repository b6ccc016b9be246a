package github

import (
	"context"
	"fmt"
	"net/http"
	"net/url"

	gh "github.com/google/go-github/v57/github"
)

// Group is a runner group of an organization or an enterprise. A repository has only the default group.
type Group struct {
	ID   int64
	Name string
}

// Groups returns the runner groups of the scope.
// https://docs.github.com/en/rest/actions/self-hosted-runner-groups
func (c *Client) Groups(ctx context.Context) ([]Group, error) {
	var groups []Group
	for page := 1; ; page++ {
		var answer gh.RunnerGroups
		query := url.Values{"per_page": {fmt.Sprint(pageSize)}, "page": {fmt.Sprint(page)}}
		if err := c.call(ctx, "list runner groups", http.MethodGet, c.path("runner-groups?%s", query.Encode()),
			&answer); err != nil {
			return nil, err
		}
		for _, group := range answer.RunnerGroups {
			groups = append(groups, Group{ID: group.GetID(), Name: group.GetName()})
		}
		if page*pageSize >= answer.TotalCount || len(answer.RunnerGroups) == 0 {
			return groups, nil
		}
	}
}
