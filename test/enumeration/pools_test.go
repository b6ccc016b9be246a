package enumeration

import (
	"context"
	"fmt"
	"time"

	"github.com/marqo-ai/ec2-github-runner/runner"
	"github.com/marqo-ai/ec2-github-runner/runner/pool"
	"github.com/marqo-ai/ec2-github-runner/runner/tags/key"
	"github.com/marqo-ai/ec2-github-runner/test/simulator"
)

const poolName = "warm"

func poolOf(size int, change func(*runner.StartRequest)) pool.Request {
	return pool.Request{
		Name: poolName, Size: size, MaxAge: 168 * time.Hour, WarmUp: 30 * time.Minute,
		Start: request(func(r *runner.StartRequest) { change(r); r.Run.ID, r.Groups[0].Label = otherRun, "" }),
	}
}

// filledPool fills a pool without faults and waits until its machines are ready.
func filledPool(ctx context.Context, w *simulator.World, size int) {
	p := newProcess(ctx, w, blow{})
	defer p.cancel(nil)
	if result, err := pool.Fill(p.ctx, p.starter(), poolOf(size, byToken)); err != nil ||
		result.Count(pool.Launched) != size {
		panic(fmt.Sprintf("pool without faults: %v\n%s", err, p.log))
	}
	<-time.After(3 * time.Minute)
}

func fromPool(r *runner.StartRequest) {
	r.Source, r.JIT, r.Ephemeral = pool.Machines{Pool: poolName}, true, true
}

// claiming is a start that claims one of two warm machines. A stop by label finds what its tags name; an entry that is
// blocked by a registration alone is left to the post step and the sweep.
func claiming(name string, adjust ...func(*flow)) flow {
	f := starting(name, fromPool, adjust...)
	f.pool, f.rest = true, []layer{byPost, bySweep}
	f.begin = func(ctx context.Context, w *simulator.World) *scene {
		filledPool(ctx, w, 2)
		return &scene{label: "tests"}
	}
	return f
}

// pooling sets up two entries that no longer fit; the flow launches one that does, and terminates the two.
func pooling() flow {
	return flow{
		name: "pool", pool: true, rest: []layer{byPost, bySweep},
		begin: func(ctx context.Context, w *simulator.World) *scene {
			filledPool(ctx, w, 2)
			return &scene{}
		},
		run: func(p *process, _ *scene) outcome {
			result, err := pool.Fill(p.ctx, p.starter(),
				poolOf(1, func(r *runner.StartRequest) { r.Groups[0].Packages = []string{"jq"} }))
			// As in action.poolDone.
			_ = p.journal.write(func() { p.journal.done = len(result.Left) == 0 })
			return outcome{err: err, left: result.Left}
		},
	}
}

// isWhole reports whether an instance is an entry that can be claimed now, or once it is warm: all its tags are there
// and no registration blocks its name.
func isWhole(i simulator.Instance, runners []simulator.Runner) bool {
	for _, key := range []string{key.Scope, key.Repository, key.Fingerprint, key.Group,
		key.PoolUntil} {
		if i.Tags[key] == "" {
			return false
		}
	}
	if i.Tags[key.Mode] != "pool" || i.Tags[key.Pool] != poolName ||
		i.Tags[key.ExpiresAt] != i.Tags[key.PoolUntil] || i.Tags[key.ClaimedAt] != "" {
		return false
	}
	if i.State != "stopped" && i.ShutdownBehavior != "stop" {
		return false // it was claimed and is running
	}
	for _, r := range runners {
		if r.Name == "ec2-"+i.ID {
			return false
		}
	}
	return true
}
