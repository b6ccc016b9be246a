package serve

import (
	"runtime"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"pgregory.net/rapid"

	"github.com/marqo-ai/ec2-github-runner/ec2"
	"github.com/marqo-ai/ec2-github-runner/serve/config"
	"github.com/marqo-ai/ec2-github-runner/serve/queue"
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

// TestDemand holds launches within the maximum, and to what is needed.
func TestDemand(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		d := demand{max: rapid.IntRange(1, 20).Draw(t, "max"), assigned: rapid.IntRange(0, 40).Draw(t, "assigned"),
			working: rapid.IntRange(0, 20).Draw(t, "working")}
		d.min = rapid.IntRange(0, d.max).Draw(t, "min")
		d.living = d.working + rapid.IntRange(0, 5).Draw(t, "done")
		d.launching = rapid.IntRange(0, d.working).Draw(t, "launching")
		n := toLaunch(d, pause{}, looked)
		switch {
		case n > 0 && d.living+n > d.max:
			t.Fatalf("%+v: %d launches make more machines than the maximum", d, n)
		case n > 0 && d.working+n > d.min+d.assigned:
			t.Fatalf("%+v: %d launches make more machines than are needed", d, n)
		case n > 0 && d.surplus() > 0:
			t.Fatalf("%+v: %d launches, and %d too many", d, n, d.surplus())
		case n == 0 && d.living < d.max && d.working < d.desired():
			t.Fatalf("%+v: nothing is launched", d)
		}
		held := pause{until: looked.Add(time.Minute), wait: time.Minute}
		if toLaunch(d, held, looked) != 0 || toLaunch(d, held, looked.Add(time.Hour)) > 1 {
			t.Fatalf("%+v: launches in a pause, or more than one to try", d)
		}
		if told := capacity(d, held); told > d.working || told > d.max || capacity(d, pause{}) != d.max {
			t.Fatalf("%+v: GitHub is told %d", d, told)
		}
	})
}

// TestPause: pauses begin at a quarter of a minute, double to five minutes, and begin anew where something else is
// refused.
func TestPause(t *testing.T) {
	t.Parallel()
	var p pause
	for _, want := range []time.Duration{15 * time.Second, 30 * time.Second, time.Minute, 2 * time.Minute,
		4 * time.Minute, 5 * time.Minute, 5 * time.Minute} {
		if p = p.next(looked, false, "", 0.5); p.wait != want || p.until != looked.Add(want) {
			t.Errorf("wait %s until %s, want %s", p.wait, p.until, want)
		}
	}
	if p = p.next(looked, true, "", 1); p.wait != 5*time.Minute || p.until != looked.Add(5*time.Minute) {
		t.Errorf("fatal: %+v", p)
	}
	if p = p.next(looked, false, "", 0); p.wait != 15*time.Second {
		t.Errorf("after a fatal one: %+v", p)
	}
}

// TestTurns: each set gets its turn, however many wait of another.
func TestTurns(t *testing.T) {
	t.Parallel()
	turns := newTurns()
	var back []func()
	for range maxTurns {
		giveBack, err := turns.take(t.Context(), "storm")
		if err != nil {
			t.Fatal(err)
		}
		back = append(back, giveBack)
	}
	got := make(chan string, 20)
	wait := func(set string) {
		before := turns.count(set)
		go func() {
			if _, err := turns.take(t.Context(), set); err == nil {
				got <- set
			}
		}()
		for turns.count(set) == before {
			runtime.Gosched()
		}
	}
	for range 5 {
		wait("storm")
	}
	wait("quiet")
	var order []string
	for range 3 {
		back[len(order)]()
		order = append(order, <-got)
	}
	if order[1] != "quiet" {
		t.Errorf("turns went to %v", order)
	}
}

// count is how many of a set wait.
func (t *turns) count(set string) int {
	t.mu.Lock()
	defer t.mu.Unlock()
	return len(t.waiting[set])
}

// TestNames: a set's runners are told from strangers, and names are as long as GitHub takes.
func TestNames(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		set := rapid.StringMatching(`[A-Za-z0-9._-]{1,90}`).Draw(t, "set")
		name := newName("here", set)
		if len(name) > 64 || !isNameOf("here", set, name) || isNameOf("here", set+"x", name) ||
			isNameOf("there", set, name) || isNameOf("here", set, name+"x") || isNameOf("here", set, "ec2-"+set) {
			t.Fatalf("name %s of set %s", name, set)
		}
	})
}

// TestJobAgain: a message that comes again changes nothing.
func TestJobAgain(t *testing.T) {
	t.Parallel()
	server, err := New(t.Context(), config.File{GitHub: config.GitHub{URL: "https://github.com/org/repo"}},
		Options{Cloud: ec2.New(aws.Config{Region: "us-east-1"})})
	if err != nil {
		t.Fatal(err)
	}
	set, err := server.newSet(config.Set{Name: "a", Max: 1})
	if err != nil {
		t.Fatal(err)
	}
	s := set.fleet
	r := &runner{name: "ec2-a-1", instance: ec2.Instance{ID: "i-1"}}
	s.runners[r.name] = r
	job := queue.Job{ID: "1", RunnerName: r.name}
	s.jobStarted(job, looked)
	s.jobStarted(job, looked.Add(time.Minute))
	s.jobCompleted(job, looked.Add(2*time.Minute))
	s.jobCompleted(job, looked.Add(3*time.Minute))
	s.jobStarted(job, looked.Add(4*time.Minute))
	if r.started != looked || r.done != looked.Add(2*time.Minute) || r.isBusy(looked.Add(4*time.Minute)) {
		t.Errorf("started %s, done %s, busy %t", r.started, r.done, r.isBusy(looked.Add(4*time.Minute)))
	}
	s.jobCompleted(queue.Job{ID: "2", Result: "canceled"}, looked) // no runner had it
}

// TestAsksOften: one of the sets that wait for their session asks often, and it is one that waits.
func TestAsksOften(t *testing.T) {
	t.Parallel()
	s := newStandbys()
	if !s.join("b") || s.join("c") || !s.join("b") {
		t.Error("b, which waits for the longest time, is not the one that asks often")
	}
	s.leave("a")
	s.leave("b")
	if !s.join("c") || s.join("b") {
		t.Error("c does not ask often after b has stopped waiting")
	}
}

// TestSessionFreed: a set that gets its session wakes all that wait, and those that wait later are not woken by it.
func TestSessionFreed(t *testing.T) {
	t.Parallel()
	s := newStandbys()
	before := s.sessionFreed()
	s.announce()
	select {
	case <-before:
	default:
		t.Error("who waited is not woken")
	}
	select {
	case <-s.sessionFreed():
		t.Error("who waits since is woken too")
	default:
	}
}

// TestTimesBeginWithTurn: a machine's times begin when it is its turn to be launched, however long that took in a
// storm.
func TestTimesBeginWithTurn(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		server, err := New(t.Context(), config.File{GitHub: config.GitHub{URL: "https://github.com/org/repo",
			TokenFile: "none"}}, Options{Cloud: ec2.New(aws.Config{Region: "us-east-1"})})
		if err != nil {
			t.Fatal(err)
		}
		var back []func()
		for range maxTurns {
			giveBack, err := server.turns.take(t.Context(), "us-east-1", "storm")
			if err != nil {
				t.Fatal(err)
			}
			back = append(back, giveBack)
		}
		s, err := server.newSet(config.Set{Name: "a", Max: 1})
		if err != nil {
			t.Fatal(err)
		}
		s.launcher.begin(t.Context(), time.Now())
		var r *runner
		for _, r = range s.fleet.runners {
		}
		<-time.After(20 * time.Minute)
		back[0]()
		s.work.Wait() // the launch fails: there is no token
		if want := time.Now().Add(dueTime); !r.due.Equal(want) || !r.expires.Equal(time.Now().Add(lifetime)) {
			t.Errorf("due %s, expires %s, want %s", r.due, r.expires, want)
		}
	})
}
