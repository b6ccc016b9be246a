package ec2_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/marqo-ai/ec2-github-runner/ec2"
	"github.com/marqo-ai/ec2-github-runner/ec2/refusal"
	"github.com/marqo-ai/ec2-github-runner/machine"
	"github.com/marqo-ai/ec2-github-runner/test/simulator"
)

func runInstances(effect simulator.Effect, times int) simulator.Fault {
	return simulator.Fault{Match: simulator.Match{Operation: "RunInstances"}, Effect: effect, Times: times}
}

// TestLostAnswer: the call is repeated with the same token, and there is one instance.
func TestLostAnswer(t *testing.T) {
	t.Parallel()
	for _, effect := range []simulator.Effect{
		simulator.EffectCutAfter, simulator.EffectCutMiddle, simulator.EffectCutBefore, simulator.EffectRefuse,
		simulator.EffectMalformed, simulator.EffectErrorAfter, simulator.EffectHang,
	} {
		t.Run(string(effect), func(t *testing.T) {
			t.Parallel()
			inBubble(t, simulator.Config{Faults: []simulator.Fault{runInstances(effect, 1)}}, func(ctx context.Context,
				t *testing.T, world *simulator.World, client *ec2.Client) {
				instance, trail, err := launchOne(ctx, client, launchSpec(), []ec2.Offering{offering(1), offering(2)})
				if err != nil || len(trail) != 1 || trail[0].InDoubt {
					t.Fatalf("launch: %v, trail %+v", err, trail)
				}
				if got := tokens(world); !cmp.Equal(got, []string{"egr-test-0-0", "egr-test-0-0"}) {
					t.Errorf("tokens %v", got)
				}
				left, _ := world.Leftovers()
				if len(left) != 1 || left[0].ID != instance.ID {
					t.Errorf("launched %s, and there are %d instances", instance.ID, len(left))
				}
			})
		})
	}
}

// TestNeverAnswered: a launch without any response is in doubt, and the next offering has another token.
func TestNeverAnswered(t *testing.T) {
	t.Parallel()
	fault := runInstances(simulator.EffectCutAfter, 0)
	fault.Match.Params = map[string]string{"Zone": "us-east-1a"}
	inBubble(t, simulator.Config{Faults: []simulator.Fault{fault}}, func(ctx context.Context, t *testing.T,
		world *simulator.World, client *ec2.Client) {
		instance, trail, err := launchOne(ctx, client, launchSpec(), []ec2.Offering{offering(1), offering(2)})
		if err != nil || len(trail) != 2 || !trail[0].InDoubt || trail[1].InDoubt {
			t.Fatalf("launch: %v, trail %+v", err, trail)
		}
		if instance.Zone != "us-east-1b" {
			t.Errorf("launched in %s", instance.Zone)
		}
		waitVisible(ctx, t, client, trail[0].Token)
	})
}

// waitVisible checks that EC2 finds the instance of a token, though late.
func waitVisible(ctx context.Context, t *testing.T, client *ec2.Client, token string) {
	t.Helper()
	timer := time.NewTimer(10 * time.Second)
	defer timer.Stop()
	<-timer.C
	found, err := client.Instances(ctx, "", ec2.Selector{ClientToken: token})
	if err != nil || len(found) != 1 {
		t.Errorf("found %d instances with token %s: %v", len(found), token, err)
	}
}

// TestDoubtStays: a response was lost, and EC2 throttles all retries: the effect of the first call is not known.
func TestDoubtStays(t *testing.T) {
	t.Parallel()
	faults := []simulator.Fault{runInstances(simulator.EffectCutAfter, 1), runInstances(simulator.EffectThrottle, 0)}
	inBubble(t, simulator.Config{Faults: faults}, func(ctx context.Context, t *testing.T, world *simulator.World,
		client *ec2.Client) {
		_, trail, err := launchOne(ctx, client, launchSpec(), []ec2.Offering{offering(1)})
		if !errors.Is(err, ec2.ErrExhausted) || len(trail) != 1 || !trail[0].InDoubt {
			t.Errorf("launch: %v, trail %+v", err, trail)
		}
		if left, _ := world.Leftovers(); len(left) != 1 {
			t.Errorf("%d instances, want the one in doubt", len(left))
		}
	})
}

// TestTagsDenied: launched again without our tags and with a new token, and later offerings are requested without tags
// at once.
func TestTagsDenied(t *testing.T) {
	t.Parallel()
	config := simulator.Config{
		Policy:   simulator.Policy{ForbiddenTags: []string{"ec2-github-runner:*"}},
		Capacity: []simulator.Pool{{Zone: "us-east-1a", Available: 0}},
	}
	inBubble(t, config, func(ctx context.Context, t *testing.T, world *simulator.World, client *ec2.Client) {
		_, trail, err := launchOne(ctx, client, launchSpec(), []ec2.Offering{offering(1), offering(2)})
		if err != nil || len(trail) != 3 || !trail[0].Untagged {
			t.Fatalf("launch: %v, trail %+v", err, trail)
		}
		if got, want := tokens(world), []string{"egr-test-0-0", "egr-test-0-1", "egr-test-1-0"}; !cmp.Equal(got, want) {
			t.Errorf("tokens %v, want %v", got, want)
		}
		left, _ := world.Leftovers()
		if want := map[string]string{"Name": "builder"}; len(left) != 1 || !cmp.Equal(left[0].Tags, want) ||
			!cmp.Equal(left[0].VolumeTags, want) {
			t.Errorf("left %+v", left)
		}
	})
}

// TestRefusedPlacement: a refusal of the placement goes on to the next placement, insufficient capacity to the next
// market too.
func TestRefusedPlacement(t *testing.T) {
	t.Parallel()
	stale := offering(1)
	stale.Placement.ImageID = "ami-0123456789abcdef0"
	staleSpot, spot := stale, offering(2)
	staleSpot.Market, spot.Market = machine.Spot, machine.Spot
	config := simulator.Config{Capacity: []simulator.Pool{{Market: machine.Spot, Available: 0}}}
	inBubble(t, config, func(ctx context.Context, t *testing.T, world *simulator.World, client *ec2.Client) {
		instance, trail, err := launchOne(ctx, client, launchSpec(), []ec2.Offering{staleSpot, spot, stale,
			offering(2)})
		if err != nil || instance.Market != machine.OnDemand {
			t.Fatalf("launch: %v %+v", err, instance)
		}
		var asked []int
		for _, attempt := range trail {
			asked = append(asked, attempt.Index)
		}
		if !cmp.Equal(asked, []int{0, 1, 3}) {
			t.Errorf("asked for the offerings %v, want 0, 1 and 3: the stale image once", asked)
		}
		if calls := len(tokens(world)); calls != 3 {
			t.Errorf("%d calls", calls)
		}
	})
}

// TestCancelUnderWay: after a cancellation the response is awaited, since it contains the instance's id; a call that
// hangs ends nevertheless.
func TestCancelUnderWay(t *testing.T) {
	t.Parallel()
	for _, hang := range []bool{false, true} {
		var config simulator.Config
		if hang {
			config.Faults = []simulator.Fault{runInstances(simulator.EffectHang, 0)}
		}
		inBubble(t, config, func(parent context.Context, t *testing.T, world *simulator.World, client *ec2.Client) {
			ctx, cancel := context.WithCancel(parent)
			timer := time.AfterFunc(time.Second, cancel)
			defer timer.Stop()
			begun := time.Now()
			instance, _, err := launchOne(ctx, client, launchSpec(), []ec2.Offering{offering(1), offering(2)})
			if took := time.Since(begun); took > 4*time.Second {
				t.Errorf("hang %t: ended %s after the start, want within 3 s of the cancel", hang, took)
			}
			left, _ := world.Leftovers()
			if !hang && (err != nil || len(left) != 1 || instance.ID != left[0].ID) {
				t.Errorf("launch %s: %v, and there are %d instances", instance.ID, err, len(left))
			}
			if hang && !errors.Is(err, context.Canceled) {
				t.Errorf("launch: %v, want cancelled", err)
			}
		})
	}
}

// TestThrottledLaunch: backs off for two minutes in all and then returns EC2's error.
func TestThrottledLaunch(t *testing.T) {
	t.Parallel()
	inBubble(t, simulator.Config{Faults: []simulator.Fault{runInstances(simulator.EffectThrottle, 0)}},
		func(ctx context.Context, t *testing.T, world *simulator.World, client *ec2.Client) {
			begun := time.Now()
			_, trail, err := launchOne(ctx, client, launchSpec(), []ec2.Offering{offering(1)})
			took := time.Since(begun)
			if !errors.Is(err, ec2.ErrExhausted) || refusal.ClassOf(trail[0].Err) != refusal.Throttle ||
				trail[0].InDoubt {
				t.Errorf("launch: %v, trail %+v", err, trail)
			}
			if took < 90*time.Second || took > 3*time.Minute {
				t.Errorf("took %s", took)
			}
			if calls := len(tokens(world)); calls > 30 {
				t.Errorf("%d calls in %s", calls, took)
			}
		})
}

// launchOne launches a single instance.
func launchOne(ctx context.Context, client *ec2.Client, spec ec2.LaunchSpec, offerings []ec2.Offering) (ec2.Instance,
	[]ec2.Attempt, error) {
	instances, trail, err := client.LaunchMany(ctx, spec, 1, offerings, ec2.Observer{})
	if len(instances) == 0 {
		return ec2.Instance{}, trail, err
	}
	return instances[0], trail, err
}
