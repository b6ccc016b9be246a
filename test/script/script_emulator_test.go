package script

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/marqo-ai/ec2-github-runner/test/simulator"
)

// emulatorWorld replaces the simulator's scale-set service by an independent emulator; EC2 is still the simulator's.
// The emulator has no machines and no other API of GitHub: this file adds what is missing.
type emulatorWorld struct {
	url string

	mu    sync.Mutex
	takes map[string]time.Duration // by job
}

// emulatorState is the emulator's state (src/testing/state.rs of the crate scaleset 0.1.0).
type emulatorState struct {
	Sets     []emulatorSet `json:"scaleSets"`
	Sessions []struct {
		Set int64 `json:"scaleSetId"`
	}
	Runners []struct {
		ID   int64
		Name string
		Set  int64 `json:"scaleSetId"`
		Job  *int64
	}
	Jobs []struct {
		ID    int64
		Set   int64 `json:"scaleSetId"`
		State string
	}
}

type emulatorSet struct {
	ID     int64
	Name   string
	Labels []struct{ Name string }
}

// TestEmulatorScripts runs the scripts that name the emulator in their first line, one after the other, since the
// emulator has only one state: scripts/emulator with go test -run Emulator ./test/script
func TestEmulatorScripts(t *testing.T) {
	address := os.Getenv("EGR_EMULATOR_URL")
	marked := markedScripts(t, "emulator", 2)
	if address == "" {
		return // without the emulator only the marks are checked
	}
	params := scriptParams(marked)
	setup := params.Setup
	params.UpdateScripts = false
	params.Setup = func(env *testscript.Env) error {
		err := setup(env)
		env.Values[sceneKey{}] = &scene{emulator: &emulatorWorld{url: address, takes: map[string]time.Duration{}}}
		return err
	}
	testscript.RunT(sequential{t}, params)
}

// begin resets the emulator, points the script at it, and simulates runners until the script ends.
func (e *emulatorWorld) begin(ts *testscript.TestScript, world *simulator.World) {
	ts.Check(e.control(context.Background(), http.MethodPost, "reset", nil, nil))
	target, err := url.Parse(e.url)
	ts.Check(err)
	pass := httputil.NewSingleHostReverseProxy(target)
	front := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, req *http.Request) {
		if req.Method == http.MethodGet && strings.HasSuffix(req.URL.Path, "/actions/runners") {
			e.listRunners(rw, req)
			return
		}
		pass.ServeHTTP(rw, req)
	}))
	ts.Defer(front.Close)
	ts.Setenv("world_github", front.URL)
	ctx, cancel := context.WithCancel(context.Background())
	var done sync.WaitGroup
	done.Go(func() { e.run(ctx, ts, world) })
	ts.Defer(func() { cancel(); done.Wait() })
}

func (e *emulatorWorld) control(ctx context.Context, method, path string, in, out any) error {
	var body io.Reader
	if in != nil {
		text, err := json.Marshal(in)
		if err != nil {
			return err
		}
		body = bytes.NewReader(text)
	}
	req, err := http.NewRequestWithContext(ctx, method, e.url+"/_emulator/"+path, body)
	if err != nil {
		return err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err == nil && resp.StatusCode > 299 {
		err = fmt.Errorf("emulator: %s: %s: %s", path, resp.Status, text)
	}
	if err == nil && out != nil {
		err = json.Unmarshal(text, out)
	}
	return err
}

func (e *emulatorWorld) state(ctx context.Context) (emulatorState, error) {
	var s emulatorState
	err := e.control(ctx, http.MethodGet, "state", nil, &s)
	return s, err
}

// listRunners answers GitHub's list of runners, which the emulator does not have.
func (e *emulatorWorld) listRunners(rw http.ResponseWriter, req *http.Request) {
	state, err := e.state(req.Context())
	if err != nil {
		http.Error(rw, err.Error(), http.StatusBadGateway)
		return
	}
	list := []map[string]any{}
	for _, r := range state.Runners {
		list = append(list, map[string]any{"id": r.ID, "name": r.Name, "os": "linux", "status": "online",
			"busy": r.Job != nil, "labels": []any{}})
	}
	rw.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(rw).Encode(map[string]any{"total_count": len(list), "runners": list})
}

// run simulates the runners: one on a running machine takes an assigned job of its set, and its machine ends with the
// job.
func (e *emulatorWorld) run(ctx context.Context, ts *testscript.TestScript, world *simulator.World) {
	ends := map[int64]time.Time{} // by job
	on := map[int64]string{}      // by job: its machine
	for ctx.Err() == nil {
		state, err := e.state(ctx)
		if err != nil {
			break
		}
		machines := map[string]string{}
		for _, i := range world.Snapshot().Instances {
			if i.State == "running" {
				machines[i.Tags["ec2-github-runner:runner-name"]] = i.ID
			}
		}
		for _, r := range state.Runners {
			machine := machines[r.Name]
			for n, j := range state.Jobs {
				if machine == "" || r.Job != nil || j.Set != r.Set || j.State != "assigned" {
					continue
				}
				if err := e.control(ctx, http.MethodPost, fmt.Sprintf("jobs/%d/start", j.ID),
					map[string]string{"runnerName": r.Name}, nil); err != nil {
					ts.Logf("%v", err)
				}
				state.Jobs[n].State, ends[j.ID], on[j.ID] = "running", time.Now().Add(e.duration(j.ID)), machine
				break
			}
		}
		for job, end := range ends {
			if time.Now().After(end) {
				_ = e.control(ctx, http.MethodPost, fmt.Sprintf("jobs/%d/complete", job), struct{}{}, nil)
				world.EndInstance(on[job], "Client.InstanceInitiatedShutdown")
				delete(ends, job)
			}
		}
		select {
		case <-ctx.Done():
		case <-time.After(100 * time.Millisecond):
		}
	}
}

func (e *emulatorWorld) duration(job int64) time.Duration {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.takes[fmt.Sprint(job)] / scriptSpeed
}

// queue queues a job for a set, which must exist.
func (e *emulatorWorld) queue(ts *testscript.TestScript, set string, takes time.Duration) {
	var made struct {
		ID int64 `json:"runnerRequestId"`
	}
	state, err := e.state(context.Background())
	ts.Check(err)
	for _, s := range state.Sets {
		if s.Name == set {
			ts.Check(e.control(context.Background(), http.MethodPost, "jobs", map[string]any{"scaleSetId": s.ID},
				&made))
		}
	}
	if made.ID == 0 {
		ts.Fatalf("the emulator has no set %s", set)
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	e.takes[fmt.Sprint(made.ID)] = takes
}

// ofSet makes a call about a set; path contains a placeholder for its id.
func (e *emulatorWorld) ofSet(ts *testscript.TestScript, set, path string) {
	state, err := e.state(context.Background())
	ts.Check(err)
	for _, s := range state.Sets {
		if s.Name == set {
			ts.Check(e.control(context.Background(), http.MethodPost, fmt.Sprintf(path, s.ID), nil, nil))
			return
		}
	}
	ts.Fatalf("the emulator has no set %s", set)
}

func (e *emulatorWorld) countJobs(ts *testscript.TestScript, count map[string]int) {
	state, err := e.state(context.Background())
	ts.Check(err)
	words := map[string]string{"available": "queued", "completed": "done"}
	for _, j := range state.Jobs {
		word := j.State
		if other, differs := words[word]; differs {
			word = other
		}
		for _, s := range state.Sets {
			if s.ID == j.Set {
				count[s.Name+" "+word]++
			}
		}
	}
}

func (e *emulatorWorld) showSets(ts *testscript.TestScript) string {
	state, err := e.state(context.Background())
	ts.Check(err)
	var b strings.Builder
	slices.SortFunc(state.Sets, func(a, b emulatorSet) int { return cmp.Compare(a.Name, b.Name) })
	for _, s := range state.Sets {
		var labels []string
		for _, l := range s.Labels {
			labels = append(labels, l.Name)
		}
		held, runners := false, 0
		for _, session := range state.Sessions {
			held = held || session.Set == s.ID
		}
		for _, r := range state.Runners {
			if r.Set == s.ID {
				runners++
			}
		}
		fmt.Fprintf(&b, "set %s labels=%s held=%t runners=%d\n", s.Name, strings.Join(labels, ","), held, runners)
	}
	return b.String()
}
