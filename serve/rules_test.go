package serve

import (
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/marqo-ai/ec2-github-runner/ec2"
)

var looked = time.Date(2026, 11, 1, 12, 0, 0, 0, time.UTC)

// anyTime draws a time before the look, or none.
func anyTime(t *rapid.T, name string) time.Time {
	if rapid.Bool().Draw(t, name) {
		return time.Time{}
	}
	return looked.Add(-time.Duration(rapid.IntRange(0, 900).Draw(t, name+" ago")) * time.Second)
}

func anyRunner(t *rapid.T) *runner {
	r := &runner{
		name: "ec2-a-00000000", id: rapid.Int64Range(0, 3).Draw(t, "id"),
		launching: rapid.Bool().Draw(t, "launching"), over: rapid.Bool().Draw(t, "over"),
		state: rapid.SampledFrom([]runnerState{runnerUnseen, runnerGone, runnerOffline, runnerIdle,
			runnerBusy}).Draw(t, "state"),
		idle: anyTime(t, "idle"), offline: anyTime(t, "offline"), gone: anyTime(t, "gone"), done: anyTime(t, "done"),
		absent: anyTime(t, "absent"), online: anyTime(t, "online"), started: anyTime(t, "started"),
		due:     looked.Add(time.Duration(rapid.IntRange(-600, 600).Draw(t, "due")) * time.Second),
		expires: looked.Add(time.Duration(rapid.IntRange(-600, 600).Draw(t, "expires")) * time.Second),
		shows:   looked.Add(time.Duration(rapid.IntRange(-600, 600).Draw(t, "shows")) * time.Second),
	}
	if rapid.Bool().Draw(t, "machine") {
		r.instance = ec2.Instance{ID: "i-1", State: ec2.Running}
	}
	return r
}

// TestNothingIsWronglyEnded: what is at work, on its way, or could not be seen is never ended.
func TestNothingIsWronglyEnded(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		r := anyRunner(t)
		v := view{now: looked, listed: rapid.Bool().Draw(t, "listed"), surplus: rapid.Bool().Draw(t, "surplus"),
			waiting: rapid.Bool().Draw(t, "waiting"), doubled: rapid.Bool().Draw(t, "doubled")}
		act, why := judge(v, r)
		machineOver := r.over || !r.absent.IsZero() && looked.Sub(r.absent) >= absentTime
		switch {
		case act == spared:
		case r.launching:
			t.Fatalf("it is being launched, and it is %s: %s", act, why)
		case !v.listed:
			t.Fatalf("its registration could not be seen, and it is %s: %s", act, why)
		case act == forgotten && r.state != runnerGone:
			t.Fatalf("it is registered, and it is forgotten: %s", why)
		case act == deregistered && r.instance.ID != "" && !machineOver:
			t.Fatalf("its machine lives, and it is %s: %s", act, why)
		case act == ended && r.instance.ID == "":
			t.Fatalf("it has no machine, and it is ended: %s", why)
		case act == ended && r.state == runnerBusy && r.done.IsZero():
			t.Fatalf("a job runs on it, and it is ended: %s", why)
		case act == ended && r.state == runnerIdle && r.done.IsZero() && looked.Before(r.expires) && !v.surplus &&
			!v.waiting:
			t.Fatalf("it is idle and needed, and it is ended: %s", why)
		case act == ended && r.state == runnerOffline && r.done.IsZero() && looked.Before(r.due) &&
			looked.Before(r.expires) && !v.doubled:
			t.Fatalf("it is on its way, and it is ended: %s", why)
		}
	})
}

// TestEverythingEnds: what nothing will use is ended or forgotten when enough time has passed and everything is seen.
func TestEverythingEnds(t *testing.T) {
	t.Parallel()
	long := looked.Add(-time.Hour)
	for name, r := range map[string]*runner{
		"a machine whose job is over":          {instance: ec2.Instance{ID: "i-1"}, state: runnerGone, done: long},
		"a machine whose registration is gone": {instance: ec2.Instance{ID: "i-1"}, state: runnerGone, gone: long},
		"a machine that never came online":     {instance: ec2.Instance{ID: "i-1"}, state: runnerOffline, due: long},
		"a machine that is offline": {instance: ec2.Instance{ID: "i-1"}, state: runnerOffline, online: long,
			offline: long},
		"an idle machine whose time is over": {instance: ec2.Instance{ID: "i-1"}, state: runnerIdle, expires: long},
		"a machine that EC2 has ended":       {instance: ec2.Instance{ID: "i-1"}, state: runnerOffline, over: true},
		"a machine that EC2 does not show": {instance: ec2.Instance{ID: "i-1"}, state: runnerOffline,
			absent: long},
		"a registration without a machine":      {state: runnerOffline, shows: long},
		"a registration that is gone":           {state: runnerGone, gone: long},
		"a busy runner whose machine has ended": {instance: ec2.Instance{ID: "i-1"}, state: runnerBusy, over: true},
	} {
		if act, why := judge(view{now: looked, listed: true}, r); act == spared {
			t.Errorf("%s is spared: %s", name, why)
		}
	}
}
