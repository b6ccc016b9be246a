package ec2_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/marqo-ai/ec2-github-runner/ec2"
	"github.com/marqo-ai/ec2-github-runner/ec2/refusal"
	"github.com/marqo-ai/ec2-github-runner/test/simulator"
)

// kept is a machine that a user keeps.
const kept = "i-0aaaaaaaaaaaaaaa7"

// withKept returns a world with the machine in a state, and faults for one kind of call.
func withKept(state string, operation string, fault ...simulator.Fault) simulator.Config {
	for n := range fault {
		fault[n].Match.Operation = operation
	}
	return simulator.Config{Instances: []simulator.InstanceSeed{{ID: kept, State: state}}, Faults: fault}
}

func callsOf(world *simulator.World, operation string) (n int) {
	for _, call := range world.Calls() {
		if call.Operation == operation {
			n++
		}
	}
	return n
}

// TestStartTellsTheStateBefore: the previous state decides whose start it was.
func TestStartTellsTheStateBefore(t *testing.T) {
	t.Parallel()
	for state, want := range map[string]string{"stopped": ec2.Stopped, "running": ec2.Running} {
		inBubble(t, withKept(state, ""), func(ctx context.Context, t *testing.T, _ *simulator.World,
			client *ec2.Client) {
			if got, err := client.Start(ctx, "", kept); got != want || err != nil {
				t.Errorf("%s: got %q, %v", state, got, err)
			}
		})
	}
	for _, state := range []string{"stopping", "terminated"} {
		inBubble(t, withKept(state, ""), func(ctx context.Context, t *testing.T, world *simulator.World,
			client *ec2.Client) {
			if _, err := client.Start(ctx, "", kept); refusal.ClassOf(err) != refusal.WrongState ||
				callsOf(world, "StartInstances") != 1 {
				t.Errorf("%s: class %d after %d calls: %v", state, refusal.ClassOf(err),
					callsOf(world, "StartInstances"), err)
			}
		})
	}
}

// TestALostStartIsNobodyElses: after a lost response the second one says "pending", which may be the effect of the
// first call.
func TestALostStartIsNobodyElses(t *testing.T) {
	t.Parallel()
	for effect, want := range map[simulator.Effect]string{
		simulator.EffectCutAfter: ec2.PreviousUnclear, simulator.EffectCutMiddle: ec2.PreviousUnclear,
		simulator.EffectErrorAfter: ec2.PreviousUnclear,
		simulator.EffectMalformed:  ec2.PreviousUnclear,
		simulator.EffectCutBefore:  ec2.Stopped, simulator.EffectRefuse: ec2.Stopped,
		simulator.EffectError:    ec2.Stopped,
		simulator.EffectThrottle: ec2.Stopped,
	} {
		config := withKept("stopped", "StartInstances", simulator.Fault{Effect: effect, Times: 1})
		inBubble(t, config, func(ctx context.Context, t *testing.T, world *simulator.World, client *ec2.Client) {
			if got, err := client.Start(ctx, "", kept); got != want || err != nil ||
				callsOf(world, "StartInstances") != 2 {
				t.Errorf("%s: got %q after %d calls, %v; want %q after two", effect, got,
					callsOf(world, "StartInstances"), err, want)
			}
		})
	}
}

// TestAStartWithoutAnyAnswer: it is in doubt; insufficient capacity is not, and is not retried.
func TestAStartWithoutAnyAnswer(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		effect simulator.Effect
		code   string
		class  refusal.Class
		calls  int
	}{
		{simulator.EffectCutAfter, "", refusal.Unknown, 4},
		{simulator.EffectError, "InsufficientInstanceCapacity", refusal.Capacity, 1},
		{simulator.EffectError, "UnauthorizedOperation", refusal.Denied, 1},
		{simulator.EffectError, "UnsupportedOperation", refusal.Impossible, 1},
		{simulator.EffectError, "AuthFailure", refusal.Credentials, 1},
	} {
		config := withKept("stopped", "StartInstances", simulator.Fault{Effect: c.effect, Code: c.code})
		inBubble(t, config, func(ctx context.Context, t *testing.T, world *simulator.World, client *ec2.Client) {
			previous, err := client.Start(ctx, "", kept)
			if refusal.ClassOf(err) != c.class || previous != "" || callsOf(world, "StartInstances") != c.calls {
				t.Errorf("%s %s: class %d and %q after %d calls: %v", c.effect, c.code, refusal.ClassOf(err), previous,
					callsOf(world, "StartInstances"), err)
			}
		})
	}
}

// TestACancelledStart: a call in progress is awaited, and one that was not sent is not in doubt.
func TestACancelledStart(t *testing.T) {
	t.Parallel()
	config := withKept("stopped", "StartInstances", simulator.Fault{Effect: simulator.EffectLate, Delay: time.Second})
	inBubble(t, config, func(ctx context.Context, t *testing.T, world *simulator.World, client *ec2.Client) {
		ctx, cancel := context.WithCancel(ctx)
		time.AfterFunc(500*time.Millisecond, cancel)
		if previous, err := client.Start(ctx, "", kept); previous != ec2.Stopped || err != nil {
			t.Errorf("cancelled under way: %q, %v", previous, err)
		}
		calls := callsOf(world, "StartInstances")
		if _, err := client.Start(ctx, "", kept); !errors.Is(err, context.Canceled) ||
			refusal.ClassOf(err) != refusal.Other ||
			callsOf(world, "StartInstances") != calls {
			t.Errorf("cancelled before: %v", err)
		}
	})
}

// TestStop: it is idempotent and retried; instances that cannot be stopped are reported by class.
func TestStop(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		state, market string
		class         refusal.Class
		failed        bool
		ends          string
	}{
		{"running", "", refusal.Other, false, "stopping"},
		{"stopped", "", refusal.Other, false, "stopped"},
		{"terminated", "", refusal.WrongState, true, "terminated"},
		{"running", "spot", refusal.Impossible, true, "running"},
	} {
		config := withKept(c.state, "StopInstances", simulator.Fault{Effect: simulator.EffectCutAfter, Times: 2})
		config.Instances[0].Market = c.market
		inBubble(t, config, func(ctx context.Context, t *testing.T, world *simulator.World, client *ec2.Client) {
			err := client.Stop(ctx, "", kept)
			if (err != nil) != c.failed || refusal.ClassOf(err) != c.class ||
				world.Snapshot().Instances[0].State != c.ends {
				t.Errorf("%s %s: %v (class %d), and it is %s", c.state, c.market, err, refusal.ClassOf(err),
					world.Snapshot().Instances[0].State)
			}
		})
	}
	inBubble(t, withKept("stopped", ""), func(ctx context.Context, t *testing.T, _ *simulator.World,
		client *ec2.Client) {
		if _, err := client.Start(ctx, "", kept); err != nil {
			t.Fatal(err)
		}
		if err := client.Stop(ctx, "", kept); refusal.ClassOf(err) != refusal.WrongState {
			t.Errorf("a machine that is pending: %v, want WrongState", err)
		}
	})
}
