package remove

import "golang.org/x/sync/errgroup"

// maxAtOnce is the most calls that Each makes at the same time: GitHub allows a hundred concurrent requests.
// https://docs.github.com/en/rest/using-the-rest-api/rate-limits-for-the-rest-api#about-secondary-rate-limits
const maxAtOnce = 30

// Each calls f for all items, at most maxAtOnce at the same time, and waits for all of them.
func Each[T any](items []T, f func(i int, item T)) {
	var group errgroup.Group
	group.SetLimit(maxAtOnce)
	for i, item := range items {
		group.Go(func() error {
			f(i, item)
			return nil
		})
	}
	_ = group.Wait()
}
