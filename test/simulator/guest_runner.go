package simulator

import "errors"

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
	g.runner = r
	r.machine, r.online, r.idleSince, r.version, r.os = g, true, g.w.now, g.w.cfg.RunnerVersion, "linux"
	if r.jit && g.set.ephemeral {
		r.ephemeral = true
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
		if !r.busy && r.idleSince.Equal(since) {
			g.say("no job for %s", g.set.idleTimeout)
			g.powerOff()
		}
	})
}

// jobEnded is called when the machine's runner has done a job.
func (g *guest) jobEnded(r *runner) {
	r.idleSince = g.w.now
	if r.ephemeral {
		g.w.hub.remove(r)
		g.say("runner %s has done its job (%.1f s)", r.name, g.age())
		if g.set.ephemeral {
			g.powerOff()
		}
		return
	}
	if g.overdue {
		g.powerOff()
		return
	}
	g.watchIdle()
	g.w.hub.assign()
}

// deregistered is called when somebody removed the registration. The runner's process goes on trying, as the real one
// does.
func (g *guest) deregistered(r *runner) {
	if g.runner == r {
		r.idleSince = g.w.now
	}
}
