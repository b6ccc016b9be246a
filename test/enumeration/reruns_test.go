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

// rerunning is a sweep that runs jobs again: EC2 has reclaimed one machine of this run with its job. A cancelled run
// has lost a machine too, and another run is not over.
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

// TestReruns: whatever interrupts a sweep, the next sweeps complete it, and the lost job runs again once.
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
			<-time.After(2 * time.Minute) // calls in flight end
			if n := len(w.Reruns()); n > 1 {
				t.Errorf("%s: run again %d times by one sweep", tr, n)
			}
			for range 2 {
				next := newProcess(ctx, w, blow{})
				if err := rerunOnce(next); err != nil {
					t.Errorf("%s: sweep without faults: %v", tr, err)
				}
				next.cancel(nil)
				<-time.After(10 * time.Minute)
			}
			tr.checkReruns(t, w)
		})
	}
	t.Logf("%d trials", len(trials))
	if everyNth == 1 && len(trials) < 60 {
		t.Errorf("%d trials, want at least 60", len(trials))
	}
}

// TestRerunsAtOnce runs several sweeps at the same moment: GitHub refuses all but the first, and none tries again.
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
						t.Errorf("a sweep fails: %v", err)
					}
				})
			}
			group.Wait()
			<-time.After(10 * time.Minute)
		}
		tr.checkReruns(t, w)
	})
}

// begun returns a world after the flow's beginning, with the trial's fault.
func (tr trial) begun(ctx context.Context) (*simulator.World, *scene) {
	w := newWorld(tr.flow)
	s := tr.flow.begin(ctx, w)
	if !tr.weather.isNone() {
		w.AddFault(tr.weather.fault())
	}
	return w, s
}

// runToEnd runs the flow until it ends or is killed.
func (tr trial) runToEnd(p *process, s *scene) outcome {
	done := make(chan outcome, 1)
	go func() { done <- tr.flow.run(p, s) }()
	select {
	case o := <-done:
		return o
	case <-p.killed:
		return <-done // the killed process gets no more answers
	}
}

// checkReruns reports what ran again that should not have, and what did not.
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
