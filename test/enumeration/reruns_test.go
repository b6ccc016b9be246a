package enumeration

import (
	"context"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/marqo-ai/ec2-github-runner/machine"
	"github.com/marqo-ai/ec2-github-runner/runner"
	"github.com/marqo-ai/ec2-github-runner/runner/rerun"
	"github.com/marqo-ai/ec2-github-runner/test/simulator"
)

// rerunning is a sweep that runs the jobs again that EC2 interrupted: one machine of this run was taken with its job.
// Beside it a run was cancelled that lost one too, and one goes on.
func rerunning() flow {
	return flow{
		name: "sweep with re-runs",
		begin: func(ctx context.Context, w *simulator.World) *scene {
			s := startedBy(ctx, w, func(r *runner.StartRequest) {
				r.Groups[0].Markets, r.Run.RunnerName = []string{machine.Spot}, "hosted 1"
			})
			w.RunJob(s.label, time.Hour)
			<-time.After(time.Minute)
			w.EndInstance(s.handoffs[0].InstanceID, "Server.SpotInstanceTermination")
			<-time.After(2 * time.Minute)
			w.SetRun(simulator.Run{ID: 4711, Status: "completed", Conclusion: "failure", Jobs: []simulator.RunJob{
				{ID: 11, Name: "start", Runner: "hosted 1"},
				{ID: 12, Name: "test", Runner: s.handoffs[0].RunnerName, Conclusion: "failure"},
			}})
			return s
		},
		run: func(p *process, _ *scene) outcome { return outcome{err: rerunOnce(p)} },
	}
}

func rerunOnce(p *process) error {
	list, err := (&rerun.Rerunner{Cloud: p.cloud(), Registry: p.registry(), Log: p.logger()}).Run(p.ctx, rerun.Request{
		Repository: repository, Scope: repository, Regions: []string{home}, Max: 1})
	for _, r := range list {
		if err == nil {
			err = r.Err
		}
	}
	return err
}

// TestReruns: whatever comes between a sweep and what it asks, the next sweeps make good what it did not do, and the
// lost job runs again once.
func TestReruns(t *testing.T) {
	t.Setenv("AWS_EC2_METADATA_DISABLED", "true")
	trials := trialsOf(t, rerunning())
	for _, tr := range trials {
		synctest.Test(t, func(t *testing.T) {
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			w, s := tr.begun(ctx)
			p := newProcess(ctx, w, tr.blow)
			tr.runToEnd(p, s)
			w.ClearFaults()
			<-time.After(2 * time.Minute) // what is still under way comes to its end
			if n := len(w.Reruns()); n > 1 {
				t.Errorf("%s: run again %d times by one sweep", tr, n)
			}
			for range 2 {
				next := newProcess(ctx, w, blow{})
				if err := rerunOnce(next); err != nil {
					t.Errorf("%s: sweep in good weather: %v", tr, err)
				}
				next.cancel(nil)
				<-time.After(10 * time.Minute)
			}
			tr.checkReruns(t, w)
		})
	}
	t.Logf("%d trials", len(trials))
	if everyNth == 1 && len(trials) < 60 {
		t.Errorf("%d trials, want 60 at least", len(trials))
	}
}

// TestRerunsAtOnce lets several sweeps run at the same moment: GitHub refuses all but the first, and none asks again.
func TestRerunsAtOnce(t *testing.T) {
	t.Setenv("AWS_EC2_METADATA_DISABLED", "true")
	synctest.Test(t, func(t *testing.T) {
		tr := trial{flow: rerunning()}
		w, _ := tr.begun(t.Context())
		for range 2 {
			var group sync.WaitGroup
			for range 5 {
				group.Go(func() {
					p := newProcess(t.Context(), w, blow{})
					defer p.cancel(nil)
					if err := rerunOnce(p); err != nil && !strings.Contains(err.Error(), "already running") {
						t.Errorf("a sweep says %v", err)
					}
				})
			}
			group.Wait()
			<-time.After(10 * time.Minute)
		}
		tr.checkReruns(t, w)
	})
}

// begun is a world in which the flow's beginning has happened, and the trial's weather.
func (tr trial) begun(ctx context.Context) (*simulator.World, *scene) {
	w := newWorld(tr.flow)
	s := tr.flow.begin(ctx, w)
	if !tr.weather.isNone() {
		w.AddFault(tr.weather.fault())
	}
	return w, s
}

// runToEnd runs the flow until it has come to its end or is dead.
func (tr trial) runToEnd(p *process, s *scene) outcome {
	done := make(chan outcome, 1)
	go func() { done <- tr.flow.run(p, s) }()
	select {
	case o := <-done:
		return o
	case <-p.killed:
		return <-done // it hears nothing any more, and does nothing
	}
}

// checkReruns notes what was run again that should not, and what was not.
func (tr trial) checkReruns(t *testing.T, w *simulator.World) {
	t.Helper()
	list := w.Reruns()
	if len(list) != 1 || list[0].Run != 4711 || list[0].Job != 11 || list[0].Attempt != 2 {
		t.Errorf("%s: run again: %+v, want job 11 of run 4711 once", tr, list)
	}
	if changed := append(w.Changed(), w.Surprises()...); len(changed) > 0 {
		t.Errorf("%s: wronged: %s", tr, strings.Join(changed, "; "))
	}
}
