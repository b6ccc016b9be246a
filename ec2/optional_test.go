package ec2_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/marqo-ai/ec2-github-runner/ec2"
	"github.com/marqo-ai/ec2-github-runner/ec2/refusal"
	"github.com/marqo-ai/ec2-github-runner/machine"
	"github.com/marqo-ai/ec2-github-runner/test/simulator"
)

// optionalReads are the reads whose callers go on without what is denied, and retry or fail after any other error.
var optionalReads = []struct {
	action  string
	granted int // how much is found
	refused int // how much is returned with an error
	read    func(ctx context.Context, client *ec2.Client, id string) (found int, denied bool, err error)
}{
	{"DescribeRegions", 6, 17, func(ctx context.Context, client *ec2.Client, _ string) (int, bool, error) {
		names, denied, err := client.Account().Regions(ctx)
		return len(names), denied, err
	}},
	{"DescribeVolumes", 1, 0, func(ctx context.Context, client *ec2.Client, _ string) (int, bool, error) {
		list, denied, err := client.Volumes(ctx, "", "in-use", map[string]string{"Name": machine.OnDemand})
		return len(list), denied, err
	}},
	{"DescribeSpotInstanceRequests", 1, 1, func(ctx context.Context, client *ec2.Client, _ string) (int, bool, error) {
		list, denied, err := client.InterruptedInstances(ctx, "", map[string]string{"Name": machine.Spot})
		return len(list), denied, err
	}},
	{"GetConsoleOutput", 1, 0, func(ctx context.Context, client *ec2.Client, id string) (int, bool, error) {
		text, denied, err := client.Console(ctx, "", id)
		return strings.Count(text, "Linux version"), denied, err
	}},
}

// TestOptionalReads: a read is denied only if EC2 says so by code, and then it returns an error too, so that a failed
// read never looks like an empty result.
func TestOptionalReads(t *testing.T) {
	t.Parallel()
	for _, r := range optionalReads {
		for code, class := range map[string]refusal.Class{
			"UnauthorizedOperation": refusal.Denied, "AuthFailure": refusal.Credentials,
			"InternalError": refusal.Unknown, "RequestLimitExceeded": refusal.Throttle,
		} {
			t.Run(r.action+" "+code, func(t *testing.T) {
				t.Parallel()
				inBubble(t, simulator.Config{}, func(ctx context.Context, t *testing.T, world *simulator.World,
					client *ec2.Client) {
					id := launchBeside(ctx, t, world, client)
					if found, denied, err := r.read(ctx, client, id); err != nil || denied || found != r.granted {
						t.Errorf("granted: found %d, denied %t: %v", found, denied, err)
					}
					if class == refusal.Denied {
						world.SetPolicy(simulator.Policy{Deny: []string{"ec2:" + r.action}})
					} else {
						world.AddFault(simulator.Fault{Match: simulator.Match{Operation: r.action},
							Effect: simulator.EffectError, Code: code})
					}
					want := class == refusal.Denied || r.action == "DescribeRegions" && class == refusal.Credentials
					found, denied, err := r.read(ctx, client, id)
					if found != r.refused || denied != want || refusal.ClassOf(err) != class {
						t.Errorf("found %d, denied %t: %v", found, denied, err)
					}
				})
			})
		}
	}
}

// launchBeside launches a machine, and a spot machine that EC2 reclaims. It returns the id of the first.
func launchBeside(ctx context.Context, t *testing.T, world *simulator.World, client *ec2.Client) string {
	t.Helper()
	var ids []string
	for n, market := range []string{machine.Spot, machine.OnDemand} {
		spec, asked := launchSpec(), offering(1)
		asked.Market = market
		spec.Machine.Tags = []machine.Tag{{Key: "Name", Value: market}}
		spec.Token = func(int, int) string { return fmt.Sprintf("egr-test-%d", n) }
		instance, _, err := launchOne(ctx, client, spec, []ec2.Offering{asked})
		if err != nil {
			t.Fatal(err)
		}
		ids = append(ids, instance.ID)
	}
	wait(time.Minute)
	world.EndInstance(ids[0], "Server.SpotInstanceTermination")
	return ids[1]
}
