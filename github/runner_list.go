package github

import "context"

// FindRunner is Runner with retries after a 5xx and a rate limit. found is false if GitHub responds 404: the runner is
// gone, or the token may not see it, which only a list of the same scope distinguishes.
func (c *Client) FindRunner(ctx context.Context, id int64) (runner Runner, found bool, err error) {
	err = retry(ctx, c.log, func() error {
		runner, err = c.Runner(ctx, id)
		return err
	})
	if ClassOf(err) == NotFound {
		return Runner{}, false, nil
	}
	return runner, err == nil, err
}
