package simulator

import (
	"strings"
	"time"
)

// A warm-up is a machine's first boot in a pool. Its user data says so by egr_warm: it does all that needs no job, says
// "ec2-github-runner: warm: ready" and powers itself off; what becomes of the instance then its shutdown behaviour
// says. What it brought to its disk is there at every later boot, whatever the user data of that one is.

// setupLine is the index of a setup-script in user data of ours.
const setupLine = "\npart_setup_script='"

// warm is the course of a warm-up, step by step, and where a fault stops it.
func (g *guest) warm() {
	if g.set.registrationTimeout > 0 {
		g.later(g.set.registrationTimeout, func() {
			if !g.broken && !g.ready {
				g.fail("error: the machine is not warm after " + g.set.registrationTimeout.String() +
					"; the last that happened: " +
					g.phase)
			}
		})
	}
	g.reportPhase("boot script started")
	switch g.rule.Fault {
	case GuestNeverRegisters:
		return
	case GuestNoNetwork, GuestNoRoute:
		g.reportPhase("downloading runner " + g.w.cfg.RunnerVersion)
		return
	case GuestFails, GuestWrongArch:
		g.fail(g.rule.complaint()[0])
		return
	}
	g.setup(func() { g.fetch(g.fill) })
}

// setup runs the setup-script, unless there is none or this machine has run it.
func (g *guest) setup(then func()) {
	if !strings.Contains(g.set.text, setupLine) || g.prepared {
		then()
		return
	}
	g.reportPhase("running setup-script")
	if g.rule.Fault == GuestHangs {
		return
	}
	g.later(g.w.cfg.Timing.Setup, func() {
		if g.rule.Fault == GuestSetupFails {
			g.fail(g.rule.complaint()[0])
			return
		}
		g.prepared = true
		g.reportPhase("ran setup-script")
		then()
	})
}

// fetch brings the runner's software to the disk, unless it is there.
func (g *guest) fetch(then func()) {
	if g.hasRunner() {
		then()
		return
	}
	g.later(g.w.cfg.Timing.Download, func() {
		g.software = g.w.cfg.RunnerVersion
		g.reportPhase("downloaded runner " + g.w.cfg.RunnerVersion)
		then()
	})
}

// fill reads the volume's files, and ends the warm-up.
func (g *guest) fill() {
	g.reportPhase("warm: reading files")
	g.later(g.w.cfg.Timing.Fill, func() {
		g.reportPhase("warm: read files")
		g.ready = true
		g.reportPhase("warm: ready")
		g.powerOff()
	})
}

// tell says a phase, with the seconds since boot.
func (g *guest) reportPhase(phase string) {
	g.phase = phase
	g.say("%s (%.1f s)", phase, g.age())
}

// fail returns what is wrong and ends the machine.
func (g *guest) fail(what string) {
	g.reportPhase(what)
	g.reportPhase("powering off: " + strings.TrimPrefix(what, "error: "))
	g.failed()
}

// bootTakes is how long this boot takes to come to the user data's work. From its second boot on a machine finds its
// volume filled with the blocks that it needs.
func (g *guest) bootTakes() time.Duration {
	switch {
	case g.rule.Boot != 0:
		return g.rule.Boot
	case g.starts > 1:
		return g.w.cfg.Timing.BootAgain
	}
	return g.w.cfg.Timing.Boot
}
