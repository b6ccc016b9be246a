// Package simulator is EC2 and GitHub in memory: a small world in which instances boot, runners register and things go
// wrong, spoken to in the two real wire protocols (EC2's query API with XML answers, GitHub's REST API with JSON).
//
// The world is honest rather than kind. It knows only what it models and refuses everything else (World.Surprises lists
// what it refused), it is slow and eventually consistent, it has rate limits, and it has weather: faults that a test or
// a configuration asks for. Everything that a program under test can see, it sees on the wire, so that the binary that
// ships can be run against it by environment variables alone.
//
// A world has no goroutines and no clock of its own. What is to happen later (a boot, a registration, a watchdog)
// stands in a queue, ordered by time, and is carried out by the next one who looks; while a long poll waits, a timer
// looks for it (poll.go). That makes it as much at home in a
// testing/synctest bubble, where ten minutes take no time, as behind a loopback socket. In a bubble it has to be made
// inside: a world is bound to the clock it was born under.
package simulator

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/http"
	"sync"
	"time"
)

// World holds both services and all that lives in them. Its methods may be called from several goroutines.
type World struct {
	cfg Config

	mu     sync.Mutex
	born   time.Time // when the world began
	now    time.Time // the moment that is being lived through: of a due event, or of the one who looks
	queue  eventQueue
	serial uint64

	cloud   *cloud
	hub     *hub
	oidc    *oidc
	weather weather
	journal journal
	// strangers are machines of another EC2, by instance id; booted counts launches for GuestRule.Nth.
	strangers map[string]*guest
	booted    int

	alarm alarm
	hooks []func(*http.Request, *http.Response)
	dark  *darkness
}

// New creates a world from cfg; empty fields get their defaults (see Config). It panics on a configuration that
// contradicts itself, as such a world could only mislead; Load reports the same as an error.
func New(cfg Config) *World {
	cfg.fill()
	cfg.Keys = append([]Key(nil), cfg.Keys...)
	cfg.Roles = append([]Role(nil), cfg.Roles...)
	cfg.Guests = append([]GuestRule(nil), cfg.Guests...) // rules count their use
	if err := cfg.check(); err != nil {
		panic("simulator: " + err.Error())
	}
	w := &World{cfg: cfg, born: time.Now(), now: time.Now(), dark: newDarkness(), strangers: map[string]*guest{}}
	w.weather.init(cfg.Faults)
	w.hub = newHub(w)
	w.oidc = &oidc{w: w, tokens: map[string]idToken{}}
	w.cloud = newCloud(w)
	return w
}

// OnRequest adds a hook that sees each request that reached GitHub or EC2 together with its answer, both with readable
// bodies, in the order in which they were answered. Answers that the weather mangles on their way are shown as the
// service gave them.
func (w *World) OnRequest(hook func(*http.Request, *http.Response)) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.hooks = append(w.hooks, hook) //nolint:bodyclose // the hooks get answers whose bodies are in memory
}

// enter locks the world and brings it up to the present. The caller unlocks it by w.mu.Unlock.
func (w *World) enter() {
	w.mu.Lock()
	present := time.Now()
	for {
		at, ok := w.queue.next()
		if !ok || at.After(present) {
			break
		}
		e := w.queue.pop()
		w.now = e.at
		e.run()
	}
	w.now = present
	w.setAlarm()
}

// after plans run for d of the world's time from now. The caller holds the lock.
func (w *World) after(d time.Duration, run func()) { w.at(w.now.Add(w.scaled(d)), run) }

// at plans run for the moment t. The caller holds the lock.
func (w *World) at(t time.Time, run func()) {
	w.queue.push(t, run)
	w.setAlarm()
}

// scaled turns a duration of the world into one of the clock, by Config.Speed.
func (w *World) scaled(d time.Duration) time.Duration {
	if d <= 0 {
		return 0
	}
	return time.Duration(float64(d) / w.cfg.Speed)
}

// id creates a new identifier such as i-0a1b2c3d4e5f60718 (17 hex digits, as EC2's are). The sequence is the same in
// each run, so that logs of two runs can be compared.
func (w *World) id(prefix string) string { return prefix + "-" + w.hex(17) }

// hex creates n (at most 64) new hex digits.
func (w *World) hex(n int) string {
	w.serial++
	sum := sha256.Sum256(fmt.Appendf(nil, "%s/%d", "simulator", w.serial))
	return hex.EncodeToString(sum[:])[:n]
}
