package simulator

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// hub is GitHub: scopes with their runners, tokens and limits. World's lock guards it.
type hub struct {
	w      *World
	scopes map[string]*scope
	tokens map[string]*registration // registration tokens by value
	blobs  map[string]*runner       // by the key in their JIT configurations
	runs   map[string]map[int64]Run
	meters map[string]*meter
	lastID int64
	active map[string]int // calls under way, by token
	jobs   []*job
	apps   []*app
	// installationTokens by value.
	installationTokens map[string]*installationToken
	// initial are the runners that were there from the beginning.
	initial []*runner
	reruns  []Rerun
	// past are the jobs of earlier attempts of runs.
	past map[attempt][]RunJob

	// Of the scale-set service: its tokens, its sets in the order of their ids, and the jobs that no set has got.
	adminTokens map[string]*adminToken
	sets        []*scaleSet
	lastSet     int
	foreignSets []*scaleSet
	waiting     []*job
}

// attempt is one attempt of a run.
type attempt struct {
	repository string
	run        int64
	number     int
}

// scope is where runners register. Its runners stand in the order of their ids.
type scope struct {
	name    string
	runners []*runner
	byName  map[string]*runner
	byID    map[int64]*runner
}

// registration is a registration token.
type registration struct {
	scope     *scope
	expires   time.Time
	installed *installation // of the App that asked for it, nil for a token
}

// runner is one registration at GitHub.
type runner struct {
	id        int64
	scope     *scope
	set       *scaleSet // nil for one of no scale set
	name, os  string
	labels    []label
	group     int64
	online    bool
	busy      bool
	ephemeral bool
	jit       bool
	key       int // counts the key pairs that it has had: only the machine with the newest can use it
	version   string
	blob      string
	visible   time.Time // from then on GitHub's answers show it
	gone      bool
	goneSeen  time.Time // from then on lists no longer show it
	initial   bool
	original  string
	machine   *guest
	job       *job
	idleSince time.Time
	jobBegan  time.Time // of the last job
	// takesNone is a runner that listens and takes no job; offered is the one of its scale set that waits for it.
	takesNone bool
	offered   *job
}

type label struct {
	id   int64
	name string
	own  bool // "custom", not "read-only"
}

func newHub(w *World) *hub {
	h := &hub{w: w, scopes: map[string]*scope{}, tokens: map[string]*registration{}, blobs: map[string]*runner{},
		runs: map[string]map[int64]Run{}, meters: map[string]*meter{}, active: map[string]int{},
		installationTokens: map[string]*installationToken{}, past: map[attempt][]RunJob{},
		adminTokens: map[string]*adminToken{}}
	h.newApps()
	for _, s := range w.cfg.Runners {
		h.seedRunner(s)
	}
	for n := range w.cfg.ForeignRunners {
		h.seedRunner(RunnerSeed{Name: fmt.Sprintf("foreign-%04d", n+1), Labels: []string{"self-hosted", "Linux", "X64",
			fmt.Sprintf("foreign-%d", n%7)}, Offline: n%3 == 2})
	}
	for _, r := range w.cfg.Runs {
		r.Repository = orText(r.Repository, w.cfg.Repositories[0])
		h.setRun(r)
	}
	for _, j := range w.cfg.Jobs {
		w.after(j.After, func() { h.queue(j) })
	}
	h.seedSets()
	h.seedSetJobs()
	return h
}

func (h *hub) setRun(r Run) {
	if h.runs[r.Repository] == nil {
		h.runs[r.Repository] = map[int64]Run{}
	}
	r.Attempt = orInt(r.Attempt, 1)
	r.Status = orText(r.Status, "in_progress")
	r.Jobs = slices.Clone(r.Jobs)
	for n, j := range r.Jobs {
		r.Jobs[n].began, r.Jobs[n].ended = h.w.born, h.w.now.Add(-j.EndedAgo)
		if j.BeganAgo > 0 {
			r.Jobs[n].began = h.w.now.Add(-j.BeganAgo)
		}
	}
	h.runs[r.Repository][r.ID] = r
}

// scope returns the scope of that name and creates it if necessary: tokens decide whether a caller sees it.
func (h *hub) scope(name string) *scope {
	s := h.scopes[name]
	if s == nil {
		s = &scope{name: name, byName: map[string]*runner{}, byID: map[int64]*runner{}}
		h.scopes[name] = s
	}
	return s
}

func (h *hub) seedRunner(s RunnerSeed) {
	r := h.register(h.scope(orText(s.Scope, h.w.cfg.ForeignScope)), s.Name, s.Labels)
	if s.ID != 0 {
		delete(r.scope.byID, r.id)
		r.id = s.ID
		r.scope.byID[r.id] = r
		h.lastID = max(h.lastID, s.ID)
	}
	r.online, r.busy, r.ephemeral, r.group = !s.Offline, s.Busy, s.Ephemeral, max(1, s.Group)
	r.version = h.w.cfg.RunnerVersion
	r.visible = h.w.now
	r.initial = true
	r.original = r.ownerState()
	h.initial = append(h.initial, r)
}

// ownerState returns the state of a runner that only its owner may change.
func (r *runner) ownerState() string { return fmt.Sprint(r.gone, r.name, r.labels, r.group) }

// register creates a new registration, which GitHub shows after a while. The name must be free.
func (h *hub) register(s *scope, name string, labels []string) *runner {
	h.lastID++
	r := &runner{id: h.lastID, scope: s, name: name, os: "linux", group: 1,
		visible: h.w.now.Add(h.w.scaled(h.w.cfg.Timing.RunnerVisible)), idleSince: h.w.now}
	r.setLabels(labels)
	s.runners = append(s.runners, r)
	s.byName[strings.ToLower(name)] = r
	s.byID[r.id] = r
	return r
}

func (r *runner) setLabels(names []string) {
	r.labels = nil
	for n, name := range names {
		r.labels = append(r.labels, label{id: int64(n + 1), name: name, own: !slices.Contains(defaultLabels,
			strings.ToLower(name))})
	}
}

var defaultLabels = []string{"self-hosted", "linux", "windows", "macos", "x64", "arm64", "arm"}

// remove ends a registration. Its name is free at once; lists show it a little longer.
func (h *hub) remove(r *runner) {
	if r.gone {
		return
	}
	r.gone, r.online, r.busy = true, false, false
	r.goneSeen = h.w.now.Add(h.w.scaled(h.w.cfg.Timing.RunnerVisible))
	delete(r.scope.byName, strings.ToLower(r.name))
	delete(r.scope.byID, r.id)
	delete(h.blobs, jitKey(r.blob))
	if r.set != nil {
		r.set.runners = slices.DeleteFunc(r.set.runners, func(o *runner) bool { return o == r })
		r.set.recordStatistics()
	}
	h.w.at(r.goneSeen, func() {
		s := r.scope
		if n := slices.Index(s.runners, r); n >= 0 {
			s.runners = slices.Delete(s.runners, n, n+1)
		}
	})
	if r.machine != nil {
		r.machine.deregistered(r)
	}
}

// shown reports whether GitHub's lists show the runner now.
func (h *hub) shown(r *runner) bool {
	if h.w.now.Before(r.visible) {
		return false
	}
	return !r.gone || h.w.now.Before(r.goneSeen)
}
