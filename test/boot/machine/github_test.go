//go:build linux

package main

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/marqo-ai/ec2-github-runner/test/boot/plan"
)

const known = "token:ec2-k3x9a"

// direct answers requests with a handler, without a network.
type direct struct{ http.Handler }

func (d direct) RoundTrip(r *http.Request) (*http.Response, error) {
	w := httptest.NewRecorder()
	d.ServeHTTP(w, r)
	return w.Result(), nil
}

// fixture is a stand-in GitHub that knows one runner, and a folder with that runner's registration.
type fixture struct {
	github  *github
	journal string
	runner  *runner
}

// newFixture starts the plan's world. The runner's requests reach it in the bubble's virtual time.
func newFixture(t *testing.T, p plan.Plan) fixture {
	t.Helper()
	f := fixture{journal: filepath.Join(t.TempDir(), "events")}
	file, err := os.Create(f.journal)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = file.Close() })
	f.github = &github{
		plan: p, journal: &journal{file: file}, sessions: map[string]*session{},
		registered: map[string]registration{known: {Name: "ec2-k3x9a"}},
	}
	before := client.Transport
	client.Transport = direct{f.github.inner()}
	t.Cleanup(func() { client.Transport = before })
	f.runner = &runner{home: t.TempDir(), version: "2.330.0", settings: settings{AgentID: known},
		log: &strings.Builder{}}
	return f
}

// happened returns the names of the events.
func (f fixture) happened(t *testing.T) []string {
	t.Helper()
	text, err := os.ReadFile(f.journal)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for line := range strings.Lines(string(text)) {
		var e plan.Event
		if err := json.Unmarshal([]byte(line), &e); err != nil {
			t.Fatal(err)
		}
		names = append(names, e.What)
	}
	return names
}

// TestSessionConflict: a runner has one listener at a time. A second one gives up after some attempts; if the first has
// vanished, its session lapses.
func TestSessionConflict(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFixture(t, plan.Plan{})
		if code := f.runner.connect(); code != 0 {
			t.Fatalf("the first listener ends with %d", code)
		}
		first := f.github.sessions[f.runner.session]
		first.polls++
		second := &runner{home: f.runner.home, settings: f.runner.settings, log: &strings.Builder{}}
		began := time.Now()
		if code := second.connect(); code != exitConflict {
			t.Errorf("the second listener ends with %d, want %d", code, exitConflict)
		}
		if took, want := time.Since(began), conflictLimit-retryInterval; took != want {
			t.Errorf("it gives up after %v, want %v", took, want)
		}
		first.polls, first.seen = 0, time.Now()
		if code := second.connect(); code != 0 {
			t.Errorf("after the first is gone the second ends with %d", code)
		}
		if got := f.happened(t); !slices.Contains(got, "session conflict") || got[len(got)-1] != "online" {
			t.Errorf("it happened %q", got)
		}
	})
}

// TestSelfUpdate: GitHub asks an outdated listener to update itself, once, unless it refuses updates or has the newest
// release; it assigns jobs in any case.
func TestSelfUpdate(t *testing.T) {
	for _, c := range []struct {
		name, version string
		refuses       bool
		want          string
	}{
		{"behind", "2.330.0", false, "2.331.0"},
		{"behind, with --disableupdate", "2.330.0", true, ""},
		{"the newest", "2.331.0", false, ""},
		{"newer than the newest", "2.332.0", false, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			f := newFixture(t, plan.Plan{Version: "2.331.0", Jobs: []plan.Job{{Name: "a"}}})
			f.runner.version, f.runner.settings.DisableUpdate = c.version, flag(c.refuses)
			if code := f.runner.connect(); code != 0 {
				t.Fatalf("connect ends with %d", code)
			}
			message, err := f.runner.next()
			if err != nil || message.Refresh != c.want {
				t.Errorf("it is told to update itself to %q, want %q: %v", message.Refresh, c.want, err)
			}
			if c.want != "" {
				message, err = f.runner.next()
			}
			if err != nil || message.Refresh != "" || message.Job == nil || message.Job.Name != "a" {
				t.Errorf("the next message is %+v: %v", message, err)
			}
		})
	}
}

// TestExitCodes: the listener's exit code, by its files and GitHub's answers.
func TestExitCodes(t *testing.T) {
	const deprecated = "ACTIONS_RUNNER_RETURN_VERSION_DEPRECATED_EXIT_CODE"
	write := func(name, text string) func(*testing.T, fixture) {
		return func(t *testing.T, f fixture) {
			t.Helper()
			if err := os.WriteFile(filepath.Join(f.runner.home, name), []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
		}
	}
	const registered, stranger = `{"AgentId":"` + known + `"}`, `{"AgentId":"nobody"}`
	for _, c := range []struct {
		name  string
		world plan.Plan
		files func(*testing.T, fixture)
		env   string
		args  []string
		want  int
	}{
		{name: "no registration", files: func(*testing.T, fixture) {}, want: exitTerminated},
		{name: "only a registration that was moved", files: write(".runner_migrated", registered), want: exitRetryable},
		{name: "a registration that GitHub does not know", files: write(".runner", stranger), want: exitTerminated},
		{
			name: "no just-in-time configuration", files: write(".runner", registered),
			args: []string{"--jitconfig", "?"}, want: exitTerminated,
		},
		{
			name: "a version that GitHub refuses", world: plan.Plan{Least: "2.331.0"},
			files: write(".runner", registered), want: exitTerminated,
		},
		{
			name: "a version that GitHub refuses, asked for its code", world: plan.Plan{Least: "2.331.0"}, env: "1",
			files: write(".runner", registered), want: exitDeprecated,
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			f := newFixture(t, c.world)
			t.Setenv(deprecated, c.env)
			c.files(t, f)
			if got := f.runner.run(c.args); got != c.want {
				t.Errorf("it ends with %d, want %d", got, c.want)
			}
		})
	}
}

// TestSingleUse: a single-use runner ends after its job with 0 and without its registration; one that updates itself
// ends with its own code.
func TestSingleUse(t *testing.T) {
	for _, single := range []bool{false, true} {
		f := newFixture(t, plan.Plan{})
		f.runner.settings.Ephemeral = flag(single)
		if err := os.WriteFile(filepath.Join(f.runner.home, ".runner"), nil, 0o600); err != nil {
			t.Fatal(err)
		}
		over := &runningJob{ended: make(chan struct{})}
		close(over.ended)
		f.runner.job.Store(over)
		if code, ended := f.runner.ended(); code != 0 || ended != single || configured(f.runner.home) == single {
			t.Errorf("single-use %v: after a job: code %d, ended %v, configured %v", single, code, ended,
				configured(f.runner.home))
		}
		f.runner.updating = make(chan bool, 1)
		f.runner.updating <- true
		want := exitUpdating
		if single {
			want = exitRunOnceUpdating
		}
		if code, ended := f.runner.ended(); code != want || !ended {
			t.Errorf("single-use %v: after an update: code %d, ended %v", single, code, ended)
		}
	}
}
