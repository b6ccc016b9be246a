package simulator

import (
	"fmt"
	"time"
)

// GuestFault is what is wrong with a machine.
type GuestFault string

// The ways in which a machine does not become a runner.
const (
	GuestHealthy        GuestFault = ""
	GuestNeverBoots     GuestFault = "never-boots"     // the console stays empty, nothing happens
	GuestDies           GuestFault = "dies"            // terminated at At after its launch, with Reason
	GuestPanics         GuestFault = "panics"          // its kernel panics; EC2 calls it running
	GuestNoNetwork      GuestFault = "no-network"      // waits for the network until a watchdog ends it
	GuestNeverRegisters GuestFault = "never-registers" // says nothing and does nothing
	GuestFails          GuestFault = "fails"           // the boot script fails with Message
	GuestScriptFails    GuestFault = "pre-runner-script"
	GuestWrongArch      GuestFault = "wrong-architecture"
	GuestOldRunner      GuestFault = "refused-version"
	GuestNoRoute        GuestFault = "no-route"          // the download hangs until a watchdog ends the machine
	GuestNoCloudInit    GuestFault = "no-cloud-init"     // the image boots to its login prompt and reads no user data
	GuestNoUserData     GuestFault = "ignores-user-data" // cloud-init runs, and what it runs is not this user data
	// GuestTakesNoJob registers, comes online, and takes no job.
	GuestTakesNoJob GuestFault = "takes-no-job"
	// GuestGhost goes on after its job, though its registration is gone:
	// https://github.com/actions/runner/issues/4617
	GuestGhost GuestFault = "ghost"

	// Of builders alone.
	GuestSetupFails GuestFault = "setup-script" // the setup-script fails, with Message
	GuestAptOffline GuestFault = "apt-offline"  // the package repositories cannot be reached for At, and then they can
	GuestProofFails GuestFault = "proof"        // the proof fails, with Message
	GuestHangs      GuestFault = "hangs"        // the setup-script does not come to an end
)

// At which boots a rule holds.
const (
	WhenWarmUp = "warm-up"
	WhenLater  = "later"
)

// GuestRule states how machines behave that fit it. What is empty fits everything; texts may hold wildcards.
type GuestRule struct {
	Image  string `yaml:"image"`
	Type   string `yaml:"type"`
	Zone   string `yaml:"zone"`
	Market string `yaml:"market"`
	Runner string `yaml:"runner"` // the runner's name, where the user data tells one
	Nth    int    `yaml:"nth"`    // only the nth launch of the world, from 1
	// only "warm-up": a machine that a pool prepares; or "later": from a machine's second boot on
	When    string `yaml:"when"`
	Times   int    `yaml:"times"`   // only for so many boots; 0 for all
	Comment string `yaml:"comment"` // for the reader

	Fault   GuestFault    `yaml:"fault"`
	Boot    time.Duration `yaml:"boot"`   // from launch to the boot script, default Timing.Boot
	At      time.Duration `yaml:"at"`     // of GuestDies
	Reason  string        `yaml:"reason"` // of GuestDies: StateReason's code, such as Server.SpotInstanceTermination
	Message string        `yaml:"message"`

	// Report are the words of a job's report behind job and seconds, and before its state.
	Report string `yaml:"report"`

	// Console are lines that the machine prints; PowerOffAt is when it powers itself off. They make machines that are
	// no runners, such as those that build an image.
	Console    []ConsoleText `yaml:"console"`
	PowerOffAt time.Duration `yaml:"power-off-at"`

	met int
}

// ConsoleText is a line on a console, at a time after launch.
type ConsoleText struct {
	At   time.Duration `yaml:"at"`
	Text string        `yaml:"text"`
}

func (r GuestRule) check() error {
	if r.When != "" && r.When != WhenWarmUp && r.When != WhenLater {
		return fmt.Errorf("guest rule has unknown when %q", r.When)
	}
	switch r.Fault {
	case GuestHealthy, GuestNeverBoots, GuestPanics, GuestNoNetwork, GuestNeverRegisters, GuestFails, GuestScriptFails,
		GuestWrongArch, GuestOldRunner, GuestNoRoute, GuestNoCloudInit, GuestNoUserData, GuestTakesNoJob, GuestGhost,
		GuestSetupFails, GuestAptOffline, GuestProofFails, GuestHangs:
		return nil
	case GuestDies:
		if r.At <= 0 {
			return fmt.Errorf("guest rule dies needs at")
		}
		return nil
	}
	return fmt.Errorf("guest rule has unknown fault %q", r.Fault)
}

// healthy reports whether the machine gets as far as its runner.
func (r GuestRule) healthy() bool {
	switch r.Fault {
	// a setup-script is met on the way, if there is one
	case GuestHealthy, GuestDies, GuestTakesNoJob, GuestGhost, GuestSetupFails, GuestHangs:
		return true
	}
	return false
}

// complaint is what the boot script says about the fault.
func (r GuestRule) complaint() []string {
	switch r.Fault {
	case GuestNoNetwork:
		return []string{"waiting for the network", "error: curl: (6) Could not resolve host: github.com"}
	case GuestNoRoute:
		return []string{"downloading runner 2.335.0 (1.0 s)"}
	case GuestScriptFails:
		return []string{orText(r.Message, "error: pre-runner-script failed with exit 3 at line 7: make tools")}
	case GuestWrongArch:
		return []string{"error: run.sh: cannot execute binary file: Exec format error"}
	case GuestOldRunner:
		return []string{"error: runner refused: An error occurred: Runner version v2.300.0 is deprecated and cannot " +
			"receive messages."}
	case GuestSetupFails:
		return []string{orText(r.Message, "error: setup-script failed with exit 3 at line 7: make tools")}
	case GuestFails:
		return []string{orText(r.Message, "error: boot script failed")}
	}
	return nil
}

func (r GuestRule) reasonText() string {
	switch r.Reason {
	case "Server.SpotInstanceTermination":
		return r.Reason + ": Spot instance termination"
	case "Server.SpotInstanceShutdown":
		return r.Reason + ": Spot instance shutdown"
	case "Server.InternalError":
		return r.Reason + ": Internal error on launch"
	case "", "Client.InternalError":
		return "Client.InternalError: Client error on launch"
	}
	return orText(r.Message, r.Reason)
}

// AddGuestRule puts a rule before all others.
func (w *World) AddGuestRule(r GuestRule) {
	if err := r.check(); err != nil {
		panic("simulator: " + err.Error())
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.cfg.Guests = append([]GuestRule{r}, w.cfg.Guests...)
}

// guestRule finds the rule for a machine that boots; i is nil for one of another EC2.
func (w *World) guestRule(i *instance) GuestRule {
	if i != nil && i.boots == 1 {
		w.booted++
	}
	for n := range w.cfg.Guests {
		r := &w.cfg.Guests[n]
		if !w.fits(r, i) || (r.Times > 0 && r.met >= r.Times) {
			continue
		}
		r.met++
		return *r
	}
	if i != nil && i.panics() {
		return GuestRule{Fault: GuestPanics, Message: newerProcessor}
	}
	if i != nil && !w.cloud.hasWayOut(i) {
		return GuestRule{Fault: GuestNoNetwork}
	}
	return GuestRule{}
}

// runnerNameOf is the name under which the machine is to register, by its user data or by its JIT configuration.
func (w *World) runnerNameOf(i *instance) string {
	s := readUserData(string(i.userData), i.index)
	if r := w.hub.blobs[jitKey(s.jit)]; r != nil {
		return r.name
	}
	return s.name
}

func (w *World) fits(r *GuestRule, i *instance) bool {
	if i == nil {
		return r.When == "" && r.Image == "" && r.Type == "" && r.Zone == "" && r.Market == "" && r.Runner == "" &&
			r.Nth == 0
	}
	if (r.Nth != 0 && r.Nth != w.booted) || !r.holdsAt(i) {
		return false
	}
	pairs := [][2]string{{r.Image, i.image.ID}, {r.Type, i.kind.Name}, {r.Zone, i.zone}, {r.Market, i.market}}
	if r.Runner != "" {
		pairs = append(pairs, [2]string{r.Runner, w.runnerNameOf(i)})
	}
	for _, p := range pairs {
		if p[0] != "" && !wildcard(p[0], p[1]) {
			return false
		}
	}
	return true
}

// holdsAt reports whether the rule is for the boot that the machine begins.
func (r *GuestRule) holdsAt(i *instance) bool {
	switch r.When {
	case WhenWarmUp:
		return readUserData(string(i.userData), i.index).warm
	case WhenLater:
		return i.guest != nil && i.guest.starts > 0
	}
	return true
}
