package simulator

import "time"

// A builder is a machine that sets itself up to become an image. Its user data says so by egr_bake, and what it tells
// on its console are lines that begin with "ec2-github-runner: bake NONCE: ".

// builderStep is one step of a builder.
type builderStep struct {
	name  string
	takes time.Duration
	cuda  bool // only where a GPU is wanted
}

// builderSteps, in their order. A machine for CUDA reboots behind its driver.
var builderSteps = []builderStep{
	{"packages", 8 * time.Second, false},
	{"docker", 12 * time.Second, false},
	{"user", time.Second, false},
	{"runner", 4 * time.Second, false},
	{stepDriver, 20 * time.Second, true},
	{"toolkit", 4 * time.Second, true},
	{stepReboot, 2 * time.Second, true},
	{stepSetup, 6 * time.Second, false},
	{"boot", time.Second, false},
	{stepProof, 5 * time.Second, false},
	{"clean", 2 * time.Second, false},
}

// The steps that something is special about.
const (
	stepSetup  = "setup-script"
	stepDriver = "driver"
	stepReboot = "reboot"
	stepProof  = "prove"
)

// tellAgain is how often a builder repeats its verdict.
const tellAgain = 5 * time.Second

// bakes writes a line of a builder.
func (g *guest) bakes(format string, args ...any) {
	g.print("ec2-github-runner: bake "+g.set.nonce+": "+format, args...)
}

// begin is a boot of a builder: it sets its own end, and goes on.
func (g *guest) begin() {
	if life := g.life; g.set.end > 0 {
		g.w.at(time.Unix(g.set.end, 0), func() {
			if g.life == life {
				g.powerOff()
			}
		})
	}
	g.build()
}

// build goes on from the step that the builder has come to.
func (g *guest) build() {
	if g.step >= len(builderSteps) {
		g.built = true
		g.verdict("ok")
		return
	}
	s := builderSteps[g.step]
	g.step++
	if s.cuda && g.set.bake != "cuda" {
		g.build()
		return
	}
	g.bakes("%s (%.1f s)", s.name, g.age())
	takes := s.takes
	switch {
	case g.rule.Fault == GuestHangs && s.name == stepSetup:
		return
	case g.rule.Fault == GuestAptOffline && g.step == 1:
		g.print("ec2-github-runner: warning: apt-get update: no success yet, it is tried again (%.1f s)", g.age())
		takes += g.rule.At
	}
	why := g.stepFails(s.name)
	g.later(takes, func() {
		switch {
		case why != "":
			g.print("ec2-github-runner: | + %s", s.name)
			g.verdict("failed: " + s.name + ": " + why)
		case s.name == stepReboot:
			g.reboot()
		default:
			g.build()
		}
	})
}

// stepFails returns why a step cannot succeed: by the rule, or for lack of a GPU.
func (g *guest) stepFails(name string) string {
	switch {
	case g.rule.Fault == GuestSetupFails && name == stepSetup:
		return orText(g.rule.Message, "exit 2 at line 7: make tools")
	case g.rule.Fault == GuestProofFails && name == stepProof:
		return orText(g.rule.Message, "docker run: no container runs")
	case name == stepDriver && g.i != nil && g.i.kind.GPU == "":
		return "there is no NVIDIA device on this machine: ec2-instance-type must be one with a GPU, " +
			"such as g4dn.xlarge"
	}
	return ""
}

// reboot starts the machine's system anew; the instance stays what it is.
func (g *guest) reboot() {
	g.print("[   %.6f] reboot: Restarting system", g.age())
	g.life++
	g.later(g.w.cfg.Timing.Boot/2, func() {
		g.print("[    0.000000] Linux version 6.12.0-simulated (gcc 14.2.0) #1 SMP")
		g.begin()
	})
}

// verdict is said again and again, since a console is read late.
func (g *guest) verdict(text string) {
	g.bakes("%s", text)
	g.later(tellAgain, func() { g.verdict(text) })
}

// GuestConsole is what the machine of an instance of another EC2 has written (AttachGuest); empty for one that is not
// known.
func (w *World) GuestConsole(id string) string {
	w.enter()
	defer w.mu.Unlock()
	g := w.strangers[id]
	return g.consoleUntil(w.now)
}
