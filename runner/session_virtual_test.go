package runner_test

import (
	"context"
	"log/slog"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/marqo-ai/ec2-github-runner/ec2"
	"github.com/marqo-ai/ec2-github-runner/github"
	"github.com/marqo-ai/ec2-github-runner/runner/diagnosis"
	"github.com/marqo-ai/ec2-github-runner/runner/post"
	"github.com/marqo-ai/ec2-github-runner/runner/stop"
	"github.com/marqo-ai/ec2-github-runner/test/bubble"
	"github.com/marqo-ai/ec2-github-runner/test/simulator"
)

// inRole is an account with a role whose sessions last an hour; without the role EC2 allows nothing.
func inRole(config simulator.Config) simulator.Config {
	config.Roles = []simulator.Role{{Name: "github-runners"}}
	config.Keys = []simulator.Key{{ID: "AKIADEMO", State: "unrecognized"}}
	return config
}

// cloudInRole returns a client that signs in by OIDC, as one step of a job does.
func cloudInRole(transport http.RoundTripper, log *slog.Logger) *ec2.Client {
	tokens := github.IDTokens{URL: simulator.IDTokenURL, Bearer: simulator.IDTokenBearer, Transport: transport}
	return bubble.NewCloud(transport).Assume(ec2.Role{
		ARN: "arn:aws:iam::123456789012:role/github-runners", SessionName: "GitHubActions", Duration: time.Hour,
		Log:    log,
		Token:  diagnosis.IDToken(tokens, "sts.amazonaws.com"),
		Secret: func(string) {}, SignedIn: func(ec2.Session) {},
	})
}

// signIn gives the stage's starter a client in the role, with separate connections for the roll-back, as in the action.
func (s *stage) signIn(t *testing.T, transport http.RoundTripper) {
	cloud := cloudInRole(transport, s.Starter.Log)
	s.Starter.Cloud = cloud
	s.Starter.Fresh = func() (*ec2.Client, *github.Client) { return cloud.Fresh(), bubble.NewRegistry(t, transport) }
}

// sessions counts how often the role was assumed.
func (s *stage) sessions() int { return len(s.Calls("AssumeRoleWithWebIdentity")) }

// noCapacityFor makes EC2 have no capacity at first.
func (s *stage) noCapacityFor(d time.Duration) {
	s.World.AddFault(simulator.Fault{Match: simulator.Match{Operation: "RunInstances"}, Effect: simulator.EffectError,
		Code: "InsufficientInstanceCapacity"})
	time.AfterFunc(d, s.World.ClearFaults)
}

// TestStartOfThreeHours: EC2 has no capacity for most of three hours, and a session lasts one.
func TestStartOfThreeHours(t *testing.T) {
	t.Parallel()
	bubble.LeaveToTheOrdinaryTests(t)
	inBubble(t, inRole(simulator.Config{}), func(ctx context.Context, t *testing.T, s *stage) {
		s.signIn(t, s.World.Transport())
		s.noCapacityFor(175 * time.Minute)
		r := bubble.Request()
		r.CapacityTimeout = 3 * time.Hour
		begun := time.Now()
		result, err := s.Starter.Start(ctx, r)
		if err != nil || len(result.Runners) != 1 {
			t.Fatalf("start: %v\n%s", err, s.Log)
		}
		if took := time.Since(begun); took < 170*time.Minute {
			t.Errorf("it took %s", took)
		}
		if n := s.sessions(); n < 3 || n > 5 {
			t.Errorf("%d sessions", n)
		}
		if strings.Contains(s.Log.String(), "RequestExpired") {
			t.Errorf("EC2 refused an expired session:\n%s", s.Log)
		}
		h := result.Runners[0].Handoff
		stopper := &stop.Stopper{Cloud: s.Starter.Cloud, Registry: s.Starter.Registry, Log: s.Starter.Log}
		if _, err := stopper.Stop(ctx, stop.Request{Run: bubble.Request().Run, Scope: "demo-org/demo",
			InstanceIDs: []string{h.InstanceID}, Label: h.Label}); err != nil {
			t.Fatal(err)
		}
		s.NothingLeft(t)
	})
}

// TestRollBackAfterTheFirstSession: a roll-back after the first session has expired removes everything.
func TestRollBackAfterTheFirstSession(t *testing.T) {
	t.Parallel()
	config := inRole(simulator.Config{Guests: []simulator.GuestRule{{Fault: simulator.GuestNeverBoots}}})
	inBubble(t, config, func(ctx context.Context, t *testing.T, s *stage) {
		s.signIn(t, s.World.Transport())
		r := bubble.Request()
		r.Waiting.Timeout = 70 * time.Minute
		result, err := s.Starter.Start(ctx, r)
		if err == nil || result.Failure == nil || !result.Failure.IsClean() {
			t.Fatalf("start: %v, %+v\n%s", err, result.Failure, s.Log)
		}
		if n := s.sessions(); n != 2 {
			t.Errorf("%d sessions", n)
		}
		s.NothingLeft(t)
	})
}

// TestCancelWhileSTSIsDown: a cancel comes when the session must be renewed and STS does not answer; the rest of the
// session is enough.
func TestCancelWhileSTSIsDown(t *testing.T) {
	t.Parallel()
	config := inRole(simulator.Config{Guests: []simulator.GuestRule{{Fault: simulator.GuestNeverBoots}}})
	inBubble(t, config, func(ctx context.Context, t *testing.T, s *stage) {
		s.signIn(t, s.World.Transport())
		r := bubble.Request()
		r.Waiting.Timeout = 70 * time.Minute
		cancelled, cancel := context.WithCancel(ctx)
		defer cancel()
		time.AfterFunc(49*time.Minute, func() {
			s.World.AddFault(simulator.Fault{Match: simulator.Match{Service: "sts"}, Effect: simulator.EffectHang})
		})
		time.AfterFunc(51*time.Minute, cancel)
		result, err := s.Starter.Start(cancelled, r)
		if err == nil || result.Failure == nil || !result.Failure.IsClean() {
			t.Fatalf("start: %v, %+v\n%s", err, result.Failure, s.Log)
		}
		if late := time.Since(time.Date(2000, 1, 1, 0, 51, 0, 0, time.UTC)); late > 7*time.Second {
			t.Errorf("the roll-back took %s", late)
		}
		s.NothingLeft(t)
		<-time.After(2 * time.Minute) // the renewal gives up
	})
}

// TestPostAfterTheFirstSession: a post step signs in by itself; the session of the killed start has expired.
func TestPostAfterTheFirstSession(t *testing.T) {
	t.Parallel()
	config := inRole(simulator.Config{Guests: []simulator.GuestRule{{Fault: simulator.GuestNeverBoots}}})
	inBubble(t, config, func(ctx context.Context, t *testing.T, s *stage) {
		transport := s.World.Transport()
		s.signIn(t, transport)
		r := bubble.Request()
		r.Waiting.Timeout = 3 * time.Hour
		dying, cancel := context.WithCancel(ctx)
		defer cancel()
		time.AfterFunc(90*time.Minute, func() { transport.Dark(); cancel() })
		if _, err := s.Starter.Start(dying, r); err == nil {
			t.Fatal("the start ended before it was killed")
		}
		if instances, _ := s.World.Leftovers(); len(instances) != 1 {
			t.Fatalf("%d instances are left by the kill", len(instances))
		}
		s.signIn(t, s.World.Transport())
		s.Starter.Registry = bubble.NewRegistry(t, s.World.Transport())
		result := bubble.CleanUp(ctx, s.Starter, post.Request{What: "start", Identity: s.Journal.Identity,
			Tokens: s.Journal.Tokens, Made: s.Journal.Made})
		if len(result.Left) > 0 || len(result.Terminated) != 1 {
			t.Errorf("post: %+v", result)
		}
		s.NothingLeft(t)
	})
}

// TestPostThatMayNotSignIn: a post step that cannot sign in names what is left, and why.
func TestPostThatMayNotSignIn(t *testing.T) {
	t.Parallel()
	inBubble(t, simulator.Config{}, func(ctx context.Context, t *testing.T, s *stage) {
		s.signIn(t, s.World.Transport())
		result := bubble.CleanUp(ctx, s.Starter, post.Request{What: "start",
			Tokens: map[string][]string{"us-east-1": {"egr-a"}}})
		left := strings.Join(result.Left, "\n")
		if !strings.Contains(left, "egr-a") ||
			!strings.Contains(left, "Not authorized to perform sts:AssumeRoleWithWebIdentity") {
			t.Errorf("left: %q", result.Left)
		}
	})
}
