//go:build linux

package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/marqo-ai/ec2-github-runner/test/boot/plan"
)

// lapse is how long GitHub keeps the session of a listener that has vanished. The real duration is not published.
const lapse = 2 * time.Second

// session is a connected listener. A runner has one at a time.
type session struct {
	id, version string
	refreshed   bool
	polls       int // requests that wait for a message
	seen        time.Time
}

// knows reports whether a runner is registered. The caller holds the lock.
func (g *github) knows(id string) bool {
	_, known := g.registered[id]
	return known
}

func (s *session) alive() bool { return s.polls > 0 || time.Since(s.seen) < lapse }

func (g *github) openSession(w http.ResponseWriter, r *http.Request) {
	ask := read(r)
	after(r.Context(), g.plan.Connecting)
	g.mu.Lock()
	defer g.mu.Unlock()
	known := g.knows(ask["id"])
	conflict := false
	for _, s := range g.sessions {
		conflict = conflict || s.id == ask["id"] && s.alive()
	}
	switch {
	case g.plan.SessionStatus != 0:
		g.journal.add("session refused", fmt.Sprint(g.plan.SessionStatus))
		w.WriteHeader(g.plan.SessionStatus)
	case g.plan.Least != "" && older(ask["version"], g.plan.Least):
		g.journal.add("version refused", ask["version"])
		w.WriteHeader(http.StatusUpgradeRequired)
	case !known:
		g.journal.add("session refused", "")
		w.WriteHeader(http.StatusNotFound)
	case conflict:
		g.journal.add("session conflict", ask["id"])
		w.WriteHeader(http.StatusConflict)
	default:
		g.online = time.Now()
		name := fmt.Sprintf("session-%d", len(g.sessions))
		g.sessions[name] = &session{id: ask["id"], version: ask["version"], seen: time.Now()}
		g.journal.add("online", ask["version"]+" "+ask["home"])
		fmt.Fprint(w, name)
	}
}

func (g *github) endSession(_ http.ResponseWriter, r *http.Request) {
	ask := read(r)
	g.mu.Lock()
	defer g.mu.Unlock()
	if s := g.sessions[ask["session"]]; s != nil {
		s.seen = time.Time{}
		g.journal.add("session ends", s.id)
	}
}

// message waits for a message for a while, as GitHub's long poll does.
func (g *github) message(w http.ResponseWriter, r *http.Request) {
	ask := read(r)
	g.mu.Lock()
	s := g.sessions[ask["session"]]
	if s == nil || !g.knows(s.id) {
		g.mu.Unlock()
		w.WriteHeader(http.StatusNotFound)
		return
	}
	s.polls++
	g.mu.Unlock()
	defer func() {
		g.mu.Lock()
		defer g.mu.Unlock()
		s.polls--
		s.seen = time.Now()
	}()
	for range 20 {
		if m, ok := g.next(s, ask); ok {
			_ = json.NewEncoder(w).Encode(m)
			return
		}
		if !after(r.Context(), 100*time.Millisecond) {
			return
		}
	}
	w.WriteHeader(http.StatusNoContent)
}

// next returns GitHub's message for the listener. An outdated one is told once to update itself, unless it refuses
// updates; a job is offered until it is acquired, but not to a busy runner.
func (g *github) next(s *session, ask map[string]string) (m plan.Message, ok bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if !s.refreshed && ask["disableUpdate"] != "true" && older(s.version, g.plan.Version) {
		s.refreshed = true
		return plan.Message{Refresh: g.plan.Version}, true
	}
	if ask["busy"] == "true" || ask["updating"] == "true" || g.given >= len(g.plan.Jobs) {
		return m, false
	}
	job := g.plan.Jobs[g.given]
	return plan.Message{Job: &job}, time.Since(g.online) >= job.After
}

func (g *github) acquire(w http.ResponseWriter, r *http.Request) {
	ask := read(r)
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.given >= len(g.plan.Jobs) || g.plan.Jobs[g.given].Name != ask["name"] {
		w.WriteHeader(http.StatusConflict)
		return
	}
	g.given++
	g.save()
	g.journal.add("job "+ask["name"]+" begins", "")
}

func (g *github) done(_ http.ResponseWriter, r *http.Request) {
	ask := read(r)
	g.mu.Lock()
	defer g.mu.Unlock()
	g.online = time.Now()
	if s := g.sessions[ask["session"]]; s != nil && g.registered[s.id].Ephemeral {
		delete(g.registered, s.id)
		g.save()
	}
	g.journal.add("job "+ask["name"]+" "+ask["result"], strings.TrimSpace(ask["output"]))
}

func older(a, b string) bool {
	var x, y [3]int
	_, _ = fmt.Sscanf(a, "%d.%d.%d", &x[0], &x[1], &x[2])
	_, _ = fmt.Sscanf(b, "%d.%d.%d", &y[0], &y[1], &y[2])
	for i := range x {
		if x[i] != y[i] {
			return x[i] < y[i]
		}
	}
	return false
}
