package enumeration

import (
	"context"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"github.com/marqo-ai/ec2-github-runner/runner"
	"github.com/marqo-ai/ec2-github-runner/test/simulator"
)

// keptLife is what happens to a kept machine.
type keptLife struct {
	shows  bool          // it can read its tags
	sweeps bool          // a schedule of sweeps looks at it every ten minutes
	first  time.Duration // for how long the first stop keeps it
	reboot time.Duration // after the first stop; 0 for none
	again  time.Duration // after the first stop, the second one; 0 for none
	second time.Duration // for how long that keeps it; 0 ends it
}

func drawKeptLife(t *rapid.T) keptLife {
	minutes := func(least int, name string) time.Duration {
		return time.Duration(rapid.IntRange(least, 60).Draw(t, name)) * time.Minute
	}
	l := keptLife{shows: rapid.Bool().Draw(t, "shows tags"), sweeps: rapid.Bool().Draw(t, "sweeps"),
		first: minutes(1, "first stop's minutes")}
	if rapid.Bool().Draw(t, "rebooted") {
		l.reboot = minutes(1, "rebooted after")
	}
	if rapid.Bool().Draw(t, "stopped again") {
		l.again, l.second = minutes(1, "stopped again after"), minutes(0, "second stop's minutes")
	}
	return l
}

// until returns until when the machine is kept, after the first stop.
func (l keptLife) until() time.Duration {
	if l.again == 0 || l.again >= l.first { // over, according to its tags
		return l.first
	}
	return min(l.again+l.second, time.Hour)
}

// latest returns until when the machine must have ended, after the first stop.
func (l keptLife) latest() time.Duration {
	switch {
	case l.again > 0 && l.second == 0 && l.again < l.first:
		return l.again + time.Minute
	case l.shows:
		return l.until() + 3*time.Minute
	case l.sweeps:
		return max(l.until(), 10*time.Minute) + 12*time.Minute // a young machine is spared for ten minutes
	}
	return time.Hour + 4*time.Minute
}

// TestKeptLives: whatever happens to a kept machine, it stays for its minutes and does not outlive them, with and
// without sweeps.
func TestKeptLives(t *testing.T) {
	t.Setenv("AWS_EC2_METADATA_DISABLED", "true")
	rapid.Check(t, func(r *rapid.T) {
		l := drawKeptLife(r)
		if l.again >= l.first { // nothing is promised for a machine whose time is over
			l.again = 0
		}
		var wrong string
		synctest.Test(t, func(t *testing.T) { wrong = l.live(t.Context()) })
		if wrong != "" {
			r.Fatalf("%+v: %s", l, wrong)
		}
	})
}

// live returns what goes wrong in this life, minute by minute, or "".
func (l keptLife) live(ctx context.Context) string {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	f := keeping("a life", func(r *runner.StartRequest) {
		if l.shows {
			showingTags(r)
		}
	})
	w := newWorld(f)
	s := f.begin(ctx, w)
	if err := stopKeeping(ctx, w, s, l.first); err != nil {
		return err.Error()
	}
	w.SetRun(simulator.Run{ID: 4711, Status: "completed", Conclusion: "failure"})
	for minute := time.Minute; minute <= l.latest(); minute += time.Minute {
		<-time.After(time.Minute)
		if minute == l.reboot {
			w.RebootGuest(s.handoffs[0].InstanceID)
		}
		if minute == l.again {
			if err := stopKeeping(ctx, w, s, l.second); err != nil {
				return err.Error()
			}
		}
		if l.sweeps && minute%(10*time.Minute) == 0 {
			p := newProcess(ctx, w, blow{})
			o := sweepOnce(p)
			p.cancel(nil)
			if o.err != nil {
				return o.err.Error()
			}
		}
		isOver := l.again > 0 && minute >= l.again && l.second == 0
		if instances, _ := w.Leftovers(); len(instances) != 1 && minute < l.until()-time.Minute && !isOver {
			return fmt.Sprintf("after %s it is already gone", minute)
		}
	}
	<-time.After(time.Minute)
	if orphans, _ := left(w, nil); len(orphans) > 0 {
		return fmt.Sprintf("after %s there still is %v", l.latest(), orphans)
	}
	return wronged(w)
}

func stopKeeping(ctx context.Context, w *simulator.World, s *scene, d time.Duration) error {
	p := newProcess(ctx, w, blow{})
	defer p.cancel(nil)
	return stopFor(p, s, d)
}
