package github_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/marqo-ai/ec2-github-runner/github"
	"github.com/marqo-ai/ec2-github-runner/test/openapi"
	"github.com/marqo-ai/ec2-github-runner/test/simulator"
)

// scene is a world with an App, and a client that signs in as it.
type scene struct {
	world  *simulator.World
	client *github.Client
	app    *github.App
	mu     sync.Mutex
	log    strings.Builder
	// masked are the tokens that were passed to Secret, in order.
	masked []string
}

func (s *scene) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.log.Write(p)
}

func (s *scene) said() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.log.String()
}

// withApp is a world with one App, installed on the organization demo-org for one repository, and on an enterprise.
func withApp(change func(*simulator.Config)) simulator.Config {
	config := simulator.Config{
		Repositories: []string{"demo-org/demo", "demo-org/other"},
		Apps: []simulator.App{{
			ID: 12345, ClientID: "Iv23demo", Slug: "runner-app", Owner: "demo-org",
			Permissions: map[string]string{"administration": "write", "organization_self_hosted_runners": "write",
				"actions": "read", "metadata": "read"},
			Installations: []simulator.Installation{
				{ID: 77, Account: "demo-org", Repositories: []string{"demo-org/demo"}},
				{ID: 78, Account: "enterprises/demo",
					Permissions: map[string]string{"enterprise_administration": "write"}},
			},
		}},
		Runs: []simulator.Run{{ID: 4711, Status: "completed", Conclusion: "success"}},
	}
	if change != nil {
		change(&config)
	}
	return config
}

type options func(*github.AppOptions)

func runs(o *github.AppOptions) { o.Runs = true }

func inScope(scope string) options {
	return func(o *github.AppOptions) {
		var err error
		if o.Scope, err = github.ParseScope(scope); err != nil {
			panic(err)
		}
	}
}

// asApp runs f in virtual time, and validates every exchange against GitHub's description.
func asApp(t *testing.T, config simulator.Config, f func(ctx context.Context, t *testing.T, s *scene),
	with ...options) {
	t.Helper()
	validator, err := openapi.New()
	if err != nil {
		t.Fatal(err)
	}
	synctest.Test(t, func(t *testing.T) {
		s := &scene{world: simulator.New(config)}
		s.world.OnRequest(func(request *http.Request, response *http.Response) {
			asked, _ := io.ReadAll(request.Body)
			answered, _ := io.ReadAll(response.Body)
			if err := validator.Check(request, asked, response, answered); err != nil {
				t.Error(err)
			}
		})
		o := github.AppOptions{ID: "Iv23demo", Key: s.world.AppKey(), Repository: "demo-org/demo",
			Secret: func(value string) { s.masked = append(s.masked, value) }}
		inScope("demo-org/demo")(&o)
		for _, change := range with {
			change(&o)
		}
		s.app = github.NewApp(o)
		s.client = s.fresh(t)
		f(t.Context(), t, s)
		if surprises := s.world.Surprises(); len(surprises) > 0 {
			t.Errorf("asked what the world does not model: %v", surprises)
		}
	})
}

// fresh returns another client of the same session.
func (s *scene) fresh(t *testing.T) *github.Client {
	t.Helper()
	client, err := github.New(github.Options{
		BaseURL: github.DefaultBaseURL, App: s.app, Scope: s.app.Scope, Transport: s.world.Transport(),
		Log: slog.New(slog.NewTextHandler(s, &slog.HandlerOptions{Level: slog.LevelDebug})),
	})
	if err != nil {
		t.Fatal(err)
	}
	return client
}

const creation = "apps/create-installation-access-token"

// asked returns the request for the last token.
func (s *scene) asked() string {
	text := ""
	for _, call := range s.world.Calls() {
		if call.Operation == creation {
			text = strings.TrimSpace(call.Params["repositories"] + " " + strings.TrimPrefix(call.Params["permissions"],
				"map"))
		}
	}
	return text
}

// A token is requested with the least permissions, for the one repository only.
func TestAppAsksForTheLeast(t *testing.T) {
	t.Parallel()
	readOnly := func(o *github.AppOptions) { o.ReadOnly = true }
	elsewhere := func(o *github.AppOptions) { o.Repository = "someone/else" }
	withoutActions := withApp(func(c *simulator.Config) { delete(c.Apps[0].Permissions, "actions") })
	for name, c := range map[string]struct {
		config simulator.Config
		with   []options
		want   string
	}{
		"a repository":                {withApp(nil), nil, "demo [administration:write]"},
		"a repository, read only":     {withApp(nil), []options{readOnly}, "demo [administration:read]"},
		"a repository and its runs":   {withApp(nil), []options{runs}, "demo [actions:read administration:write]"},
		"runs without the permission": {withoutActions, []options{runs}, "demo [administration:write]"},
		"an organization": {withApp(nil), []options{inScope("demo-org")},
			"[organization_self_hosted_runners:write]"},
		"an organization, a repository's runs": {withApp(nil), []options{inScope("demo-org"), runs},
			"demo [actions:read organization_self_hosted_runners:write]"},
		"an organization, another's runs": {withApp(nil), []options{inScope("demo-org"), runs, elsewhere},
			"[organization_self_hosted_runners:write]"},
	} {
		asApp(t, c.config, func(ctx context.Context, t *testing.T, s *scene) {
			if _, err := s.client.AllRunners(ctx); err != nil {
				t.Errorf("%s: %v", name, err)
			}
			if got := s.asked(); got != c.want {
				t.Errorf("%s: asked for %q, want %q", name, got, c.want)
			}
			if len(s.masked) != 1 || !strings.HasPrefix(s.masked[0], "ghs_") {
				t.Errorf("%s: masked %v", name, s.masked)
			}
			lacks := strings.Contains(s.said(), "actions: read")
			if want := name == "runs without the permission" ||
				strings.HasSuffix(name, "another's runs"); lacks != want {
				t.Errorf("%s: what the installation lacks is said: %t, want %t", name, lacks, want)
			}
		}, c.with...)
	}
}

// Registration, look-ups, removal and runs work with such a token; one session serves all clients.
func TestAppManagesRunners(t *testing.T) {
	t.Parallel()
	for _, scope := range []string{"demo-org/demo", "demo-org"} {
		asApp(t, withApp(nil), func(ctx context.Context, t *testing.T, s *scene) {
			if err := s.client.SignIn(ctx); err != nil {
				t.Fatal(err)
			}
			config, err := s.client.JITConfig(ctx, github.JITRequest{Name: "ec2-a", GroupID: 1, Labels: []string{"a"}})
			if err != nil {
				t.Fatal(err)
			}
			<-time.After(5 * time.Second)
			over, err := s.client.RunOver(ctx, "demo-org/demo", "4711")
			if err != nil || !over {
				t.Errorf("run: %t, %v", over, err)
			}
			if err := s.fresh(t).Remove(ctx, config.RunnerID); err != nil {
				t.Error(err)
			}
			if n := count(s.world, "apps/*"); n != 2 {
				t.Errorf("%d calls as the App, want 2", n)
			}
			who := s.client.SignedIn()
			if want := "GitHub App runner-app (App id 12345, installation 77 on demo-org), until 01:00:00 UTC, " +
				"renewed before that"; who.String() != want {
				t.Errorf("signed in: %s, want %s", who, want)
			}
		}, inScope(scope), runs)
	}
}

// By the App id instead of the client id.
func TestAppByItsNumber(t *testing.T) {
	t.Parallel()
	asApp(t, withApp(nil), func(ctx context.Context, t *testing.T, s *scene) {
		if err := s.client.SignIn(ctx); err != nil {
			t.Error(err)
		}
	}, func(o *github.AppOptions) { o.ID = "12345" })
}

// look makes a call every few seconds, as a waiting start does, until an error or the end.
func (s *scene) look(ctx context.Context, every, until time.Duration) error {
	for begun := time.Now(); time.Since(begun) < until; <-time.After(every) {
		if _, _, err := s.client.RunnerByName(ctx, "ec2-a"); err != nil {
			return fmt.Errorf("after %s: %w", time.Since(begun), err)
		}
	}
	return nil
}

// Three hours of calls see no refusal: the token is renewed before it expires, by about one call an hour.
func TestAppTokenIsRenewed(t *testing.T) {
	t.Parallel()
	for _, ahead := range []time.Duration{0, 30 * time.Second, -6 * time.Minute, 40 * time.Minute} {
		asApp(t, withApp(func(c *simulator.Config) { c.GitHubClock = ahead }), func(ctx context.Context, t *testing.T,
			s *scene) {
			if err := s.look(ctx, 5*time.Second, 3*time.Hour); err != nil {
				t.Fatal(err)
			}
			if n := len(s.masked); n != 4 {
				t.Errorf("%d tokens in three hours, want 4", n)
			}
			for _, call := range s.world.Calls() {
				if call.Status == http.StatusUnauthorized && call.Operation != "apps/get-repo-installation" {
					t.Errorf("%s was refused at %s", call.Operation, call.Time)
				}
			}
		})
	}
}

// Many goroutines share one renewal.
func TestAppTokenIsRenewedOnce(t *testing.T) {
	t.Parallel()
	asApp(t, withApp(nil), func(ctx context.Context, t *testing.T, s *scene) {
		for range 2 {
			var group sync.WaitGroup
			for range 20 {
				group.Go(func() {
					if _, _, err := s.client.RunnerByName(ctx, "ec2-a"); err != nil {
						t.Error(err)
					}
				})
			}
			group.Wait()
			<-time.After(55 * time.Minute)
		}
		if n := count(s.world, creation); n != 2 {
			t.Errorf("%d tokens, want 2", n)
		}
	})
}

// A renewal without a response blocks nobody whose token is still valid.
func TestAppRenewalHangs(t *testing.T) {
	t.Parallel()
	asApp(t, withApp(nil), func(ctx context.Context, t *testing.T, s *scene) {
		if err := s.client.SignIn(ctx); err != nil {
			t.Fatal(err)
		}
		<-time.After(55 * time.Minute)
		s.world.AddFault(simulator.Fault{Match: simulator.Match{Operation: creation}, Effect: simulator.EffectHang,
			Times: 1})
		var group sync.WaitGroup
		took := make([]time.Duration, 5)
		for n := range took {
			group.Go(func() {
				<-time.After(time.Duration(n) * time.Second)
				begun := time.Now()
				if _, err := s.client.AllRunners(ctx); err != nil {
					t.Error(err)
				}
				took[n] = time.Since(begun)
			})
		}
		group.Wait()
		for n, d := range took[1:] {
			if d > time.Second {
				t.Errorf("call %d waited %s for the renewal", n+1, d)
			}
		}
	})
}

// A token that is revoked in the middle is replaced, and the call goes through.
func TestAppTokenRevoked(t *testing.T) {
	t.Parallel()
	asApp(t, withApp(nil), func(ctx context.Context, t *testing.T, s *scene) {
		for range 2 {
			if _, err := s.client.JITConfig(ctx, github.JITRequest{Name: fmt.Sprint("ec2-", len(s.masked)), GroupID: 1,
				Labels: []string{"a"}}); err != nil {
				t.Error(err)
			}
			<-time.After(time.Minute)
			s.world.RevokeInstallationTokens()
		}
		if len(s.masked) != 2 {
			t.Errorf("%d tokens, want 2", len(s.masked))
		}
	})
}

// A new token takes a moment until all of GitHub knows it, and another until its permissions are known.
func TestAppTokenNeedsAMoment(t *testing.T) {
	t.Parallel()
	for _, moment := range []time.Duration{time.Second, 4 * time.Second} {
		asApp(t, withApp(func(c *simulator.Config) { c.Timing.TokenKnown = moment }), func(ctx context.Context,
			t *testing.T,
			s *scene) {
			if _, err := s.client.RegistrationToken(ctx); err != nil {
				t.Errorf("%s: %v", moment, err)
			}
			if len(s.masked) != 1 {
				t.Errorf("%s: %d tokens, want 1", moment, len(s.masked))
			}
		})
	}
	asApp(t, withApp(func(c *simulator.Config) { c.Timing.TokenKnown = time.Hour }), func(ctx context.Context,
		t *testing.T, s *scene) {
		begun := time.Now()
		_, err := s.client.RegistrationToken(ctx)
		hinted(t, err, github.Unauthorized, github.Topics["app-token-refused"])
		if took := time.Since(begun); took > 20*time.Second {
			t.Errorf("it took %s", took)
		}
	})
}

// The key is replaced while a start runs: the token works to its end with one warning, and then the error says why.
func TestAppKeyRotatedMeanwhile(t *testing.T) {
	t.Parallel()
	asApp(t, withApp(nil), func(ctx context.Context, t *testing.T, s *scene) {
		if err := s.look(ctx, 5*time.Second, 30*time.Minute); err != nil {
			t.Fatal(err)
		}
		s.world.DeleteAppKey(12345)
		if err := s.look(ctx, 5*time.Second, 29*time.Minute); err != nil {
			t.Fatal(err)
		}
		if n := strings.Count(s.said(), "cannot be renewed; it works until 01:00:00 UTC"); n != 1 {
			t.Errorf("%d warnings, want 1: %s", n, s.said())
		}
		err := s.look(ctx, 5*time.Second, 5*time.Minute)
		hinted(t, err, github.Unauthorized, github.Topics["app-key"])
	})
}

// GitHub does not respond at the App's endpoints when the token is to be renewed: the old one is used, and the renewal
// comes later.
func TestAppRenewalWaitsForGitHub(t *testing.T) {
	t.Parallel()
	asApp(t, withApp(nil), func(ctx context.Context, t *testing.T, s *scene) {
		if err := s.look(ctx, 5*time.Second, 45*time.Minute); err != nil {
			t.Fatal(err)
		}
		s.world.AddFault(simulator.Fault{Match: simulator.Match{Operation: "apps/*"}, Effect: simulator.EffectError,
			Status: 502, Times: 7})
		if err := s.look(ctx, 5*time.Second, 30*time.Minute); err != nil {
			t.Fatal(err)
		}
		if n := count(s.world, creation); n != 1+7+1 {
			t.Errorf("%d calls for tokens, want 9", n)
		}
	})
}

// 5xx, a dropped connection, a rate limit and a slow response at the App's endpoints are retried, and none is taken for
// a lost registration.
func TestAppEndpointsInBadWeather(t *testing.T) {
	t.Parallel()
	for name, fault := range map[string]simulator.Fault{
		"5xx":   {Effect: simulator.EffectError, Status: 502, Times: 3},
		"cut":   {Effect: simulator.EffectCutAfter, Times: 2},
		"slow":  {Effect: simulator.EffectLate, Delay: 12 * time.Second, Times: 2},
		"hang":  {Effect: simulator.EffectHang, Times: 1},
		"limit": {Effect: simulator.EffectThrottle, Times: 1},
		"page":  {Effect: simulator.EffectMalformed, Times: 1},
	} {
		for _, operation := range []string{"apps/get-repo-installation", creation} {
			fault.Match.Operation = operation
			config := withApp(func(c *simulator.Config) {
				c.Faults = []simulator.Fault{fault}
				c.Runners = []simulator.RunnerSeed{{Name: "ec2-a", Offline: true}}
			})
			asApp(t, config, func(ctx context.Context, t *testing.T, s *scene) {
				// Somebody else has the name, and keeps it.
				_, err := s.client.JITConfig(ctx, github.JITRequest{Name: "ec2-a", GroupID: 1, Labels: []string{"a"}})
				if !errors.Is(err, github.ErrNameTaken) {
					t.Errorf("%s at %s: %v", name, operation, err)
				}
				if changed := s.world.Changed(); len(changed) > 0 {
					t.Errorf("%s at %s: touched %v", name, operation, changed)
				}
			})
		}
	}
}

// The local clock is wrong: the Date of GitHub's response helps, with a warning. With a slow clock a JSON web token is
// still valid for a while.
func TestAppClockIsOff(t *testing.T) {
	t.Parallel()
	for ahead, warning := range map[time.Duration]string{
		-6 * time.Minute:  "the clock here is 6m0s ahead of GitHub's",
		6 * time.Minute:   "",
		12 * time.Minute:  "the clock here is 12m0s behind GitHub's",
		-48 * time.Hour:   "ahead of GitHub's",
		-70 * time.Second: "ahead of GitHub's",
	} {
		asApp(t, withApp(func(c *simulator.Config) { c.GitHubClock = ahead }), func(ctx context.Context, t *testing.T,
			s *scene) {
			if err := s.look(ctx, 5*time.Second, 3*time.Hour); err != nil {
				t.Fatalf("%s: %v", ahead, err)
			}
			n := strings.Count(s.said(), "the clock here is")
			if want := min(len(warning), 1); n != want || !strings.Contains(s.said(), warning) {
				t.Errorf("%s: %d warnings, want %d with %q: %s", ahead, n, want, warning, s.said())
			}
		})
	}
	asApp(t, withApp(func(c *simulator.Config) {
		c.Faults = []simulator.Fault{{Match: simulator.Match{Operation: "apps/*"}, Effect: simulator.EffectError,
			Status:  401,
			Message: "'Expiration time' claim ('exp') is too far in the future"}}
	}), func(ctx context.Context, t *testing.T, s *scene) {
		hinted(t, s.client.SignIn(ctx), github.Unauthorized, github.Topics["app-clock"])
	})
}

// hinted fails the test unless the error has the class and a hint with these texts, the first at its beginning.
func hinted(t *testing.T, err error, class github.Class, begins string, holds ...string) {
	t.Helper()
	call, ok := errors.AsType[*github.CallError](err)
	if !ok || call.Class != class || !strings.HasPrefix(call.Hint, begins) {
		t.Errorf("%v\nhint: %+v\nwant class %d and %q", err, call, class, begins)
		return
	}
	for _, want := range holds {
		if !strings.Contains(call.Hint, want) {
			t.Errorf("the hint does not say %q: %s", want, call.Hint)
		}
	}
}

// Each refusal is distinguished, and its hint says where to fix it.
func TestAppRefusals(t *testing.T) {
	t.Parallel()
	const settings = "https://github.com/organizations/demo-org/settings/"
	place := settings + "installations/77"
	for name, c := range map[string]struct {
		change func(*simulator.Config)
		with   []options
		class  github.Class
		hint   string
		holds  []string
	}{
		"wrong key": {nil, []options{func(o *github.AppOptions) { o.Key = testKey() }}, github.Unauthorized,
			github.Topics["app-key"], nil},
		"unknown App": {nil, []options{func(o *github.AppOptions) { o.ID = "999" }}, github.NotFound,
			github.Topics["app-unknown"],
			[]string{"api.github.com"}},
		"no key yet": {func(c *simulator.Config) { c.Apps[0].Keyless = true }, nil, github.Unauthorized,
			github.Topics["app-without-key"], nil},
		"not installed": {func(c *simulator.Config) { c.Apps[0].Installations = nil }, nil, github.NotFound,
			github.Topics["app-not-installed"],
			[]string{"demo-org/demo", "https://github.com/apps/runner-app/installations/new", "selected repositories"}},
		"another repository": {nil, []options{inScope("demo-org/other")}, github.NotFound,
			github.Topics["app-not-installed"],
			[]string{"demo-org/other"}},
		"another organization": {nil, []options{inScope("other-org")}, github.NotFound,
			github.Topics["app-not-installed"],
			[]string{"no such organization"}},
		"suspended": {func(c *simulator.Config) { c.Apps[0].Installations[0].Suspended = true }, nil, github.Forbidden,
			github.Topics["app-suspended"],
			[]string{place, "by demo-owner"}},
		"not accepted yet": {func(c *simulator.Config) {
			c.Apps[0].Installations[0].Permissions = map[string]string{"administration": "read", "metadata": "read"}
		}, nil, github.Invalid, github.Topics["app-permission"],
			[]string{"'administration: write'", "not accepted yet", place}},
		"not granted": {func(c *simulator.Config) { delete(c.Apps[0].Permissions, "administration") }, nil,
			github.Invalid,
			github.Topics["app-permission"],
			[]string{"'administration: write'", settings + "apps/runner-app/permissions", place}},
		"not granted to an organization": {func(c *simulator.Config) {
			delete(c.Apps[0].Permissions, "organization_self_hosted_runners")
		},
			[]options{inScope("demo-org")}, github.Invalid, github.Topics["app-permission"],
			[]string{"'organization_self_hosted_runners: write'"}},
		"the workflow's repository not selected": {func(c *simulator.Config) {
			c.Apps[0].Installations[0].Repositories = []string{"demo-org/other"}
		},
			[]options{inScope("demo-org"), runs}, github.Invalid, github.Topics["app-repository"],
			[]string{place, "demo-org/demo"}},
		"an address that is not allowed": {func(c *simulator.Config) {
			c.Faults = []simulator.Fault{{Match: simulator.Match{Operation: creation}, Effect: simulator.EffectError,
				Code: "ip-allow-list"}}
		}, nil, github.Forbidden, "the organization accepts calls only from addresses on its IP allow list", nil},
		"another 403": {func(c *simulator.Config) {
			c.Faults = []simulator.Fault{{Match: simulator.Match{Operation: creation}, Effect: simulator.EffectError,
				Status: 403, Message: "Forbidden"}}
		}, nil, github.Forbidden, github.Topics["app-permission"], []string{"administration: write"}},
		"an enterprise": {nil, []options{inScope("enterprises/demo")}, github.Forbidden,
			github.Topics["app-enterprise"],
			[]string{"manage_runners:enterprise"}},
	} {
		asApp(t, withApp(c.change), func(ctx context.Context, t *testing.T, s *scene) {
			_, err := s.client.RegistrationToken(ctx)
			if hinted(t, err, c.class, c.hint, c.holds...); t.Failed() {
				t.Log(name)
			}
			if name != "an enterprise" && !strings.Contains(err.Error(), "sign in as GitHub App") {
				t.Errorf("%s: %v", name, err)
			}
			if n := count(s.world, "actions/*"); n > 0 {
				t.Errorf("%s: %d calls without a sign-in", name, n)
			}
		}, c.with...)
	}
}

// An installation that is suspended meanwhile is reported as such.
func TestAppSuspendedMeanwhile(t *testing.T) {
	t.Parallel()
	asApp(t, withApp(nil), func(ctx context.Context, t *testing.T, s *scene) {
		if err := s.look(ctx, 5*time.Second, time.Minute); err != nil {
			t.Fatal(err)
		}
		s.world.Suspend(77, true)
		hinted(t, s.look(ctx, 5*time.Second, time.Minute), github.Forbidden, github.Topics["app-suspended"],
			"settings/installations/77")
		<-time.After(time.Hour)
		hinted(t, s.look(ctx, 5*time.Second, time.Minute), github.Forbidden, github.Topics["app-suspended"],
			"settings/installations/77")
		s.world.Suspend(77, false)
		if err := s.look(ctx, 5*time.Second, time.Minute); err != nil {
			t.Fatal(err)
		}
	})
}

// The App is reinstalled, or loses a permission that the mode can do without: the session goes on.
func TestAppInstalledAnewMeanwhile(t *testing.T) {
	t.Parallel()
	for _, id := range []int64{77, 99} {
		asApp(t, withApp(nil), func(ctx context.Context, t *testing.T, s *scene) {
			if err := s.look(ctx, 5*time.Second, time.Minute); err != nil {
				t.Fatal(err)
			}
			s.world.Reinstall(77, id, map[string]string{"administration": "write"})
			s.world.RevokeInstallationTokens()
			if err := s.look(ctx, 5*time.Second, time.Minute); err != nil {
				t.Fatal(err)
			}
			if got := s.asked(); got != "demo [administration:write]" {
				t.Errorf("asked for %q", got)
			}
			if who := s.client.SignedIn(); who.Installation.ID != id {
				t.Errorf("signed in: %s", who)
			}
		}, runs)
	}
}

// A cancelled start leaves no renewal behind, and the roll-back's client signs in although another was waiting for a
// response.
func TestAppSignInIsCancelled(t *testing.T) {
	t.Parallel()
	config := withApp(func(c *simulator.Config) {
		c.Faults = []simulator.Fault{{Match: simulator.Match{Operation: creation}, Effect: simulator.EffectHang,
			Times: 1}}
	})
	asApp(t, config, func(ctx context.Context, t *testing.T, s *scene) {
		first, cancel := context.WithTimeout(ctx, 2*time.Second)
		defer cancel()
		if err := s.client.SignIn(first); err == nil {
			t.Error("it signed in")
		}
		begun := time.Now()
		if _, err := s.fresh(t).AllRunners(ctx); err != nil || time.Since(begun) > 2*time.Second {
			t.Errorf("after %s: %v", time.Since(begun), err)
		}
	})
}

// A refused sign-in says nothing about the call itself: a runner is neither gone nor busy, and a name is not taken.
func TestAppRefusedIsNoAnswer(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(*simulator.Config){
		"not installed": func(c *simulator.Config) { c.Apps[0].Installations = nil },
		"not accepted yet": func(c *simulator.Config) {
			c.Apps[0].Installations[0].Permissions = map[string]string{"metadata": "read"}
		},
		"a conflict": func(c *simulator.Config) {
			c.Faults = []simulator.Fault{{Match: simulator.Match{Operation: creation}, Effect: simulator.EffectError,
				Status: 409}}
		},
	} {
		asApp(t, withApp(change), func(ctx context.Context, t *testing.T, s *scene) {
			if err := s.client.Remove(ctx, 7); err == nil || errors.Is(err, github.ErrBusy) {
				t.Errorf("%s: remove: %v", name, err)
			}
			if _, _, err := s.client.FindRunner(ctx, 7); err == nil {
				t.Errorf("%s: a runner that was not looked for is gone", name)
			}
			if err := s.client.RemoveLabel(ctx, 7, "a"); err == nil {
				t.Errorf("%s: a label that was not looked for is gone", name)
			}
			_, err := s.client.JITConfig(ctx, github.JITRequest{Name: "ec2-a", GroupID: 1, Labels: []string{"a"}})
			if err == nil || errors.Is(err, github.ErrNameTaken) {
				t.Errorf("%s: register: %v", name, err)
			}
		})
	}
}
