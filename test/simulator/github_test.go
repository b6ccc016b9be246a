package simulator_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-github/v57/github"

	"github.com/marqo-ai/ec2-github-runner/test/simulator"
)

// status is the HTTP status of an answer or error.
func status(resp *github.Response) int {
	if resp == nil {
		return 0
	}
	return resp.StatusCode
}

func jit(name string, labels ...string) *github.GenerateJITConfigRequest {
	return &github.GenerateJITConfigRequest{Name: name, RunnerGroupID: 1, Labels: labels}
}

// TestAccess holds tokens to what GitHub says: 401 to one it does not know, 404 for what a token may not see, 403 for
// what it may see but not manage.
func TestAccess(t *testing.T) {
	for _, c := range []struct {
		token, owner, repo string
		want               int
	}{
		{"ghp_demo", "demo-org", "demo", 200},
		{"nonsense", "demo-org", "demo", 401},
		{"expired", "demo-org", "demo", 401},
		{"ghp_demo", "demo-org", "other", 404},
		{"reader", "demo-org", "demo", 403},
		{"reader", "demo-org", "missing", 404},
	} {
		synctest.Test(t, func(t *testing.T) {
			cfg := simulator.Defaults()
			cfg.Repositories = append(cfg.Repositories, "demo-org/other")
			cfg.Tokens = append(cfg.Tokens, simulator.Token{Value: "expired", Expired: true, Admin: []string{"*"}},
				simulator.Token{Value: "reader", Read: []string{"demo-org/*"}})
			w := simulator.New(cfg)
			_, resp, _ := inProcess(w).github(t, c.token).Actions.ListRunners(t.Context(), c.owner, c.repo, nil)
			if got := status(resp); got != c.want {
				t.Errorf("%s on %s/%s: %d, want %d", c.token, c.owner, c.repo, got, c.want)
			}
			_, resp, _ = inProcess(w).github(t, c.token).Actions.GetWorkflowRunByID(t.Context(), c.owner, c.repo, 1)
			want := c.want
			if want == 200 {
				want = 404 // the run does not exist
			}
			if got := status(resp); got != want {
				t.Errorf("%s asks for a run: %d, want %d", c.token, got, want)
			}
			noSurprises(t, w)
		})
	}
}

// TestManyRunners finds one runner among three thousand, by pages and by name.
func TestManyRunners(t *testing.T) {
	both(t, simulator.Config{ForeignRunners: 3000}, func(t *testing.T, w *simulator.World, by way, _ time.Duration) {
		hub := by.github(t, "ghp_demo")
		opts := &github.ListOptions{PerPage: 100}
		seen, pages := map[int64]bool{}, 0
		for {
			list, resp, err := hub.Actions.ListRunners(t.Context(), "demo-org", "demo", opts)
			if err != nil {
				t.Fatal(err)
			}
			pages++
			for _, r := range list.Runners {
				seen[r.GetID()] = true
			}
			if list.TotalCount != 3000 {
				t.Fatalf("total_count %d, want 3000", list.TotalCount)
			}
			if resp.NextPage == 0 {
				break
			}
			opts.Page = resp.NextPage
		}
		if len(seen) != 3000 || pages != 30 {
			t.Errorf("%d runners on %d pages, want 3000 on 30", len(seen), pages)
		}
		req, err := hub.NewRequest("GET", "repos/demo-org/demo/actions/runners?name=foreign-0042&per_page=100", nil)
		if err != nil {
			t.Fatal(err)
		}
		var list github.Runners
		if _, err := hub.Do(t.Context(), req, &list); err != nil || list.TotalCount != 1 ||
			list.Runners[0].GetName() != "foreign-0042" {
			t.Errorf("by name: %+v, %v; want the one", list, err)
		}
	})
}

// TestJIT holds generate-jitconfig to GitHub's rules: labels in lower case, unique names, refused names and lists, an
// answer that is seen late, a name that is free again once the runner is gone.
func TestJIT(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := simulator.New(simulator.Config{})
		ctx, hub := t.Context(), inProcess(w).github(t, "ghp_demo")
		made, _, err := hub.Actions.GenerateRepoJITConfig(ctx, "demo-org", "demo", jit("ec2-abc", "ABC", "self-hosted"))
		if err != nil {
			t.Fatal(err)
		}
		if got := made.GetRunner().Labels[0].GetName(); got != "abc" {
			t.Errorf("label %q, want it in lower case", got)
		}
		if n := len(made.GetEncodedJITConfig()); n < 3000 || n > 6000 {
			t.Errorf("the configuration has %d characters, want about 4000", n)
		}
		id := made.GetRunner().GetID()
		if _, resp, _ := hub.Actions.GetRunner(ctx, "demo-org", "demo", id); status(resp) != 404 {
			t.Errorf("seen at once: %d, want 404", status(resp))
		}
		pause(ctx, time.Second)
		if r, _, err := hub.Actions.GetRunner(ctx, "demo-org", "demo", id); err != nil || r.GetStatus() != "offline" {
			t.Errorf("seen later: %v, %v; want it offline", r, err)
		}
		for _, c := range []struct {
			in   *github.GenerateJITConfigRequest
			want int
		}{
			{jit("ec2-ABC", "x"), 409}, {jit("a/b", "x"), 422}, {jit(strings.Repeat("x", 65), "x"), 422},
			{jit("ok"), 422},
			{jit("ok", make([]string, 101)...), 422},
			{&github.GenerateJITConfigRequest{Name: "ok", RunnerGroupID: 7, Labels: []string{"x"}}, 404},
		} {
			if _, resp, _ := hub.Actions.GenerateRepoJITConfig(ctx, "demo-org", "demo", c.in); status(resp) != c.want {
				t.Errorf("%q with %d labels in group %d: %d, want %d", c.in.Name, len(c.in.Labels), c.in.RunnerGroupID,
					status(resp), c.want)
			}
		}
		count := func() int {
			list, _, err := hub.Actions.ListRunners(ctx, "demo-org", "demo", nil)
			if err != nil {
				t.Fatal(err)
			}
			return list.TotalCount
		}
		if resp, _ := hub.Actions.RemoveRunner(ctx, "demo-org", "demo", id); status(resp) != 204 || count() != 1 {
			t.Errorf("remove: %d, want 204 and a list that shows it a little longer", status(resp))
		}
		pause(ctx, time.Second)
		if resp, _ := hub.Actions.RemoveRunner(ctx, "demo-org", "demo", id); status(resp) != 404 || count() != 0 {
			t.Errorf("remove again: %d, want 404 and an empty list", status(resp))
		}
		if _, _, err := hub.Actions.GenerateRepoJITConfig(ctx, "demo-org", "demo", jit("ec2-abc", "abc")); err != nil {
			t.Errorf("the name is not free again: %v", err)
		}
	})
}

// TestLimits runs into each of GitHub's limits, and finds them gone after their time.
func TestLimits(t *testing.T) {
	t.Run("points", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			w := simulator.New(simulator.Config{})
			got := flood(t, inProcess(w), 1000, 90, "GET", "repos/demo-org/demo/actions/runners")
			// The first two waves and part of what follows fit into 900 points a minute.
			if got[200] != 900 || got[403] != 100 {
				t.Errorf("statuses %v, want 900 that pass and 100 that are refused", got)
			}
			pause(t.Context(), time.Minute)
			if got := flood(t, inProcess(w), 1, 1, "GET", "repos/demo-org/demo/actions/runners"); got[200] != 1 {
				t.Errorf("a minute later: %v", got)
			}
		})
	})
	t.Run("points of writes", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			w := simulator.New(simulator.Config{})
			if got := flood(t, inProcess(w), 200, 90, "DELETE",
				"repos/demo-org/demo/actions/runners/99"); got[404] != 180 ||
				got[403] != 20 {
				t.Errorf("statuses %v, want 180 that pass at five points each", got)
			}
		})
	})
	t.Run("creations", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			w := simulator.New(simulator.Config{})
			if got := flood(t, inProcess(w), 100, 50, "POST",
				"repos/demo-org/demo/actions/runners/registration-token"); got[201] != 80 || got[403] != 20 {
				t.Errorf("statuses %v, want 80 and 20", got)
			}
		})
	})
	t.Run("at once", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			w := simulator.New(simulator.Config{})
			if got := flood(t, inProcess(w), 130, 130, "GET", "repos/demo-org/demo/actions/runners"); got[403] != 30 ||
				got[200] != 100 {
				t.Errorf("statuses %v, want 30 of 130 at once to be refused", got)
			}
		})
	})
	t.Run("hour", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			w := simulator.New(simulator.Config{Tokens: []simulator.Token{{Value: "ghp_demo",
				Admin: []string{"demo-org/demo"},
				Limit: 10, Used: 7}}})
			hub := inProcess(w).github(t, "ghp_demo")
			var limited *github.RateLimitError
			for n := range 4 {
				_, resp, err := hub.Actions.ListRunners(t.Context(), "demo-org", "demo", nil)
				if refused := errors.As(err, &limited); refused != (n == 3) || resp.Rate.Remaining != max(0, 2-n) {
					t.Errorf("call %d: %v with %d remaining", n+1, err, resp.Rate.Remaining)
				}
			}
			if in := time.Until(limited.Rate.Reset.Time); in < 59*time.Minute || in > time.Hour {
				t.Errorf("reset in %s, want about an hour", in)
			}
			pause(t.Context(), time.Hour)
			if _, _, err := hub.Actions.ListRunners(t.Context(), "demo-org", "demo", nil); err != nil {
				t.Errorf("an hour later: %v", err)
			}
		})
	})
}

// flood sends n requests, so many at once, and counts the answers by status.
func flood(t *testing.T, by way, n, atOnce int, method, path string) map[int]int {
	t.Helper()
	statuses, turns := make(chan int, n), make(chan struct{}, atOnce)
	for range n {
		go func() {
			turns <- struct{}{}
			defer func() { <-turns }()
			hub := by.github(t, "ghp_demo") // a client of its own: a limited one sends no more
			req, err := hub.NewRequest(method, path, nil)
			if err != nil {
				statuses <- -1
				return
			}
			resp, _ := hub.BareDo(t.Context(), req)
			if resp != nil {
				_ = resp.Body.Close()
			}
			statuses <- status(resp)
		}()
	}
	got := map[int]int{}
	for range n {
		got[<-statuses]++
	}
	return got
}

// TestNotModified shows that a 304 is free of the hourly limit.
func TestNotModified(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := simulator.New(simulator.Config{})
		client := &http.Client{Transport: w.Transport()}
		get := func(tag string) *http.Response {
			req, err := http.NewRequestWithContext(t.Context(), http.MethodGet,
				"https://api.github.com/repos/demo-org/demo/actions/runners", nil)
			if err != nil {
				t.Fatal(err)
			}
			req.Header.Set("Authorization", "token ghp_demo")
			if tag != "" {
				req.Header.Set("If-None-Match", tag)
			}
			resp, err := client.Do(req)
			if err != nil {
				t.Fatal(err)
			}
			_, _ = io.Copy(io.Discard, resp.Body)
			_ = resp.Body.Close()
			return resp
		}
		first := get("")
		second := get(first.Header.Get("ETag"))
		got := []string{fmt.Sprint(second.StatusCode), first.Header.Get("X-RateLimit-Used"),
			second.Header.Get("X-RateLimit-Used")}
		if diff := cmp.Diff([]string{"304", "1", "1"}, got); diff != "" {
			t.Errorf("status and used (-want +got):\n%s", diff)
		}
	})
}

// TestScopes goes the same way in each of the three scopes.
func TestScopes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := simulator.New(simulator.Config{Tokens: []simulator.Token{{Value: "ghp_demo",
			Admin: []string{"demo-org/demo",
				"demo-org", "enterprises/big"}}}})
		hub := inProcess(w).github(t, "ghp_demo")
		do := func(method, path string, body any) int {
			req, err := hub.NewRequest(method, path, body)
			if err != nil {
				t.Fatal(err)
			}
			resp, _ := hub.Do(context.WithoutCancel(t.Context()), req, nil)
			return status(resp)
		}
		for _, scope := range []string{"repos/demo-org/demo", "orgs/demo-org", "enterprises/big"} {
			base := scope + "/actions/runners"
			got := []int{
				do("POST", base+"/generate-jitconfig", jit("same-name", "x")), do("POST", base+"/registration-token",
					nil),
				do("GET", base+"/downloads", nil), do("GET", base, nil),
			}
			if diff := cmp.Diff([]int{201, 201, 200, 200}, got); diff != "" {
				t.Errorf("%s (-want +got):\n%s", scope, diff)
			}
		}
		if got := len(w.Snapshot().Runners); got != 3 {
			t.Errorf("%d runners, want one of the same name in each scope", got)
		}
		noSurprises(t, w)
		var names []string
		for _, c := range w.Calls() {
			names = append(names, c.Operation)
		}
		if got := strings.Join(names[8:10],
			" "); got != "actions/generate-runner-jitconfig-for-enterprise "+
			"enterprise-admin/create-registration-token-for-enterprise" {
			t.Errorf("operations %s", got)
		}
	})
}
