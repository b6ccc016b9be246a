package ec2_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/marqo-ai/ec2-github-runner/ec2"
	"github.com/marqo-ai/ec2-github-runner/ec2/refusal"
	"github.com/marqo-ai/ec2-github-runner/machine"
	"github.com/marqo-ai/ec2-github-runner/test/simulator"
)

// TestTheRestComesFromTheNext: each offering gives what EC2 has, without superfluous calls.
func TestTheRestComesFromTheNext(t *testing.T) {
	config := simulator.Config{Capacity: []simulator.Pool{{Zone: "us-east-1a", Available: 2},
		{Zone: "us-east-1b", Available: 0}}}
	inBubble(t, config, func(ctx context.Context, t *testing.T, _ *simulator.World, client *ec2.Client) {
		instances, trail, err := client.LaunchMany(ctx, launchSpec(), 5, []ec2.Offering{offering(1), offering(2),
			offering(3)}, ec2.Observer{})
		if err != nil || len(instances) != 5 || len(trail) != 3 {
			t.Fatalf("launched %d in %d attempts, %v; want five in three", len(instances), len(trail), err)
		}
		for i, want := range []struct{ asked, got int }{{5, 2}, {3, 0}, {3, 3}} {
			if trail[i].Asked != want.asked || len(trail[i].InstanceIDs) != want.got {
				t.Errorf("attempt %d asked for %d and got %d, want %d and %d", i, trail[i].Asked,
					len(trail[i].InstanceIDs), want.asked, want.got)
			}
		}
		if instances[4].Offering != 2 || instances[4].LaunchIndex != 2 {
			t.Errorf("the last is of offering %d, index %d, want 2 and 2: the index begins anew with each call",
				instances[4].Offering, instances[4].LaunchIndex)
		}
	})
	inBubble(t, config, func(ctx context.Context, t *testing.T, _ *simulator.World, client *ec2.Client) {
		instances, _, err := client.LaunchMany(ctx, launchSpec(), 5, []ec2.Offering{offering(1), offering(2)},
			ec2.Observer{})
		if len(instances) != 2 || !errors.Is(err, ec2.ErrExhausted) {
			t.Errorf("launched %d, %v; want two beside the error", len(instances), err)
		}
	})
}

// TestAnotherTypeMayFit: a type that does not run the image, or that the region does not have, says nothing about the
// placement.
func TestAnotherTypeMayFit(t *testing.T) {
	for _, name := range []string{"t4g.xlarge", "x99.xlarge"} {
		inBubble(t, simulator.Config{}, func(ctx context.Context, t *testing.T, world *simulator.World,
			client *ec2.Client) {
			first, second := offering(1), offering(1)
			first.InstanceType = name
			instances, trail, err := client.LaunchMany(ctx, launchSpec(), 1, []ec2.Offering{first, second},
				ec2.Observer{})
			if err != nil || len(instances) != 1 || instances[0].Type != "t3.xlarge" {
				t.Errorf("%s: launched %v, %v; want the second type at the same placement", name, instances, err)
			}
			if refusal.ClassOf(trail[0].Err) != refusal.Misfit {
				t.Errorf("%s: class %v of %v, want Misfit", name, refusal.ClassOf(trail[0].Err), trail[0].Err)
			}
			if n := len(tokens(world)); n != 2 {
				t.Errorf("%s: %d calls, want 2", name, n)
			}
		})
	}
}

// TestADeniedRegionKeepsTheTags: if a refusal stays the same without our tags, they were not the reason.
func TestADeniedRegionKeepsTheTags(t *testing.T) {
	config := simulator.Config{Policy: simulator.Policy{Document: `{"Version": "2012-10-17", "Statement": [
		{"Effect": "Allow", "Action": "*", "Resource": "*"},
		{"Effect": "Deny", "Action": "ec2:RunInstances", "Resource": "*", "Condition": {"StringEquals": ` +
		`{"aws:RequestedRegion": "us-east-1"}}}]}`}}
	inBubble(t, config, func(ctx context.Context, t *testing.T, world *simulator.World, client *ec2.Client) {
		elsewhere := offering(1)
		elsewhere.Placement = machine.Placement{
			Region: "eu-west-1", ImageID: "ami-0ccccccccccccccc1", SubnetID: "subnet-0ccccccccccccccc1",
			SecurityGroupIDs: []string{"sg-0ccccccccccccccc1"},
		}
		instance, _, err := launchOne(ctx, client, launchSpec(), []ec2.Offering{offering(1), elsewhere})
		if err != nil {
			t.Fatal(err)
		}
		if instance.Region != "eu-west-1" || world.Snapshot().Instances[0].Tags["ec2-github-runner:nonce"] != "abc" {
			t.Errorf("launched in %s with tags %v, want eu-west-1 with ours", instance.Region,
				world.Snapshot().Instances[0].Tags)
		}
	})
}

// TestLaunchesKeepToTheBucket: thirty concurrent launches are never throttled, and take as long as EC2's rate limit
// requires.
func TestLaunchesKeepToTheBucket(t *testing.T) {
	inBubble(t, simulator.Config{}, func(ctx context.Context, t *testing.T, world *simulator.World,
		client *ec2.Client) {
		errs := make(chan error)
		begun := time.Now()
		for n := range 30 {
			go func() {
				spec := launchSpec()
				spec.Token = func(offering, try int) string { return fmt.Sprintf("egr-%d-%d-%d", n, offering, try) }
				_, _, err := launchOne(ctx, client, spec, []ec2.Offering{offering(1)})
				errs <- err
			}()
		}
		for range 30 {
			if err := <-errs; err != nil {
				t.Error(err)
			}
		}
		if took := time.Since(begun); took > 17*time.Second || len(tokens(world)) != 30 {
			t.Errorf("%d calls in %s, want 30 in at most 17s", len(tokens(world)), took)
		}
	})
}

// TestCancelledInTheQueue: a launch that was never sent is not in doubt.
func TestCancelledInTheQueue(t *testing.T) {
	inBubble(
		t,
		simulator.Config{},
		func(ctx context.Context, t *testing.T, world *simulator.World, client *ec2.Client) {
			ctx, cancel := context.WithCancel(ctx)
			trails := make(chan []ec2.Attempt)
			for n := range 12 {
				go func() {
					spec := launchSpec()
					spec.Token = func(offering, try int) string { return fmt.Sprintf("egr-%d-%d-%d", n, offering, try) }
					_, trail, _ := launchOne(ctx, client, spec, []ec2.Offering{offering(1)})
					trails <- trail
				}()
			}
			timer := time.AfterFunc(1200*time.Millisecond, cancel)
			defer timer.Stop()
			sent := 0
			for range 12 {
				for _, attempt := range <-trails {
					if attempt.InDoubt {
						t.Errorf("attempt %s is in doubt", attempt.Token)
					}
					sent += len(attempt.InstanceIDs)
				}
			}
			if sent != len(tokens(world)) || sent == 0 || sent == 12 {
				t.Errorf("%d instances of %d calls, want some, and one for each call", sent, len(tokens(world)))
			}
		},
	)
}

// TestManyIDs: EC2 accepts 200 values in a filter.
func TestManyIDs(t *testing.T) {
	inBubble(t, simulator.Config{ForeignInstances: 450}, func(ctx context.Context, t *testing.T, world *simulator.World,
		client *ec2.Client) {
		var ids []string
		for _, i := range world.Snapshot().Instances {
			ids = append(ids, i.ID)
		}
		found, err := client.Instances(ctx, "", ec2.Selector{IDs: ids})
		if err != nil || len(found) != 450 {
			t.Errorf("found %d, %v; want 450", len(found), err)
		}
		for _, call := range world.Calls() {
			if call.Params["Filter.1.Value.201"] != "" {
				t.Error("a filter has more than two hundred values")
			}
		}
	})
}
