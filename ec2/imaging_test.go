package ec2_test

import (
	"context"
	"testing"
	"time"

	"github.com/marqo-ai/ec2-github-runner/ec2"
	"github.com/marqo-ai/ec2-github-runner/ec2/refusal"
	"github.com/marqo-ai/ec2-github-runner/test/simulator"
)

func imageSpec(name string) ec2.ImageSpec {
	return ec2.ImageSpec{InstanceID: kept, Name: name, Tags: map[string]string{"ec2-github-runner:nonce": "abc"}}
}

// TestALostImageIsFound: an image whose response was lost is found by its name and tags; there is never a second one.
func TestALostImageIsFound(t *testing.T) {
	t.Parallel()
	for _, effect := range []simulator.Effect{
		simulator.EffectCutAfter, simulator.EffectCutMiddle, simulator.EffectErrorAfter, simulator.EffectMalformed,
		simulator.EffectCutBefore, simulator.EffectThrottle,
	} {
		inBubble(t, withKept("stopped", "CreateImage", simulator.Fault{Effect: effect, Times: 1}),
			func(ctx context.Context,
				t *testing.T, world *simulator.World, client *ec2.Client) {
				id, err := client.Images().Create(ctx, "", imageSpec("ours"))
				if made := world.Images(); err != nil || len(made) != 2 || made[0].ID != id {
					t.Errorf("%s: got %q, %v; made %+v", effect, id, err, made)
				}
			})
	}
}

// TestATakenNameIsSomebodyElses: without a lost response a taken name is reported at once, and the image that has it is
// not taken for ours.
func TestATakenNameIsSomebodyElses(t *testing.T) {
	t.Parallel()
	inBubble(t, withKept("stopped", ""), func(ctx context.Context, t *testing.T, world *simulator.World,
		client *ec2.Client) {
		if id, err := client.Images().Create(ctx, "",
			imageSpec("our-runner-2026-09")); refusal.ClassOf(err) != refusal.Taken ||
			id != "" || callsOf(world, "CreateImage") != 1 {
			t.Errorf("got %q, %v after %d calls", id, err, callsOf(world, "CreateImage"))
		}
	})
	// A lost request that had no effect, and a taken name: the result stays unknown, and the image is not ours.
	config := withKept("stopped", "CreateImage", simulator.Fault{Effect: simulator.EffectCutBefore, Times: 1})
	inBubble(t, config, func(ctx context.Context, t *testing.T, _ *simulator.World, client *ec2.Client) {
		if id, err := client.Images().Create(ctx, "",
			imageSpec("our-runner-2026-09")); refusal.ClassOf(err) != refusal.Unknown ||
			id != "" {
			t.Errorf("got %q, %v", id, err)
		}
	})
}

// TestRemoveImage: with its snapshots, twice, and if the snapshots may not be deleted.
func TestRemoveImage(t *testing.T) {
	t.Parallel()
	remove := func(ctx context.Context, t *testing.T, client *ec2.Client) error {
		id, err := client.Images().Create(ctx, "", imageSpec("ours"))
		if err != nil {
			t.Fatal(err)
		}
		<-time.After(time.Minute)
		image, err := client.Images().Get(ctx, "", id)
		if err != nil || len(image.Snapshots) != 1 || image.RootGiB != 8 {
			t.Fatalf("got %+v, %v", image, err)
		}
		err = client.Images().Remove(ctx, "", id, image.Snapshots)
		if again := client.Images().Remove(ctx, "", id,
			image.Snapshots); refusal.ClassOf(again) != refusal.ClassOf(err) {
			t.Errorf("once more: %v", again)
		}
		return err
	}
	inBubble(t, withKept("stopped", ""), func(ctx context.Context, t *testing.T, world *simulator.World,
		client *ec2.Client) {
		if err := remove(ctx, t, client); err != nil || len(world.Images()) > 0 {
			t.Errorf("got %v, left %+v", err, world.Images())
		}
	})
	denied := withKept("stopped", "")
	denied.Policy.Deny = []string{"ec2:DeleteSnapshot"}
	inBubble(t, denied, func(ctx context.Context, t *testing.T, world *simulator.World, client *ec2.Client) {
		if err := remove(ctx, t, client); refusal.ClassOf(err) != refusal.Denied || len(world.Images()) != 1 {
			t.Errorf("got %v, left %+v", err, world.Images())
		}
	})
}

// TestImageUses: stopped instances and every version of a launch template count; terminated ones do not.
func TestImageUses(t *testing.T) {
	t.Parallel()
	config := withKept("stopped", "")
	config.Instances = append(config.Instances, simulator.InstanceSeed{ID: "i-0aaaaaaaaaaaaaaa8",
		Image: "ami-0aaaaaaaaaaaaaaa3", State: "terminated"})
	config.LaunchTemplates = []simulator.LaunchTemplate{{ID: "lt-0aaaaaaaaaaaaaaa1", Name: "a",
		Parameters: map[string]string{"ImageId": "ami-0aaaaaaaaaaaaaaa6"}}}
	inBubble(t, config, func(ctx context.Context, t *testing.T, _ *simulator.World, client *ec2.Client) {
		uses, err := client.Images().Uses(ctx, "", []string{"ami-0aaaaaaaaaaaaaaa1", "ami-0aaaaaaaaaaaaaaa3",
			"ami-0aaaaaaaaaaaaaaa6"})
		if err != nil || len(uses) != 2 || uses["ami-0aaaaaaaaaaaaaaa1"] != "instance "+kept ||
			uses["ami-0aaaaaaaaaaaaaaa6"] != "launch template lt-0aaaaaaaaaaaaaaa1" {
			t.Errorf("got %v, %v", uses, err)
		}
	})
}
