package enumeration

import (
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/marqo-ai/ec2-github-runner/runner/sweep"
)

// TestSweepsAtOnce runs several sweeps at the same moment, as the schedules of several workflows do. None fails, none
// harms another, and together they count as one look: what is ambiguous is ended only after a grace period.
func TestSweepsAtOnce(t *testing.T) {
	t.Setenv("AWS_EC2_METADATA_DISABLED", "true")
	synctest.Test(t, func(t *testing.T) {
		f := sweeping()
		w := newWorld(f)
		f.begin(t.Context(), w)
		for round := range 3 {
			var group sync.WaitGroup
			outcomes := make([]outcome, 5)
			for n := range outcomes {
				group.Go(func() {
					p := newProcess(t.Context(), w, blow{})
					defer p.cancel(nil)
					outcomes[n] = sweepOnce(p)
				})
			}
			group.Wait()
			for n, o := range outcomes {
				if o.err != nil {
					t.Errorf("round %d, sweep %d: %v", round, n, o.err)
				}
				for _, s := range o.swept {
					if round == 0 && s.Act == sweep.Terminated && s.RunnerName == "ec2-lost" {
						t.Errorf("sweep %d ended something ambiguous at the first look: %+v", n, s)
					}
				}
			}
			<-time.After(15 * time.Minute)
		}
		if orphans, _ := left(w, nil); len(orphans) > 0 {
			t.Errorf("left: %v", orphans)
		}
		if text := wronged(w); text != "" {
			t.Errorf("wronged: %s", text)
		}
	})
}

// TestJobDuringSweep gives a runner whose run is over a job of another run, at and between all calls of the sweep. The
// sweep may be too late to see it; then GitHub refuses to remove the registration, and the machine stays. No job is
// lost.
func TestJobDuringSweep(t *testing.T) {
	t.Setenv("AWS_EC2_METADATA_DISABLED", "true")
	taken := 0
	for call := 1; call <= 14; call++ {
		for _, when := range []moment{before, during, after} {
			synctest.Test(t, func(t *testing.T) {
				f := sweeping()
				w := newWorld(f)
				s := f.begin(t.Context(), w)
				p := newProcess(t.Context(), w, blow{call: call, moment: when})
				defer p.cancel(nil)
				p.wire.instead = func() { w.RunJob(s.label, 20*time.Minute) }
				o := sweepOnce(p)
				<-time.After(5 * time.Minute)
				for _, job := range w.Jobs() {
					switch job.State {
					case "lost":
						t.Errorf("a job that came %s call %d is lost: %v", when, call, o.err)
					case "running":
						taken++
					}
				}
				if text := wronged(w); text != "" {
					t.Errorf("%s call %d: wronged: %s", when, call, text)
				}
			})
		}
	}
	if taken == 0 {
		t.Error("no job was taken, so nothing is proved")
	}
}
