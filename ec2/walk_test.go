package ec2_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/marqo-ai/ec2-github-runner/ec2"
	"github.com/marqo-ai/ec2-github-runner/machine"
	"github.com/marqo-ai/ec2-github-runner/test/simulator"
)

// wide returns a world of eight types in six zones of three regions, and its offerings by type and zone.
func wide(capacity ...simulator.Pool) (simulator.Config, []ec2.Offering) {
	config := simulator.Config{Capacity: capacity}
	var list []ec2.Offering
	for n := range 8 {
		kind := simulator.InstanceType{Name: fmt.Sprintf("c%di.xlarge", n+1), Architecture: "x86_64",
			VCPUs: 4, MemoryMiB: 8192}
		config.More.InstanceTypes = append(config.More.InstanceTypes, kind)
		for _, place := range []struct{ region, letter string }{{"us-east-1", "a"}, {"eu-west-1", "c"},
			{"us-west-2", "d"}} {
			for zone := range 6 {
				subnet := simulator.Subnet{
					ID: fmt.Sprintf("subnet-0%sffffffffffffff%d", place.letter, zone), Zone: place.region +
						string(rune('a'+zone)),
					VPC: "vpc-0" + repeated(place.letter, 16),
				}
				if n == 0 {
					config.More.Subnets = append(config.More.Subnets, subnet)
				}
				list = append(list, ec2.Offering{
					InstanceType: kind.Name, Market: machine.OnDemand, Number: len(list) + 1,
					Placement: machine.Placement{
						Region: place.region, ImageID: "ami-0" + repeated(place.letter, 15) + "1", SubnetID: subnet.ID,
						SecurityGroupIDs: []string{"sg-0" + repeated(place.letter, 15) + "1"},
					},
				})
			}
		}
	}
	return config, list
}

func repeated(letter string, times int) string {
	return string(slices.Repeat([]byte(letter), times))
}

// TestWalkOfManyOfferings: no offering has capacity. Each is requested once, and the walk takes as long as EC2's
// responses.
func TestWalkOfManyOfferings(t *testing.T) {
	config, offerings := wide(simulator.Pool{})
	inBubble(t, config, func(ctx context.Context, t *testing.T, world *simulator.World, client *ec2.Client) {
		begun := time.Now()
		_, trail, err := client.LaunchMany(ctx, launchSpec(), 1, offerings, ec2.Observer{})
		took := time.Since(begun)
		if !errors.Is(err, ec2.ErrExhausted) || len(trail) != len(offerings) || len(tokens(world)) != len(offerings) {
			t.Errorf("%d attempts, %d calls, %v; want %d and ErrExhausted", len(trail), len(tokens(world)), err,
				len(offerings))
		}
		var answers time.Duration
		for _, call := range world.Calls() {
			answers += call.Duration
		}
		if took > answers*11/10 {
			t.Errorf("the walk took %s, EC2's answers %s", took, answers)
		}
	})
}

// TestWalksSideBySide: many concurrent launches in one region. EC2 allows two calls a second; no call is throttled, and
// the launches take no longer than that requires.
func TestWalksSideBySide(t *testing.T) {
	config, offerings := wide(simulator.Pool{})
	offerings = slices.DeleteFunc(offerings, func(o ec2.Offering) bool { return o.Placement.Region != "eu-west-1" })
	inBubble(t, config, func(ctx context.Context, t *testing.T, world *simulator.World, client *ec2.Client) {
		begun := time.Now()
		var group sync.WaitGroup
		for n := range 12 {
			group.Go(func() {
				spec := launchSpec()
				spec.Token = func(offering, try int) string { return fmt.Sprintf("egr-%d-%d-%d", n, offering, try) }
				_, _, _ = client.LaunchMany(ctx, spec, 1, offerings, ec2.Observer{})
			})
		}
		group.Wait()
		calls := world.Calls()
		for _, call := range calls {
			if call.Code != "InsufficientInstanceCapacity" {
				t.Errorf("a call is answered %q", call.Code)
			}
		}
		forced := time.Duration(len(calls)-5) * time.Second / 2
		if took := time.Since(begun); len(calls) != 12*len(offerings) || took > forced*11/10 {
			t.Errorf("%d calls took %s, EC2's limit forces %s", len(calls), took, forced)
		}
	})
}

// TestFirstWithCapacity: the first offering with capacity is launched in the first round, and each before it is
// requested once.
func TestFirstWithCapacity(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		_, offerings := wide()
		free := rapid.IntRange(0, len(offerings)).Draw(r, "the first with capacity")
		var pools []simulator.Pool
		for n, o := range offerings {
			if n < free || rapid.Bool().Draw(r, "empty") && n > free {
				pools = append(pools, simulator.Pool{InstanceType: o.InstanceType, Zone: zoneOf(offerings, n)})
			}
		}
		config, offerings := wide(pools...)
		asked := 0
		inBubble(t, config, func(ctx context.Context, t *testing.T, world *simulator.World, client *ec2.Client) {
			instances, trail, _ := client.LaunchMany(ctx, launchSpec(), 1, offerings, ec2.Observer{})
			asked = len(tokens(world))
			switch {
			case len(instances) != min(1, len(offerings)-free), len(instances) == 1 && instances[0].Offering != free:
				t.Errorf("launched %+v, want offering %d", instances, free)
			case len(trail) != asked:
				t.Errorf("%d attempts in %d calls", len(trail), asked)
			}
		})
		if asked != min(free+1, len(offerings)) {
			r.Fatalf("asked %d times for the first of which %d are empty", asked, free)
		}
	})
}

// zoneOf returns the zone of an offering of wide.
func zoneOf(list []ec2.Offering, n int) string {
	return list[n].Placement.Region + string(rune('a'+n%6))
}
