package rerun

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/marqo-ai/ec2-github-runner/ec2"
	"github.com/marqo-ai/ec2-github-runner/github"
	"github.com/marqo-ai/ec2-github-runner/runner/tags/key"
)

func drawLoss(t *rapid.T, run string) loss {
	return loss{
		instance: rapid.StringMatching(`i-[0-9a-f]{4}`).Draw(t, "instance"), run: run,
		attempt:   rapid.IntRange(1, 3).Draw(t, "attempt"),
		runner:    rapid.SampledFrom([]string{"ec2-a", "ec2-b", "ec2-c"}).Draw(t, "runner"),
		startedBy: rapid.SampledFrom([]string{"", "hosted 1", "hosted 2"}).Draw(t, "started by"),
		runnerID:  rapid.Int64Range(0, 2).Draw(t, "its runner's id"), ended: drawMinute(t, "machine ended"),
	}
}

// drawMinute draws a time within half an hour, or none.
func drawMinute(t *rapid.T, name string) time.Time {
	minute := rapid.IntRange(0, 30).Draw(t, name)
	if minute == 0 {
		return time.Time{}
	}
	return time.Date(2026, 11, 30, 12, minute, 0, 0, time.UTC)
}

// mayBeInterrupted reports whether what is known of a job leaves open that it failed since the machine was reclaimed.
func mayBeInterrupted(l loss, j github.Job) bool {
	its := j.RunnerName == l.runner && (l.runnerID*j.RunnerID == 0 || l.runnerID == j.RunnerID)
	timed := !l.ended.IsZero() && !j.Started.IsZero() && !j.Ended.IsZero()
	return j.Failed && its && (!timed || l.ended.Sub(j.Ended) <= 5*time.Minute && l.ended.Sub(j.Started) >= 0)
}

func drawView(t *rapid.T) view {
	job := rapid.Custom(func(t *rapid.T) github.Job {
		return github.Job{
			ID: rapid.Int64Range(1, 9).Draw(t, "id"),
			RunnerName: rapid.SampledFrom([]string{"", "ec2-a", "ec2-b", "hosted 1", "hosted 2"}).Draw(t,
				"runner name"),
			RunnerID: rapid.Int64Range(0, 2).Draw(t, "runner id"), Failed: rapid.IntRange(0, 3).Draw(t, "failed") > 0,
			Started: drawMinute(t, "started"), Ended: drawMinute(t, "ended"),
		}
	})
	return view{
		gone: rapid.Bool().Draw(t, "gone"),
		run: github.WorkflowRun{Completed: rapid.Bool().Draw(t, "run completed"),
			Cancelled: rapid.Bool().Draw(t, "cancelled"), Succeeded: rapid.Bool().Draw(t, "run succeeded"),
			Attempt: rapid.IntRange(1, 4).Draw(t, "run attempt")},
		jobs: rapid.SliceOfN(job, 0, 6).Draw(t, "jobs"),
	}
}

// TestDecideProperties: no run is run again that EC2 did not interrupt, that a user cancelled, that is not over, that
// has had its attempts or that has a newer attempt; otherwise the one job that started all the machines runs again, or
// the whole run.
func TestDecideProperties(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		losses := rapid.SliceOfN(rapid.Custom(func(t *rapid.T) loss { return drawLoss(t, "4711") }), 1, 4).Draw(t,
			"losses")
		group := byRun(losses)[0]
		seen, most := drawView(t), rapid.IntRange(1, 3).Draw(t, "most")
		got := decide(group, seen, most)
		var failed []loss
		for _, l := range group {
			if l.attempt != group[0].attempt {
				t.Fatalf("a group of two attempts: %v", group)
			}
			if slices.ContainsFunc(seen.jobs, func(j github.Job) bool { return mayBeInterrupted(l, j) }) {
				failed = append(failed, l)
			}
		}
		may := !seen.gone && seen.run.Completed && !seen.run.Cancelled && !seen.run.Succeeded &&
			seen.run.Attempt == group[0].attempt && group[0].attempt <= most && len(failed) > 0
		if got.Decided != may {
			t.Fatalf("decided %t, want %t: %s", got.Decided, may, got.Why)
		}
		if got.Why == "" {
			t.Fatal("there is no reason")
		}
		if got.Job == 0 {
			return
		}
		for _, l := range failed {
			for _, j := range seen.jobs {
				if j.RunnerName == l.startedBy && j.ID != got.Job || l.startedBy == "" {
					t.Fatalf("only job %d runs again, but %v was started by %q", got.Job, l, l.startedBy)
				}
			}
		}
	})
}

// TestOncePerLoss: in whatever order sweeps see things, a loss is answered once: the attempt that the answer begins is
// not the one in the tags of the lost machine.
func TestOncePerLoss(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		seen := drawView(t)
		group := byRun([]loss{drawLoss(t, "4711")})[0]
		answers := 0
		for range rapid.IntRange(1, 5).Draw(t, "sweeps") {
			if decide(group, seen, 50).Decided {
				answers++
				seen.run.Attempt++
				seen.run.Completed = rapid.Bool().Draw(t, "completed by the next sweep")
			}
		}
		if answers > 1 {
			t.Fatalf("the loss was answered %d times", answers)
		}
	})
}

// TestLossOf: a machine whose tags name no attempt and runner is not a loss.
func TestLossOf(t *testing.T) {
	whole := map[string]string{key.RunID: "4711", key.RunAttempt: "2", key.RunnerName: "ec2-a",
		key.StartedBy: "hosted 1"}
	for _, c := range []struct {
		key, value string
		known      bool
	}{
		{"", "", true}, {key.StartedBy, "", true}, {key.RunID, "", false}, {key.RunAttempt, "", false},
		{key.RunAttempt, "x", false}, {key.RunAttempt, "0", false}, {key.RunnerName, "", false},
		{key.Slots, "3", false},
	} {
		t.Run(fmt.Sprint(c.key, "=", c.value), func(t *testing.T) {
			given := map[string]string{c.key: c.value}
			for key, value := range whole {
				if key != c.key {
					given[key] = value
				}
			}
			l, known := lossOf(ec2.Interrupted{InstanceID: "i-1", Tags: given})
			if known != c.known || known && (l.run != "4711" || l.attempt != 2 || l.runner != "ec2-a") {
				t.Errorf("%+v, %t, want known %t", l, known, c.known)
			}
		})
	}
}
