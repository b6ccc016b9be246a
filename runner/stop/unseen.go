package stop

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"sync"

	"github.com/marqo-ai/ec2-github-runner/ec2/refusal"
	"github.com/marqo-ai/ec2-github-runner/runner/diagnosis"
)

// terminateElsewhere terminates an instance that cannot be described and that its first region does not know, in the
// region that knows it: an instance id exists in one region only. It returns that region, or "" if the instance is
// gone.
func (sp *stop) terminateElsewhere(ctx context.Context, id, first string) (string, error) {
	var mu sync.Mutex
	knows := ""
	list := regionList{cloud: sp.cloud}
	looks := regionLooks{
		ask: func(ctx context.Context, region string) error {
			err := sp.cloud.Terminate(ctx, region, id)
			mu.Lock()
			defer mu.Unlock()
			switch {
			case err == nil:
				knows = region
			case refusal.ClassOf(err) == refusal.NotFound:
				return nil
			}
			return err
		},
		done: func() bool {
			mu.Lock()
			defer mu.Unlock()
			return knows != ""
		},
	}
	err := looks.until(ctx, func(ctx context.Context) []string {
		return slices.DeleteFunc(slices.Clone(list.regions(ctx, &looks)),
			func(region string) bool { return region == first })
	})
	switch {
	case knows != "":
		sp.log.Info(fmt.Sprintf("AWS EC2 instance %s is found in region %s", id, knows))
		return knows, nil
	case err != nil:
		return "", err
	case len(looks.silent) > 0:
		return "", &diagnosis.FailedError{
			Message: fmt.Sprintf("AWS EC2 instance %s may still run: for %s these regions gave no answer: %s. Its "+
				"runner is left registered", id, diagnosis.Minutes(silenceTimeout), looks.unseen()),
			Hint: diagnosis.HintSilent,
		}
	}
	sp.logGone(id, append([]string{first}, slices.Sorted(maps.Keys(looks.answered))...), looks.denied)
	return "", nil
}
