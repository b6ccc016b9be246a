//go:build linux

package main

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/marqo-ai/ec2-github-runner/test/boot/plan"
)

// registration is a runner that GitHub knows. Registrations outlive the machine, since GitHub is not on it.
type registration struct {
	Name, Labels string
	Ephemeral    bool
}

type github struct {
	plan    plan.Plan
	journal *journal

	mu         sync.Mutex
	registered map[string]registration
	sessions   map[string]*session
	given      int       // jobs given out
	online     time.Time // since when the runner has had nothing to do
	downloads  int
}

// state is what GitHub remembers across a reboot of the machine.
type state struct {
	Registered map[string]registration
	Given      int
}

func (g *github) load() error {
	text, err := os.ReadFile(out + "/github.json")
	var s state
	if err == nil {
		err = json.Unmarshal(text, &s)
	} else if os.IsNotExist(err) {
		s.Registered, err = map[string]registration{}, nil
		if g.plan.JIT != "" {
			settings, e := plan.DecodeJIT(g.plan.JIT)
			s.Registered[settings.AgentID], err = registration{Name: settings.AgentName, Ephemeral: true}, e
		}
	}
	g.registered, g.given = s.Registered, s.Given
	return err
}

// save is called with the lock held.
func (g *github) save() {
	text, err := json.Marshal(state{Registered: g.registered, Given: g.given})
	if err == nil {
		err = os.WriteFile(out+"/github.json", text, 0o644)
	}
	if err != nil {
		panic(err)
	}
}

// outer serves what the boot script uses of GitHub.
func (g *github) outer() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /repos/actions/runner/releases/latest", func(w http.ResponseWriter, _ *http.Request) {
		if g.plan.APIStatus != 0 {
			w.WriteHeader(g.plan.APIStatus)
			return
		}
		fmt.Fprintf(w, "{\n  \"name\": \"v%[1]s\",\n  \"tag_name\": \"v%[1]s\",\n  \"draft\": false\n}\n",
			g.plan.Version)
	})
	mux.HandleFunc("GET /actions/runner/releases/latest", func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, "https://github.com/actions/runner/releases/tag/v"+g.plan.Version, http.StatusFound)
	})
	mux.HandleFunc("HEAD /actions/runner/releases/latest", func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, "https://github.com/actions/runner/releases/tag/v"+g.plan.Version, http.StatusFound)
	})
	// GitHub redirects downloads to another host.
	mux.HandleFunc("GET /actions/runner/releases/download/{tag}/{file}", func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, "https://release-assets.githubusercontent.com/"+r.PathValue("file"), http.StatusFound)
	})
	mux.HandleFunc("GET /{file}", g.download)
	for _, host := range vendors {
		mux.Handle(host+"/", packages(g.plan.Vendors))
	}
	return mux
}

// vendors are hosts that machines install from.
var vendors = []string{"deb.debian.org", "security.debian.org", "cdn.amazonlinux.com", "download.docker.com",
	"nvidia.github.io"}

// packages serves the repositories of all vendors, from one folder per host.
func packages(folder string) http.Handler {
	mux := http.NewServeMux()
	for _, host := range vendors {
		mux.Handle("GET "+host+"/", http.FileServer(http.Dir(filepath.Join(folder, host))))
	}
	return mux
}

func (g *github) download(w http.ResponseWriter, r *http.Request) {
	g.mu.Lock()
	n := g.downloads
	g.downloads++
	g.mu.Unlock()
	want := "actions-runner-linux-x64-" + g.plan.Version + ".tar.gz"
	if r.PathValue("file") != want {
		g.journal.add("asked for "+r.PathValue("file"), "")
		w.WriteHeader(http.StatusNotFound)
		return
	}
	if g.plan.Status != 0 && (g.plan.StatusTimes == 0 || n < g.plan.StatusTimes) {
		w.WriteHeader(g.plan.Status)
		return
	}
	g.journal.add("download begins", r.Header.Get("Range"))
	file, err := os.Open(g.plan.Tarball)
	if err != nil {
		panic(err)
	}
	defer func() { _ = file.Close() }()
	if g.plan.NoRange {
		r.Header.Del("Range")
	}
	slow := &slowWriter{ResponseWriter: w, r: r, rate: g.plan.Rate, start: time.Now(), cut: -1}
	if n < len(g.plan.Cut) {
		slow.cut = g.plan.Cut[n]
	}
	http.ServeContent(slow, r, "", time.Time{}, onlySeeker{file})
	g.journal.add("download ends", fmt.Sprint(slow.sent))
}

// onlySeeker hides the file from sendfile, which would bypass the rate limit.
type onlySeeker struct{ io.ReadSeeker }

// slowWriter sends at a rate, and cuts the connection where the plan says so.
type slowWriter struct {
	http.ResponseWriter
	r         *http.Request
	rate      int
	start     time.Time
	sent, cut int64
}

func (s *slowWriter) Write(b []byte) (int, error) {
	if s.cut >= 0 && s.sent+int64(len(b)) > s.cut {
		panic(http.ErrAbortHandler)
	}
	if s.rate > 0 {
		due := time.Duration(float64(s.sent) / float64(s.rate) * float64(time.Second))
		if ahead := due - time.Since(s.start); ahead > 0 && !after(s.r.Context(), ahead) {
			return 0, errRefused
		}
	}
	n, err := s.ResponseWriter.Write(b)
	s.sent += int64(n)
	return n, err
}

// inner serves what the stand-in runner's programs use of GitHub.
func (g *github) inner() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("POST /event", func(_ http.ResponseWriter, r *http.Request) {
		ask := read(r)
		g.journal.add(ask["what"], ask["detail"])
	})
	mux.HandleFunc("POST /register", g.register)
	mux.HandleFunc("POST /remove", g.remove)
	mux.HandleFunc("POST /session", g.openSession)
	mux.HandleFunc("POST /session/end", g.endSession)
	mux.HandleFunc("POST /message", g.message)
	mux.HandleFunc("POST /acquire", g.acquire)
	mux.HandleFunc("POST /done", g.done)
	return mux
}

func read(r *http.Request) map[string]string {
	m := map[string]string{}
	_ = json.NewDecoder(r.Body).Decode(&m)
	return m
}

func (g *github) register(w http.ResponseWriter, r *http.Request) {
	ask := read(r)
	g.journal.add("configuring", "")
	after(r.Context(), g.plan.Configuring)
	if ask["token"] != plan.Token || ask["url"] != plan.Scope || ask["replace"] != "true" ||
		ask["unattended"] != "true" {
		g.journal.add("registration refused", fmt.Sprint(ask))
		w.WriteHeader(http.StatusUnauthorized)
		return
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	id := "token:" + ask["name"]
	labels := ask["labels"]
	if ask["no-default-labels"] != "true" {
		labels = "self-hosted,Linux,X64," + labels
	}
	g.registered[id] = registration{Name: ask["name"], Labels: labels, Ephemeral: ask["ephemeral"] == "true"}
	g.save()
	g.journal.add("labels", labels)
	g.journal.add("registered", strings.TrimSpace(ask["name"]+" "+ask["labels"]+" "+ask["runnergroup"]))
	fmt.Fprint(w, id)
}

// remove removes a runner's registration, as a DELETE to GitHub's API does. The runner learns of it with its next
// request.
func (g *github) remove(_ http.ResponseWriter, r *http.Request) {
	ask := read(r)
	g.mu.Lock()
	defer g.mu.Unlock()
	for id, known := range g.registered {
		if known.Name == ask["name"] {
			delete(g.registered, id)
			g.journal.add("removed "+known.Name, "")
		}
	}
	g.save()
}
