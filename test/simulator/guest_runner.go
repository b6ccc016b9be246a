package simulator

import (
	"errors"
	"time"
)

// fails is the course of a machine that never becomes a runner.
func (g *guest) fails() {
	for _, line := range g.rule.complaint() {
		g.say("%s", line)
	}
	switch g.rule.Fault {
	case GuestNoNetwork, GuestNeverRegisters, GuestNoRoute:
		return
	}
	if g.set.ours {
		g.failed()
	}
}

// failed ends a machine whose setup failed, after the time for which it is to stay for inspection.
func (g *guest) failed() {
	g.broken = true
	g.later(g.set.keepFailed, g.powerOff)
}

// register goes the way of the token or of the JIT configuration.
func (g *guest) register() {
	hub, timing := g.w.hub, g.w.cfg.Timing
	if g.set.jit != "" {
		g.later(timing.Listen, func() {
			r := hub.blobs[jitKey(g.set.jit)]
			if r == nil {
				g.say("error: the registration of the JIT configuration does not exist")
				return
			}
			g.online(r)
		})
		return
	}
	g.later(timing.Config, func() {
		r, err := hub.configure(g.set)
		if errors.Is(err, errNameTaken) && g.set.other != "" { // the name of its own, which config.sh may replace
			g.set.name, g.set.other, g.set.replace = g.set.other, "", true
			g.later(timing.Config, g.register)
			return
		}
		if err != nil {
			g.say("error: config.sh: %v", err)
			if g.set.ours {
				g.failed()
			}
			return
		}
		g.runner, g.key = r, r.key
		g.say("configured runner %s (%.1f s)", r.name, g.age())
		g.later(timing.Listen, func() { g.online(r) })
	})
}

// online is when the runner listens for jobs.
func (g *guest) online(r *runner) {
	if r == nil || r.gone {
		return
	}
	if r.key != g.key { // somebody has replaced the registration: its key is another machine's
		g.say("error: the registration of runner %s was replaced by another machine", r.name)
		return
	}
	g.runner, g.told = r, true
	r.machine, r.online, r.idleSince, r.version, r.os = g, true, g.w.now, g.w.cfg.RunnerVersion, "linux"
	if r.jit && g.set.ephemeral {
		r.ephemeral = true
	}
	r.takesNone = g.rule.Fault == GuestTakesNoJob
	if r.set != nil {
		r.set.recordStatistics()
	}
	g.say("runner %s is online (%.1f s)", r.name, g.age())
	g.watchIdle()
	g.w.hub.assign()
}

// watchIdle plans the end of a machine that gets no job for too long.
func (g *guest) watchIdle() {
	r := g.runner
	since := r.idleSince
	if g.set.idleTimeout <= 0 {
		return
	}
	g.later(g.set.idleTimeout, func() {
		if !r.busy && !g.ended && r.idleSince.Equal(since) {
			g.say("powering off: no job for %d s (%.2f s)", int(g.set.idleTimeout.Seconds()), g.age())
			g.powerOff()
		}
	})
}

// endLifetime ends a machine that has lived for as long as it may.
func (g *guest) endLifetime() {
	g.say("powering off: it has lived for %d s (%.2f s)", int(g.age()), g.age())
	g.powerOff()
}

// report writes what a job of so long has used, if the user data asks for that. The rule has further words of it.
func (g *guest) report(took time.Duration, state string) {
	if !g.set.jobReport {
		return
	}
	const usual = "cores=4 cpu=41 cpu_peak=99 steal=0 steal_peak=1 load=210 memory=16567500 memory_peak=5242880 " +
		"killed=0 swap=0 swap_peak=0 disk=52428800 disk_peak=20971520 inodes=7"
	g.jobs++
	g.say("job report: job=%d seconds=%d %s state=%s (%.2f s)", g.jobs, int(took.Seconds()),
		orText(g.rule.Report, usual), state, g.age())
}

// jobEnded is called when the machine's runner has done a job.
func (g *guest) jobEnded(r *runner) {
	g.report(g.w.now.Sub(r.jobBegan), "ended")
	r.idleSince = g.w.now
	if r.ephemeral {
		if late := g.w.cfg.Timing.Deregister; late > 0 {
			r.online = false
			g.w.after(late, func() { g.w.hub.remove(r) })
		} else {
			g.w.hub.remove(r)
		}
		g.say("runner %s has done its job (%.1f s)", r.name, g.age())
		g.runnerEnds()
		return
	}
	if g.overdue {
		g.endLifetime()
		return
	}
	g.watchIdle()
	g.w.hub.assign()
}
