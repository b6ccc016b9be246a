package simulator

import "time"

// guest is the machine in an instance: it boots, reads its user data, becomes a runner and ends. It lives in events
// only. Of the user data it takes what registers it (see settings); it runs no shell.
type guest struct {
	w       *World
	i       *instance // nil for a machine of another EC2 (AttachGuest)
	id      string
	life    int // counts boots and ends: what an earlier life planned finds itself outdated
	on      bool
	began   time.Time
	rule    GuestRule
	set     settings
	data    string
	runner  *runner
	key     int    // of the registration, as it was when this machine got it
	service string // the name of a runner that is installed as a service (InstanceSeed.Runner)
	broken  bool   // its setup has failed
	step    int    // how far a builder has come
	built   bool   // a builder that has proved itself
	starts  int    // how often it was switched on
	ready   bool   // a warm-up that came to its end
	phase   string // what a warm-up said last
	// software is the version of the runner on the disk that some boot has brought there, and prepared says that a
	// setup-script came to its end: both outlive everything but the instance.
	software string
	prepared bool
	jobs     int  // that it has reported on
	overdue  bool // the lifetime is over; ends when no job runs
	// told says that the runner was online once: after that the machine looks no more whether it is registered, after a
	// reboot neither.
	told bool
	// ended says that the runner has ended for good, and stayed for how long the machine was on since, but for the time
	// from stayingSince: all three outlive a reboot.
	ended        bool
	stayed       time.Duration
	stayingSince time.Time
	lines        []consoleLine
}

// startGuest begins a life of the instance's machine.
func (w *World) startGuest(i *instance) {
	if i.guest == nil {
		i.guest = &guest{w: w, i: i, id: i.id}
	}
	i.guest.start(string(i.userData), w.guestRule(i))
}

// stopGuest ends the life of the instance's machine from outside.
func (w *World) stopGuest(i *instance) {
	if i.guest != nil {
		i.guest.halt()
	}
}

// AttachGuest starts a machine that lives in another EC2, so that it can register with this GitHub. id is its instance
// id, index its AmiLaunchIndex and userData what it got, already base64-decoded. The machine ends by DetachGuest.
// Attached again, it has the disk of before: a runner that was configured is there.
func (w *World) AttachGuest(id string, index int, userData []byte) {
	w.enter()
	defer w.mu.Unlock()
	g := w.strangers[id]
	if g == nil {
		g = &guest{w: w, id: id}
		w.strangers[id] = g
	}
	g.set.index = index
	g.start(string(userData), w.guestRule(nil))
}

// GuestIsOn reports whether a machine of AttachGuest runs: it may have powered itself off, which its own EC2 has to be
// told.
func (w *World) GuestIsOn(id string) bool {
	w.enter()
	defer w.mu.Unlock()
	g := w.strangers[id]
	return g != nil && g.on
}

// DetachGuest ends a life of a machine of AttachGuest, as when its instance is stopped or terminated.
func (w *World) DetachGuest(id string) {
	w.enter()
	defer w.mu.Unlock()
	if g := w.strangers[id]; g != nil {
		g.halt()
	}
}

func (g *guest) start(userData string, rule GuestRule) {
	g.life++
	g.starts++
	g.stayed, g.stayingSince = g.stayedSoFar(), time.Time{}
	g.on, g.overdue, g.broken, g.ready, g.began, g.rule = true, false, false, false, g.w.now, rule
	index := g.set.index
	if g.i != nil {
		index = g.i.index
	}
	if userData != g.data {
		g.data, g.runner, g.key, g.told, g.ended, g.stayed = userData, nil, 0, false, false, 0
	}
	g.set = readUserData(userData, index)
	g.set.arm = g.i != nil && g.i.image.Architecture == "arm64"
	if g.runner != nil {
		g.runner.online = false
		g.w.hub.loseJob(g.runner)
	}
	boot := g.bootTakes()
	g.later(min(g.w.cfg.Timing.Running, boot), func() {
		g.print("[    0.000000] Linux version 6.12.0-simulated (gcc 14.2.0) #1 SMP")
		g.print("[    0.412307] systemd[1]: Hostname set to <%s>.", g.id)
	})
	switch rule.Fault {
	case GuestNeverBoots:
		return
	case GuestPanics:
		g.later(min(g.w.cfg.Timing.Running, boot), g.panic)
		return
	case GuestDies:
		g.later(rule.At, func() {
			if rule.Reason == "" || rule.Reason == "Client.InternalError" { // others end a machine that is well
				g.print("[   %.6f] Kernel panic - not syncing: simulated", g.age())
			}
			if g.i != nil {
				g.w.cloud.end(g.i, "terminated", orText(rule.Reason, "Client.InternalError"), rule.reasonText())
			}
		})
	}
	for _, l := range rule.Console {
		g.later(l.At, func() { g.print("%s", l.Text) })
	}
	if rule.PowerOffAt > 0 {
		g.later(rule.PowerOffAt, g.powerOff)
	}
	g.later(boot, g.booted)
}

// booted is when the machine comes to its user data.
func (g *guest) booted() {
	if g.rule.Fault == GuestNoCloudInit {
		g.print("%s login:", g.id)
		return
	}
	g.print("cloud-init[612]: Cloud-init v. 25.2 running 'modules:final'. Up %.2f seconds.", g.age())
	if g.service != "" && g.rule.healthy() {
		g.later(g.w.cfg.Timing.Listen, func() { g.online(g.w.hub.named(g.service)) })
		return
	}
	if g.set.bake != "" && g.rule.Fault != GuestNoUserData {
		g.begin()
		return
	}
	if g.set.warm && g.rule.Fault != GuestNoUserData {
		g.warm()
		return
	}
	if !g.set.registers() || g.rule.Fault == GuestNoUserData {
		g.print("cloud-init[612]: finished, nothing to register")
		return
	}
	g.watch()
	g.say("boot script started (%.1f s)", g.age())
	switch {
	case g.ended:
		g.stay()
	case !g.rule.healthy():
		g.fails()
	default:
		g.becomeRunner()
	}
}

// becomeRunner is the way to a runner that is online, at the first boot or a later one.
func (g *guest) becomeRunner() {
	switch {
	case g.runner != nil && g.runner.gone && g.runner.machine == g && g.set.ours: // it was online, and is refused now
		g.later(startsAgain, g.runnerEnds)
	case g.runner != nil && !g.runner.gone && g.set.jit == "": // a second boot: it is configured already
		g.later(g.w.cfg.Timing.Listen, func() { g.online(g.runner) })
	default:
		g.setup(func() { g.fetch(g.register) })
	}
}

// hasRunner reports whether the machine's image brings a runner that GitHub still takes, or an earlier boot has brought
// one.
func (g *guest) hasRunner() bool {
	if g.set.ours && g.software != "" && !older(g.software, g.w.cfg.MinRunnerVersion) {
		g.say("found runner %s in /actions-runner (%.1f s)", g.software, g.age())
		return true
	}
	if g.i == nil || g.i.image.Runner == "" || !g.set.ours {
		return false
	}
	if version := g.i.image.Runner; older(version, g.w.cfg.MinRunnerVersion) {
		g.say("warning: runner %s in /opt/actions-runner is too old: bake the image again (%.1f s)", version, g.age())
		return false
	}
	g.say("found runner %s in /opt/actions-runner (%.1f s)", g.i.image.Runner, g.age())
	return true
}

// watch sets the machine's own end, as its user data says.
func (g *guest) watch() {
	if g.set.registrationTimeout > 0 {
		g.later(g.set.registrationTimeout, func() {
			if !g.broken && !g.told {
				g.say("error: runner did not register within %s", g.set.registrationTimeout)
				g.failed()
			}
		})
	}
	if g.set.maxLifetime > 0 {
		g.later(g.set.maxLifetime, func() {
			g.overdue = true
			if g.runner == nil || !g.runner.busy || g.set.hard {
				g.endLifetime()
			}
		})
	}
}

// powerOff is the machine's own end; what becomes of the instance is for its shutdown behaviour to say.
func (g *guest) powerOff() {
	g.later(g.w.cfg.Timing.PowerOff, func() {
		g.print("[   %.6f] reboot: Power down", g.age())
		if g.i == nil {
			g.halt()
			return
		}
		to := "stopped"
		if g.i.shutdown == "terminate" || g.i.market == marketSpot {
			to = "terminated"
		}
		g.w.cloud.end(g.i, to, "Client.InstanceInitiatedShutdown",
			"Client.InstanceInitiatedShutdown: Instance initiated shutdown")
	})
}

// halt is the machine's end. GitHub notices after a while, and then keeps the registration.
func (g *guest) halt() {
	if !g.on {
		return
	}
	g.on = false
	g.life++
	g.stayed, g.stayingSince = g.stayedSoFar(), time.Time{}
	r, life := g.runner, g.life
	if r == nil || r.machine != g {
		return
	}
	g.w.after(g.w.cfg.Timing.Offline, func() {
		if g.life == life {
			r.online = false
		}
	})
	g.w.after(g.w.cfg.Timing.BusyEnds, func() {
		if g.life == life {
			g.w.hub.loseJob(r)
		}
	})
}

// later plans run for this life of the machine.
func (g *guest) later(d time.Duration, run func()) {
	life := g.life
	g.w.after(d, func() {
		if g.life == life {
			run()
		}
	})
}

// age is the machine's uptime in seconds of its own time.
func (g *guest) age() float64 { return g.w.now.Sub(g.began).Seconds() * g.w.cfg.Speed }
