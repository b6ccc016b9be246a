package simulator

import (
	"strings"
	"time"
)

// A runner learns that its registration is gone when GitHub ends its request for messages, which is held for up to a
// minute. It forgets the registration and ends with 0 (actions/runner v2.336.0,
// src/Runner.Listener/Runner.cs#L823-L830). One that learns it as it connects keeps its files, and is started five
// times more.
const (
	messageHeld = 50 * time.Second
	startsAgain = 15 * time.Second
)

// tagLook is how often a machine looks at its tag.
const tagLook = 10 * time.Second

// deregistered is called when somebody removed the registration.
func (g *guest) deregistered(r *runner) {
	if g.runner != r {
		return
	}
	r.idleSince = g.w.now
	if g.on && g.set.ours {
		g.later(messageHeld, func() {
			if g.runner == r {
				g.runnerEnds()
			}
		})
	}
}

// runnerEnds is the end of the runner for good: the machine stays for as long as its user data says.
func (g *guest) runnerEnds() {
	if g.ended || !g.set.ours || g.rule.Fault == GuestGhost {
		return
	}
	g.ended = true
	g.say("the runner ended with exit 0 (%.2f s)", g.age())
	g.stay()
}

// stay lets time pass on a machine whose runner has ended, until its own end.
func (g *guest) stay() {
	if g.stayingSince.IsZero() {
		g.stayingSince = g.w.now
	}
	left, ends := g.leftToStay()
	switch {
	case ends && left <= 0:
		g.say("powering off: the runner has ended (%.2f s)", g.age())
		g.powerOff()
	case g.readsTag():
		g.later(tagLook, g.stay)
	case ends:
		g.later(max(left, time.Second), g.stay) // not sooner, however fast the world is
	}
}

// leftToStay is how much longer the machine stays, in its own time, and whether it ends by itself at all. A tag with
// the time takes the place of what its user data says.
func (g *guest) leftToStay() (left time.Duration, ends bool) {
	if until, err := time.Parse(time.RFC3339, g.keptUntil()); err == nil && until.Sub(g.w.now) < 4000*time.Second {
		return time.Duration(float64(until.Sub(g.w.now)) * g.w.cfg.Speed), true
	}
	// It counts the second in which the runner ended.
	return g.set.keepEnded - time.Second - g.stayedSoFar(), g.set.keepEnded > 0
}

// stayedSoFar is how long the machine has been on since its runner ended, in its own time.
func (g *guest) stayedSoFar() time.Duration {
	if g.stayingSince.IsZero() {
		return g.stayed
	}
	return g.stayed + time.Duration(float64(g.w.now.Sub(g.stayingSince))*g.w.cfg.Speed)
}

// readsTag reports whether the machine asks the metadata service for its tag.
func (g *guest) readsTag() bool {
	return g.i != nil && strings.Contains(g.set.text, "tags/instance/") &&
		g.i.metadata["InstanceMetadataTags"] == "enabled"
}

func (g *guest) keptUntil() string {
	if !g.readsTag() {
		return ""
	}
	return g.i.tags.shown["ec2-github-runner:kept-until"]
}

// RebootGuest boots a running machine again, as somebody does who has logged in.
func (w *World) RebootGuest(id string) {
	w.enter()
	defer w.mu.Unlock()
	for _, r := range w.cloud.regions {
		if i := r.byID[id]; i != nil && i.guest != nil && i.guest.on {
			i.guest.start(i.guest.data, w.guestRule(i))
		}
	}
}
