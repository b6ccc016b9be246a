package serve

import (
	"log/slog"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/marqo-ai/ec2-github-runner/ec2"
	"github.com/marqo-ai/ec2-github-runner/runner/diagnosis"
)

// Times between tries to launch while EC2 has nothing, and while it refuses what waiting does not change.
const (
	firstPause = 15 * time.Second
	maxPause   = 5 * time.Minute
)

// pause is how long a set launches nothing after a refusal, and why.
type pause struct {
	until time.Time
	wait  time.Duration // the last one; 0 while nothing is refused
	fatal bool          // waiting does not help
	why   string
	early bool      // machines end before their runners come online, so a launch alone proves nothing
	tried bool      // one machine was launched meanwhile, and its runner is not online yet
	since time.Time // when the last such machine ended
}

// next returns the pause after one more refusal, twice as long as the last. jitter is in [0, 1): the wait is between
// three quarters and five quarters of its length, so that sets do not ask at the same moment.
func (p pause) next(now time.Time, fatal bool, why string, jitter float64) pause {
	wait := firstPause
	switch {
	case fatal:
		wait = maxPause
	case p.wait > 0 && !p.fatal:
		wait = min(2*p.wait, maxPause)
	}
	spread := time.Duration((0.75 + jitter/2) * float64(wait))
	return pause{until: now.Add(min(spread, maxPause)), wait: wait, fatal: fatal, why: why}
}

// isOn reports whether the last answer was a refusal.
func (p pause) isOn() bool { return p.wait > 0 }

// pauses holds a set's launches back after refusals, and logs and records why.
type pauses struct {
	record *record
	log    *slog.Logger

	mu    sync.Mutex
	pause pause
}

// current returns the pause as it is now.
func (p *pauses) current() pause {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.pause
}

// resume ends the pause after a launch. If machines have ended early, it waits until the new one is online.
func (p *pauses) resume() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.pause.early {
		p.pause.tried, p.pause.until = true, time.Now().Add(spareTime)
		return
	}
	if p.pause.isOn() {
		p.log.Info("machines are launched again")
	}
	p.pause = pause{}
}

// judge pauses after a machine that EC2 has ended before its runner came online; ended is nil if there is none. During
// the pause one machine at a time is launched. A runner that has come online since ends the pause.
func (p *pauses) judge(now time.Time, ended *ec2.Instance, online time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.pause.early && online.After(p.pause.since) {
		p.log.Info("machines are launched again")
		p.pause = pause{}
	}
	if ended == nil || p.pause.isOn() && now.Before(p.pause.until) && !p.pause.tried {
		return
	}
	const message = "machines end before their runners come online, so jobs wait at GitHub"
	hint, was := diagnosis.StateHint(ended.StateReason), p.pause
	p.record.refused(now, message+": "+ended.StateReason, hint)
	p.pause = was.next(now, false, ended.StateReason, rand.Float64()) //nolint:gosec // spreads load, keeps no secret
	p.pause.early, p.pause.since = true, now
	if !was.early || was.why != ended.StateReason {
		p.log.Error(message, "machine", ended.ID, "reason", ended.StateReason, "hint", hint,
			"retry", p.pause.wait.String())
	}
}

// reset ends the pause because the file has another machine now, whose launch may not be refused.
func (p *pauses) reset() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.pause = pause{}
}

// hold pauses the set's launches after a refusal. It is logged once, and again where something else is refused.
func (p *pauses) hold(now time.Time, fatal bool, err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.record.refusedByGitHub(err)
	if p.pause.isOn() && now.Before(p.pause.until) {
		return // several launches were refused at the same time
	}
	reason, message, hint := reasonOf(err), holdMessage(fatal, err), launchHint(err)
	p.record.refused(now, message+": "+reason, hint)
	was := p.pause
	p.pause = was.next(now, fatal, reason, rand.Float64()) //nolint:gosec // spreads load, keeps no secret
	switch {
	case was.isOn() && was.fatal == fatal && was.why == reason && !fatal:
		return
	case fatal:
		p.log.Error(message, "error", reason, "hint", hint, "retry", p.pause.wait.String())
	default:
		p.log.Warn(message, "error", reason, "hint", hint, "retry", p.pause.wait.String())
	}
}
