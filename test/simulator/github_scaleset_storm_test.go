package simulator_test

import (
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/actions/scaleset"

	"github.com/marqo-ai/ec2-github-runner/test/simulator"
)

// TestScaleSetStorm serves four hundred jobs of ten sets at once, each set by a listener of its own that knows the
// statistics alone: all are done, none twice, no set is over its capacity, and nothing is left.
func TestScaleSetStorm(t *testing.T) {
	const sets, jobs, capacity = 10, 40, 15
	synctest.Test(t, func(t *testing.T) {
		w := simulator.New(simulator.Config{Unlimited: true})
		var all sync.WaitGroup
		for n := range sets {
			name := fmt.Sprintf("set-%d", n)
			for range jobs {
				w.QueueScaleSetJob(name, simulator.ScaleSetJob{Duration: 5 * time.Minute})
			}
			all.Go(func() { listen(t, w, name, capacity, jobs) })
		}
		all.Wait()
		for _, j := range w.Jobs() {
			if j.State != "done" || j.Assignments != 1 {
				t.Errorf("job %+v", j)
			}
		}
		pause(t.Context(), time.Minute)
		if _, runners := w.Leftovers(); len(runners) > 0 {
			t.Errorf("%d registrations are left", len(runners))
		}
		noSurprises(t, w)
	})
}

// listen serves a set until so many jobs are done.
func listen(t *testing.T, w *simulator.World, name string, capacity, jobs int) {
	ctx, c := t.Context(), setClient(t, w)
	set := newSet(t, c, name)
	session := must[*scaleset.MessageSessionClient](t)(c.MessageSessionClient(ctx, set.ID, "host-1"))
	last, started, done := 0, 0, 0
	for done < jobs {
		m := must[*scaleset.RunnerScaleSetMessage](t)(session.GetMessage(ctx, last, capacity))
		if m == nil {
			continue
		}
		last = m.MessageID
		done += len(m.JobCompletedMessages)
		if m.Statistics.TotalAssignedJobs > capacity {
			t.Errorf("%s has %d jobs", name, m.Statistics.TotalAssignedJobs)
		}
		for ; started < done+m.Statistics.TotalAssignedJobs; started++ {
			runner := fmt.Sprintf("%s-%d", name, started)
			jit := must[*scaleset.RunnerScaleSetJitRunnerConfig](t)(c.GenerateJitRunnerConfig(ctx,
				&scaleset.RunnerScaleSetJitRunnerSetting{Name: runner}, set.ID))
			w.AttachGuest("i-"+runner, 0, []byte("./run.sh --jitconfig "+jit.EncodedJITConfig))
		}
		if err := session.DeleteMessage(ctx, m.MessageID); err != nil {
			t.Error(err)
		}
	}
	if err := session.Close(ctx); err != nil {
		t.Error(err)
	}
}
