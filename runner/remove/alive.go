package remove

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"sync"

	"github.com/marqo-ai/ec2-github-runner/ec2"
	"github.com/marqo-ai/ec2-github-runner/runner/tags"
	"github.com/marqo-ai/ec2-github-runner/runner/tags/key"
)

// MachinesAlive lists the instances, tagged or not, that this action has launched for a scope of GitHub and that have
// not ended.
func MachinesAlive(ctx context.Context, cloud *ec2.Client, regions []string, repository, scope string) ([]ec2.Instance,
	error) {
	states := []string{ec2.Pending, ec2.Running, ec2.Stopping, ec2.Stopped}
	selectors := []ec2.Selector{
		{Tags: map[string]string{key.Scope: cmp.Or(scope, repository)}, States: states},
		{ClientToken: tags.TokenOfScope(repository, scope) + "*", States: states},
	}
	found, errs := make([][]ec2.Instance, len(regions)), make([]error, len(regions))
	var group sync.WaitGroup
	for n, region := range regions {
		group.Go(func() {
			for _, selector := range selectors {
				list, err := cloud.Instances(ctx, region, selector)
				if err != nil {
					errs[n] = err
					return
				}
				found[n] = append(found[n], list...)
			}
		})
	}
	group.Wait()
	return slices.Concat(found...), errors.Join(errs...)
}
