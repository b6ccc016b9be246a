package enumeration

import (
	"context"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/marqo-ai/ec2-github-runner/runner"
	"github.com/marqo-ai/ec2-github-runner/runner/stop"
	"github.com/marqo-ai/ec2-github-runner/runner/tags"
	"github.com/marqo-ai/ec2-github-runner/test/simulator"
)

// keptFor is how long these stops keep a machine.
const keptFor = 20 * time.Minute

// keeping is a stop that leaves the machine for inspection.
func keeping(name string, change func(*runner.StartRequest)) flow {
	return flow{
		name:  name,
		begin: func(ctx context.Context, w *simulator.World) *scene { return startedBy(ctx, w, change) },
		run:   func(p *process, s *scene) outcome { return outcome{err: stopFor(p, s, keptFor)} },
	}
}

// stopFor stops the scene's runners and keeps their machines for the duration d.
func stopFor(p *process, s *scene, d time.Duration) error {
	stopper := &stop.Stopper{Cloud: p.cloud(), Registry: p.registry(), Log: p.logger()}
	_, err := stopper.Stop(p.ctx, stop.Request{Run: tags.Run{Repository: repository, ID: thisRun, Attempt: "1"},
		Scope: repository, InstanceIDs: ids(s), Label: s.label, Keep: d})
	return err
}

func showingTags(r *runner.StartRequest) {
	r.Groups[0].Metadata = `{"InstanceMetadataTags":"enabled"}`
}

// TestKeptOutlivesNothing: whatever interrupts a stop with keep-minutes, repeating the stop completes it, and the
// machine terminates itself in time, with and without sweeps.
func TestKeptOutlivesNothing(t *testing.T) {
	t.Setenv("AWS_EC2_METADATA_DISABLED", "true")
	for _, c := range []struct {
		flow   flow
		sweeps bool
		most   time.Duration // how long it may stay after its stop
		nth    int           // run only each nth trial, because the stop is the same
	}{
		{keeping("stop, kept, by itself", byToken), false, tags.MaxKeep + 2*time.Minute, 1},
		{keeping("stop, kept, by its tag", showingTags), false, keptFor + 2*time.Minute, 5},
		{keeping("stop, kept, swept", byToken), true, keptFor + 11*time.Minute, 5},
	} {
		trials, tried, kept := trialsOf(t, c.flow), 0, 0
		for n, tr := range trials {
			if n%c.nth != 0 {
				continue
			}
			tried++
			synctest.Test(t, func(t *testing.T) {
				ctx, cancel := context.WithCancel(t.Context())
				defer cancel()
				w, s := tr.begun(ctx)
				p := newProcess(ctx, w, tr.blow)
				o := tr.runToEnd(p, s)
				w.ClearFaults()
				<-time.After(2 * time.Minute)
				if o.err != nil || p.ctx.Err() != nil { // the user runs the stop job again
					next := newProcess(ctx, w, blow{})
					if again := tr.flow.run(next, s); again.err != nil {
						t.Errorf("%s: stop without faults: %v", tr, again.err)
					}
					next.cancel(nil)
				}
				if orphans, _ := left(w, nil); len(orphans) == 1 && strings.Contains(orphans[0], " running ") {
					kept++
				}
				stopped := time.Now()
				w.SetRun(simulator.Run{ID: 4711, Status: "completed", Conclusion: "failure"})
				for c.sweeps && time.Since(stopped) < c.most {
					<-time.After(10 * time.Minute)
					sweeper := newProcess(ctx, w, blow{})
					if o := sweepOnce(sweeper); o.err != nil {
						t.Errorf("%s: sweep without faults: %v", tr, o.err)
					}
					sweeper.cancel(nil)
				}
				if !c.sweeps {
					<-time.After(c.most)
				}
				if orphans, _ := left(w, nil); len(orphans) > 0 {
					t.Errorf("%s: %s after the stop: %s\n%s", tr, c.most, strings.Join(orphans, "; "), p.log)
				}
				if text := wronged(w); text != "" {
					t.Errorf("%s: wronged: %s", tr, text)
				}
			})
		}
		t.Logf("%s: %d trials, of which %d kept the machine", c.flow.name, tried, kept)
		if kept < tried*3/4 {
			t.Errorf("%s: only %d of %d trials kept the machine, so little is proved", c.flow.name, kept, tried)
		}
	}
}
