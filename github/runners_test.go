package github_test

import (
	"context"
	"errors"
	"net/http"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/marqo-ai/ec2-github-runner/github"
	"github.com/marqo-ai/ec2-github-runner/test/simulator"
)

// TestLostJITAnswer: the registration of a lost response causes 409 at the retry; it is ours, removed and made again.
func TestLostJITAnswer(t *testing.T) {
	t.Parallel()
	for _, effect := range []simulator.Effect{simulator.EffectCutAfter, simulator.EffectErrorAfter,
		simulator.EffectMalformed} {
		fault := simulator.Fault{Match: simulator.Match{Operation: "actions/generate-runner-jitconfig-for-repo"},
			Effect: effect, Status: 502, Times: 1}
		inBubble(t, simulator.Config{Faults: []simulator.Fault{fault}}, func(ctx context.Context, t *testing.T,
			world *simulator.World, client *github.Client) {
			config, err := client.JITConfig(ctx, github.JITRequest{Name: "ec2-a", GroupID: 1, Labels: []string{"a"}})
			if err != nil {
				t.Fatalf("%s: %v", effect, err)
			}
			_, runners := world.Leftovers()
			if len(runners) != 1 || runners[0].ID != config.RunnerID || !cmp.Equal(runners[0].Labels, []string{"a"}) {
				t.Errorf("%s: runner %d, and there are %+v", effect, config.RunnerID, runners)
			}
		})
	}
}

// TestTakenName: a 409 to the first request is somebody else's registration, which is not touched.
func TestTakenName(t *testing.T) {
	t.Parallel()
	for _, offline := range []bool{false, true} {
		config := simulator.Config{Runners: []simulator.RunnerSeed{{Name: "ec2-a", Offline: offline}}}
		inBubble(t, config, func(ctx context.Context, t *testing.T, world *simulator.World, client *github.Client) {
			_, err := client.JITConfig(ctx, github.JITRequest{Name: "ec2-a", GroupID: 1, Labels: []string{"a"}})
			if !errors.Is(err, github.ErrNameTaken) {
				t.Errorf("error %v", err)
			}
			if n := count(world, "actions/generate-runner-jitconfig-for-repo"); n != 1 {
				t.Errorf("asked %d times", n)
			}
			if changed := world.Changed(); len(changed) > 0 {
				t.Errorf("touched: %v", changed)
			}
		})
	}
}

// forgetful is an old GitHub Enterprise Server without the query parameter `name`: it ignores it and lists all runners.
type forgetful struct{ http.RoundTripper }

func (f forgetful) RoundTrip(request *http.Request) (*http.Response, error) {
	changed := request.Clone(request.Context())
	query := changed.URL.Query()
	query.Del("name")
	changed.URL.RawQuery = query.Encode()
	return f.RoundTripper.RoundTrip(changed)
}

// TestNameFilterIgnored: the client compares the name itself, over all pages.
func TestNameFilterIgnored(t *testing.T) {
	t.Parallel()
	config := simulator.Config{ForeignRunners: 250, Runners: []simulator.RunnerSeed{{Name: "ec2-ours", ID: 9999}}}
	inBubble(t, config, func(ctx context.Context, t *testing.T, world *simulator.World, _ *github.Client) {
		client := newClient(t, forgetful{world.Transport()})
		runner, found, err := client.RunnerByName(ctx, "ec2-ours")
		if err != nil || !found || runner.ID != 9999 || !runner.Online {
			t.Errorf("found %t %+v: %v", found, runner, err)
		}
		if _, found, err := client.RunnerByName(ctx, "ec2-nobody"); found || err != nil {
			t.Errorf("found %t: %v", found, err)
		}
	})
}

// TestNameFilter: with the filter one page is enough, however many other runners there are.
func TestNameFilter(t *testing.T) {
	t.Parallel()
	config := simulator.Config{ForeignRunners: 3000, Runners: []simulator.RunnerSeed{{Name: "ec2-ours"},
		{Name: "ec2-ours-2"}}}
	inBubble(t, config, func(ctx context.Context, t *testing.T, world *simulator.World, client *github.Client) {
		runner, found, err := client.RunnerByName(ctx, "ec2-ours")
		if err != nil || !found || runner.Name != "ec2-ours" {
			t.Errorf("found %t %+v: %v", found, runner, err)
		}
		if n := len(world.Calls()); n != 1 {
			t.Errorf("%d calls, want 1", n)
		}
	})
}

// TestPages: all runners in as few calls as GitHub allows.
func TestPages(t *testing.T) {
	t.Parallel()
	inBubble(t, simulator.Config{ForeignRunners: 250}, func(ctx context.Context, t *testing.T, world *simulator.World,
		client *github.Client) {
		names := map[string]bool{}
		for page, pages := 1, 1; page <= pages; page++ {
			list, all, err := client.RunnersPage(ctx, page)
			if err != nil {
				t.Fatal(err)
			}
			for _, runner := range list {
				names[runner.Name] = true
			}
			pages = all
		}
		if len(names) != 250 || len(world.Calls()) != 3 {
			t.Errorf("%d runners in %d calls, want 250 in 3", len(names), len(world.Calls()))
		}
	})
}

// TestRemove: a missing runner is a success, a busy one an error.
func TestRemove(t *testing.T) {
	t.Parallel()
	config := simulator.Config{Runners: []simulator.RunnerSeed{{Name: "idle", ID: 1, Offline: true},
		{Name: "busy", ID: 2, Busy: true}}}
	inBubble(t, config, func(ctx context.Context, t *testing.T, _ *simulator.World, client *github.Client) {
		for id, want := range map[int64]error{1: nil, 2: github.ErrBusy, 3: nil} {
			if err := client.Remove(ctx, id); !errors.Is(err, want) {
				t.Errorf("remove %d: %v, want %v", id, err, want)
			}
		}
	})
}

// TestParseScope: which scopes are valid, and the address that a machine registers at.
func TestParseScope(t *testing.T) {
	t.Parallel()
	for text, web := range map[string]string{
		"owner/repo": "https://github.com/owner/repo", "org": "https://github.com/org",
		"enterprises/acme": "https://github.com/enterprises/acme", "a.b/c_d-e": "https://github.com/a.b/c_d-e",
		"": "", "/": "", "a/": "", "a/b/c": "", "a b/c": "", "../x": "", "a/..": "", "a?b/c": "", "a/b#c": "",
	} {
		scope, err := github.ParseScope(text)
		if (err == nil) != (web != "") {
			t.Errorf("%q: %v", text, err)
		}
		if err == nil && scope.WebURL("https://github.com/") != web {
			t.Errorf("%q: %s, want %s", text, scope.WebURL("https://github.com/"), web)
		}
	}
}
