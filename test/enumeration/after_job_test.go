package enumeration

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"github.com/marqo-ai/ec2-github-runner/runner"
	"github.com/marqo-ai/ec2-github-runner/test/simulator"
)

// afterJobLife is what happens to the machine of a single-use runner that stays after its job.
type afterJobLife struct {
	stays      time.Duration // keep-after-job-minutes
	shows      bool          // it can read its tags
	stuck      bool          // it does not terminate itself: only a sweep does
	job        time.Duration
	offset     time.Duration // of the schedule of sweeps
	deregister time.Duration // how late GitHub removes the registration
	over       time.Duration // from the end of the job to that of its run; 0 for a run that goes on
	dark       int           // the number of the sweep that cannot list GitHub's runners; 0 for none
	denied     bool          // sweeps may not tag
}

func drawAfterJobLife(t *rapid.T) afterJobLife {
	minutes := func(least, most int, name string) time.Duration {
		return time.Duration(rapid.IntRange(least, most).Draw(t, name)) * time.Minute
	}
	l := afterJobLife{
		stays: minutes(1, 60, "stays"), shows: rapid.Bool().Draw(t, "shows tags"),
		stuck: rapid.Bool().Draw(t, "does not end by itself"), job: minutes(1, 30, "job"),
		offset:     time.Duration(rapid.IntRange(0, 599).Draw(t, "sweeps begin after")) * time.Second,
		deregister: time.Duration(rapid.IntRange(0, 90).Draw(t, "deregistered after")) * time.Second,
		dark:       rapid.IntRange(0, 8).Draw(t, "sweep without an answer"),
		denied:     rapid.Bool().Draw(t, "may not tag"),
	}
	if rapid.Bool().Draw(t, "run is over") {
		l.over = time.Duration(rapid.IntRange(1, 1200).Draw(t, "over after")) * time.Second
	}
	return l
}

// lifetime is when the machine must have ended in any case.
const lifetime = 100 * time.Minute

// least returns how long the machine must stay after its job. A sweep that cannot tag what it saw terminates it with
// its run.
func (l afterJobLife) least() time.Duration {
	if l.denied && l.over > 0 {
		return min(l.over, l.stays)
	}
	return l.stays
}

// latest returns until when the machine must have ended, after its job.
func (l afterJobLife) latest() time.Duration {
	const between, grace = 10 * time.Minute, 10 * time.Minute
	switch {
	case !l.stuck:
		return l.stays + 2*time.Minute
	case l.denied && l.over == 0: // a sweep that cannot note what it saw ends it at its expires-at
		return lifetime
	}
	// The look that tags it, one without an answer, and the first one after its minutes and the grace period.
	return l.stays + grace + 4*between
}

// afterJobLives is the number of trials. TestAfterJobProperties of runner/sweep covers many more.
const afterJobLives = 40

// TestKeptAfterJobLives: whatever happens to a machine that stays for some minutes after its job, no sweep terminates
// it before they are over, during its run and afterwards, and it does not outlive them.
func TestKeptAfterJobLives(t *testing.T) {
	t.Setenv("AWS_EC2_METADATA_DISABLED", "true")
	for seed := range afterJobLives {
		l := rapid.Custom(drawAfterJobLife).Example(seed)
		synctest.Test(t, func(t *testing.T) {
			if wrong := l.live(t.Context()); wrong != "" {
				t.Errorf("%+v: %s", l, wrong)
			}
		})
	}
}

// live returns what goes wrong in this life, or "".
func (l afterJobLife) live(ctx context.Context) string {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	w, label := l.begin(ctx)
	w.RunJob(label, l.job)
	ended, run := time.Now().Add(l.job), "in_progress"
	next, sweeps := time.Now().Add(l.offset), 0
	for {
		<-time.After(30 * time.Second)
		after := time.Since(ended)
		if l.over > 0 && after >= l.over && run != "completed" {
			run = "completed"
			w.SetRun(simulator.Run{ID: 4711, Status: run, Conclusion: "failure"})
		}
		if !time.Now().Before(next) {
			next, sweeps = next.Add(10*time.Minute), sweeps+1
			if err := l.sweep(ctx, w, sweeps == l.dark); err != nil {
				return err.Error()
			}
		}
		instances, _ := w.Leftovers()
		switch alive := len(instances) > 0; {
		case !alive && after < l.least():
			return fmt.Sprintf("%s after its job it is already gone", after)
		case alive && after > l.latest():
			return fmt.Sprintf("%s after its job it is still there", after)
		case !alive && after > l.latest():
			return wronged(w)
		}
	}
}

// begin starts the runner and returns its label.
func (l afterJobLife) begin(ctx context.Context) (w *simulator.World, label string) {
	f := flow{deregister: l.deregister}
	if l.stuck {
		f.guests = []simulator.GuestRule{{Fault: simulator.GuestGhost}}
	}
	w = newWorld(f)
	s := startedBy(ctx, w, func(r *runner.StartRequest) {
		r.JIT, r.Ephemeral, r.KeepAfterJob, r.MaxLifetime = true, true, l.stays, lifetime
		if l.shows {
			showingTags(r)
		}
	})
	return w, s.label
}

// sweep runs one sweep. With dark, GitHub does not list its runners.
func (l afterJobLife) sweep(ctx context.Context, w *simulator.World, dark bool) error {
	p := newProcess(ctx, w, blow{})
	defer p.cancel(nil)
	defer w.ClearFaults()
	if l.denied {
		w.AddFault(simulator.Fault{Match: simulator.Match{Operation: "CreateTags"}, Effect: simulator.EffectError,
			Status: 403, Code: "UnauthorizedOperation"})
	}
	if !dark {
		return sweepOnce(p).err
	}
	w.AddFault(simulator.Fault{Match: simulator.Match{Operation: "actions/*runner*"}, Effect: simulator.EffectError,
		Status: 404})
	if sweepOnce(p).err == nil {
		return errors.New("a sweep that could not list the runners does not report it")
	}
	return nil
}
