package ec2_test

import (
	"context"
	"testing"

	"github.com/marqo-ai/ec2-github-runner/ec2"
	"github.com/marqo-ai/ec2-github-runner/test/simulator"
)

// TestAttributes: a stopped instance accepts other user data and another shutdown behaviour; a running one keeps its
// user data.
func TestAttributes(t *testing.T) {
	t.Parallel()
	const id = "i-0aaaaaaaaaaaaaaa8"
	for _, state := range []string{"stopped", "running"} {
		config := simulator.Config{Instances: []simulator.InstanceSeed{{ID: id, State: state}}}
		inBubble(t, config, func(ctx context.Context, t *testing.T, world *simulator.World, client *ec2.Client) {
			err := client.SetUserData(ctx, "", id, []byte("#!/bin/true\n"))
			if (err == nil) != (state == "stopped") {
				t.Errorf("%s: %v", state, err)
			}
			if err := client.SetShutdownBehavior(ctx, "", id); err != nil {
				t.Error(err)
			}
			instance := world.Snapshot().Instances[0]
			if got := string(instance.UserData) == "#!/bin/true\n"; got != (state == "stopped") ||
				instance.ShutdownBehavior != "terminate" {
				t.Errorf("%s: %q, %s", state, instance.UserData, instance.ShutdownBehavior)
			}
		})
	}
}

// TestTagsNeeded: a launch that needs its tags fails if they are refused, and is never made without them.
func TestTagsNeeded(t *testing.T) {
	t.Parallel()
	config := simulator.Config{Policy: simulator.Policy{ForbiddenTags: []string{"ec2-github-runner:*"}}}
	inBubble(t, config, func(ctx context.Context, t *testing.T, world *simulator.World, client *ec2.Client) {
		spec := launchSpec()
		spec.NeedsTags, spec.Stops = true, true
		_, trail, err := launchOne(ctx, client, spec, []ec2.Offering{offering(1)})
		if left, _ := world.Leftovers(); err == nil || len(trail) != 1 || trail[0].Untagged || len(left) > 0 {
			t.Errorf("%v, trail %+v, left %v", err, trail, left)
		}
		world.SetPolicy(simulator.Policy{})
		if _, _, err := launchOne(ctx, client, spec, []ec2.Offering{offering(1)}); err != nil {
			t.Fatal(err)
		}
		if left, _ := world.Leftovers(); len(left) != 1 || left[0].ShutdownBehavior != "stop" {
			t.Errorf("left %+v", left)
		}
	})
}
