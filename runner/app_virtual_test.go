package runner_test

import (
	"context"
	"errors"
	"net/http"
	"testing"
	"time"

	"github.com/marqo-ai/ec2-github-runner/ec2"
	"github.com/marqo-ai/ec2-github-runner/github"
	"github.com/marqo-ai/ec2-github-runner/runner"
	"github.com/marqo-ai/ec2-github-runner/runner/post"
	"github.com/marqo-ai/ec2-github-runner/test/bubble"
	"github.com/marqo-ai/ec2-github-runner/test/simulator"
)

const createAppToken = "apps/create-installation-access-token"

// appWorld is a world with a GitHub App that may manage the repository's runners.
func appWorld(config simulator.Config) simulator.Config {
	config.Apps = []simulator.App{{
		ID: 12345, ClientID: "Iv23demo", Slug: "runner-app", Permissions: map[string]string{"administration": "write"},
		Installations: []simulator.Installation{{ID: 77, Account: "demo-org"}},
	}}
	return config
}

// asApp is inBubble with clients that sign in as an App.
func asApp(t *testing.T, config simulator.Config, f func(ctx context.Context, t *testing.T, s *stage)) {
	t.Helper()
	inBubble(t, appWorld(config), func(ctx context.Context, t *testing.T, s *stage) {
		s.Starter = s.process(t, s.World.Transport())
		f(ctx, t, s)
	})
}

// process returns a starter as in a process of its own: all its clients for GitHub share one session.
func (s *stage) process(t *testing.T, transport http.RoundTripper) *runner.Starter {
	t.Helper()
	scope, err := github.ParseScope("demo-org/demo")
	if err != nil {
		t.Fatal(err)
	}
	session := github.NewApp(github.AppOptions{
		ID: "Iv23demo", Key: s.World.AppKey(), Scope: scope, Repository: "demo-org/demo", Secret: s.Journal.Secret,
	})
	clients := func() (*ec2.Client, *github.Client) {
		client, err := github.New(github.Options{
			BaseURL: github.DefaultBaseURL, App: session, Scope: scope, Transport: transport, Log: s.Starter.Log,
		})
		if err != nil {
			t.Fatal(err)
		}
		return bubble.NewCloud(transport), client
	}
	starter := *s.Starter
	starter.Fresh = clients
	starter.Cloud, starter.Registry = clients()
	return &starter
}

// refused counts the calls that GitHub answered with 401.
func (s *stage) refused() (n int) {
	for _, call := range s.World.Calls() {
		if call.Service == "github" && call.Status == http.StatusUnauthorized {
			n++
		}
	}
	return n
}

// TestThreeHourStartAsApp: a start that waits three hours for capacity, or for its runner, is never refused.
func TestThreeHourStartAsApp(t *testing.T) {
	t.Parallel()
	bubble.LeaveToTheOrdinaryTests(t)
	for name, config := range map[string]simulator.Config{
		"waits for capacity": {Faults: []simulator.Fault{{
			Match: simulator.Match{Operation: "RunInstances"}, Effect: simulator.EffectError,
			Code: "InsufficientInstanceCapacity", Times: 230,
		}}},
		"waits for the runner": {Guests: []simulator.GuestRule{{Boot: 3 * time.Hour}}},
	} {
		asApp(t, config, func(ctx context.Context, t *testing.T, s *stage) {
			r := bubble.Request()
			r.CapacityTimeout, r.Waiting.Timeout = 5*time.Hour, 5*time.Hour
			every := 20 * time.Second
			r.Waiting.RetryInterval = &every
			r.JIT = name == "waits for the runner" // a registration token is valid for an hour
			begun := time.Now()
			result, err := s.Starter.Start(ctx, r)
			if err != nil {
				t.Fatalf("%s: %v\n%s", name, err, s.Log)
			}
			if took := time.Since(begun); took < 150*time.Minute {
				t.Errorf("%s: it took only %s", name, took)
			}
			if n := len(s.Calls(createAppToken)); n < 3 || n > 6 || s.refused() > 0 {
				t.Errorf("%s: %d tokens, %d refusals", name, n, s.refused())
			}
			if online := result.Runners[0].Timeline.Online; online < 150*time.Minute {
				t.Errorf("%s: online after %s", name, online)
			}
		})
	}
}

// TestRollBackAfterTheFirstTokensEnd: a start that fails after its first token has expired rolls back with a new one.
func TestRollBackAfterTheFirstTokensEnd(t *testing.T) {
	t.Parallel()
	for name, breaks := range map[string]func(s *stage){
		"renewed":                func(*stage) {},
		"revoked before the end": func(s *stage) { s.World.RevokeInstallationTokens() },
		"GitHub slow at the sign-in": func(s *stage) {
			s.World.RevokeInstallationTokens()
			s.World.AddFault(simulator.Fault{Match: simulator.Match{Operation: createAppToken},
				Effect: simulator.EffectLate,
				Delay:  time.Second})
		},
	} {
		asApp(t, simulator.Config{Guests: []simulator.GuestRule{{Fault: simulator.GuestNeverBoots}}},
			func(ctx context.Context, t *testing.T, s *stage) {
				ctx, cancel := context.WithCancel(ctx)
				var ended time.Time
				time.AfterFunc(70*time.Minute+time.Second, func() { breaks(s); ended = time.Now(); cancel() })
				r := bubble.Request()
				r.JIT, r.Waiting.Timeout = true, 5*time.Hour
				result, err := s.Starter.Start(ctx, r)
				if !errors.Is(err, context.Canceled) || len(result.Failure.Left) > 0 {
					t.Errorf("%s: %v, left %v", name, err, result.Failure)
				}
				if took := time.Since(ended); took > 7*time.Second {
					t.Errorf("%s: the roll-back took %s", name, took)
				}
				<-time.After(time.Minute)
				s.NothingLeft(t)
			})
	}
}

// TestPostStepAfterTheFirstTokensEnd: a start is killed after its first token has expired; its post step, a process of
// its own, signs in by itself and removes what is left.
func TestPostStepAfterTheFirstTokensEnd(t *testing.T) {
	t.Parallel()
	asApp(t, simulator.Config{Guests: []simulator.GuestRule{{Fault: simulator.GuestNeverBoots}}},
		func(ctx context.Context,
			t *testing.T, s *stage) {
			transport := s.World.Transport()
			killed := s.process(t, transport)
			dying, die := context.WithCancel(ctx)
			death := time.AfterFunc(70*time.Minute, func() { transport.Dark(); die() })
			defer death.Stop()
			r := bubble.Request()
			r.JIT, r.Waiting.Timeout = true, 5*time.Hour
			if _, err := killed.Start(dying, r); err == nil {
				t.Fatal("the start ended before it was killed")
			}
			if instances, runners := s.World.Leftovers(); len(instances) != 1 || len(runners) != 1 {
				t.Fatalf("%d instances and %d runners are left by the kill, want one each", len(instances),
					len(runners))
			}
			result := bubble.CleanUp(ctx, s.process(t, s.World.Transport()), post.Request{
				Identity: s.Journal.Identity, Tokens: s.Journal.Tokens, Made: s.Journal.Made,
			})
			if len(result.Left) > 0 {
				t.Errorf("post left %v", result.Left)
			}
			s.NothingLeft(t)
		})
}
