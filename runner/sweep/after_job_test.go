package sweep

import (
	"strconv"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/marqo-ai/ec2-github-runner/ec2"
	"github.com/marqo-ai/ec2-github-runner/github"
	"github.com/marqo-ai/ec2-github-runner/runner/tags"
	"github.com/marqo-ai/ec2-github-runner/runner/tags/key"
)

// afterJob is the life of a machine that stays after its job and does not end by itself, in minutes from its launch.
type afterJob struct {
	stays, grace        int
	ends, gone          int // its job, and then its registration
	over                int // its run; 0 where it goes on
	expires             int // 0 for never
	between             int // sweeps
	glitch, dark, dark2 int // sweeps to which GitHub shows no runner of that name, or nothing
}

func drawAfterJob(t *rapid.T) afterJob {
	l := afterJob{
		stays: rapid.IntRange(1, 60).Draw(t, "stays"), grace: rapid.IntRange(1, 20).Draw(t, "grace"),
		ends: rapid.IntRange(10, 60).Draw(t, "job ends"), between: rapid.IntRange(1, 20).Draw(t, "between sweeps"),
		glitch: rapid.IntRange(0, 6).Draw(t, "glitch"), dark: rapid.IntRange(0, 12).Draw(t, "dark"),
		dark2: rapid.IntRange(0, 12).Draw(t, "dark too"),
	}
	l.gone = l.ends + rapid.IntRange(0, min(2, l.grace)).Draw(t, "deregistered late")
	if rapid.Bool().Draw(t, "is over") {
		l.over = l.ends + rapid.IntRange(0, 30).Draw(t, "over after")
	}
	if rapid.Bool().Draw(t, "expires") {
		l.expires = rapid.IntRange(20, 200).Draw(t, "expires at")
	}
	if after := l.glitch + 1; after*l.between >= l.ends || after == l.dark || after == l.dark2 {
		l.glitch = 0 // no look has shown that the runner is there all the same
	}
	return l
}

// look is what a sweep sees at a minute.
func (l afterJob) look(minute, sweep int) facts {
	f := facts{state: runnerBusy, run: runGoesOn, runner: github.Runner{ID: 1}, named: true}
	if l.over > 0 && minute >= l.over {
		f.run = runOver
	}
	switch {
	case sweep == l.dark || sweep == l.dark2:
		return facts{state: runnerUnseen}
	case minute >= l.gone, sweep == l.glitch && minute < l.ends:
		f.state, f.runner = runnerGone, github.Runner{}
	case minute >= l.ends:
		f.state = runnerOffline
	}
	return f
}

// TestAfterJobProperties: whatever sweeps see, and when, a machine that stays after its job is not ended before its
// minutes are over, but at its expires-at; and soon after them it is.
func TestAfterJobProperties(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		l := drawAfterJob(t)
		at := func(minute int) time.Time { return surveyed.Add(time.Duration(minute) * time.Minute) }
		i := ec2.Instance{ID: "i-1", State: ec2.Running, LaunchTime: surveyed, Tags: map[string]string{
			key.Scope: ourScope, key.Repository: ourRepository, key.Mode: tags.ModeStart, key.RunID: "1",
			key.DueAt: tags.Stamp(at(5)), key.KeepAfterJob: strconv.Itoa(l.stays),
		}}
		if l.expires > 0 {
			i.Tags[key.ExpiresAt] = tags.Stamp(at(l.expires))
		}
		// A young machine is left alone. The look that misses the runner, two in the dark, and the first one when the
		// minutes and a grace are over.
		latest := max(l.gone, l.over, l.grace) + l.stays + l.grace + 4*l.between
		sweeps := 0
		for minute := l.between; ; minute += l.between {
			sweeps++
			s := &survey{now: at(minute), grace: time.Duration(l.grace) * time.Minute, scope: ourScope,
				repository: ourRepository}
			v := s.judge(i, l.look(minute, sweeps))
			expired := l.expires > 0 && minute >= max(l.expires, l.grace)
			switch v.act {
			case Marked:
				i.Tags[key.SuspectSince] = tags.Stamp(s.now)
			case Unmarked:
				delete(i.Tags, key.SuspectSince)
			case Terminated:
				if !expired && minute < l.ends+l.stays {
					t.Fatalf("%+v: ended at minute %d: %s", l, minute, v.why)
				}
				return
			}
			if minute > latest || expired && l.look(minute, sweeps).state != runnerBusy &&
				l.look(minute, sweeps).state != runnerUnseen {
				t.Fatalf("%+v: at minute %d it is %s: %s", l, minute, v.act, v.why)
			}
		}
	})
}
