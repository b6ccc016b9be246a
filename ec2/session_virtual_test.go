package ec2_test

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/marqo-ai/ec2-github-runner/ec2"
	"github.com/marqo-ai/ec2-github-runner/ec2/refusal"
	"github.com/marqo-ai/ec2-github-runner/test/simulator"
)

// signedIn is a client in a role, and a record of its sign-ins.
type signedIn struct {
	*ec2.Client
	looked  bool
	slowest time.Duration // of all looks but the first, which signs in

	mu       sync.Mutex // a renewal runs beside the calls
	log      strings.Builder
	sessions []ec2.Session
	secrets  []string
}

// Write implements io.Writer for the log.
func (s *signedIn) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.log.Write(p)
}

func (s *signedIn) said() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.log.String()
}

// runnersRole returns an account with a role that GitHub's jobs may assume, and no other access to EC2.
func runnersRole(config simulator.Config) simulator.Config {
	config.Roles = []simulator.Role{{Name: "github-runners", MaxSession: 12 * time.Hour}}
	config.Keys = []simulator.Key{{ID: "AKIADEMO", Policy: simulator.Policy{Allow: []string{"sts:*"}}}}
	return config
}

func assume(world *simulator.World, duration time.Duration, byKeys bool) *signedIn {
	s := &signedIn{}
	role := ec2.Role{
		ARN: "arn:aws:iam::123456789012:role/github-runners", SessionName: "GitHubActions", Duration: duration,
		Log: slog.New(slog.NewTextHandler(s, nil)),
		Secret: func(value string) {
			s.mu.Lock()
			defer s.mu.Unlock()
			s.secrets = append(s.secrets, value)
		},
		SignedIn: func(session ec2.Session) {
			s.mu.Lock()
			defer s.mu.Unlock()
			s.sessions = append(s.sessions, session)
		},
	}
	if !byKeys {
		role.Token = func(ctx context.Context) (string, error) {
			return simulator.IDToken(ctx, &http.Client{Transport: world.Transport()}, "sts.amazonaws.com")
		}
	}
	s.Client = newClient(world).Assume(role)
	return s
}

// look calls EC2 every few seconds for a time, as a waiting start does, and counts the calls that fail.
func (s *signedIn) look(ctx context.Context, lasts time.Duration) (failed int, last error) {
	for end := time.Now().Add(lasts); time.Now().Before(end); <-time.After(5 * time.Second) {
		begun := time.Now()
		if _, err := s.Instances(ctx, "us-east-1", ec2.Selector{IDs: []string{"i-00000000000000001"}}); err != nil &&
			refusal.ClassOf(err) != refusal.NotFound {
			failed++
			last = err
		}
		if took := time.Since(begun); s.looked && took > s.slowest {
			s.slowest = took
		}
		s.looked = true
	}
	return failed, last
}

// TestSessionIsRenewedBeforeItEnds: a session of an hour is renewed before it ends, with a new token each time, by OIDC
// and by keys, whatever the local clock: no call of five hours fails.
func TestSessionIsRenewedBeforeItEnds(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		skew     time.Duration
		byKeys   bool
		duration time.Duration
	}{
		{0, false, time.Hour},
		{0, true, time.Hour},
		{0, false, 15 * time.Minute},
		{6 * time.Minute, false, time.Hour},
		{-6 * time.Minute, false, time.Hour},
		{6 * time.Minute, false, 15 * time.Minute},
		{-6 * time.Minute, true, 15 * time.Minute},
	} {
		t.Run(fmt.Sprintf("clock %s by keys %t for %s", c.skew, c.byKeys, c.duration), func(t *testing.T) {
			t.Parallel()
			inBubble(t, runnersRole(simulator.Config{ClockSkew: c.skew}), func(ctx context.Context, t *testing.T,
				world *simulator.World, _ *ec2.Client) {
				s := assume(world, c.duration, c.byKeys)
				if failed, err := s.look(ctx, 5*time.Hour); failed > 0 {
					t.Errorf("%d calls failed: %v\n%s", failed, err, s.said())
				}
				if s.slowest > time.Second {
					t.Errorf("a call waited %s for a renewal", s.slowest)
				}
				s.mu.Lock()
				defer s.mu.Unlock()
				renewals, most := int(5*time.Hour/(c.duration*5/6)), 2*int(5*time.Hour/c.duration)
				if n := len(s.sessions); n < renewals || n > most {
					t.Errorf("%d sessions, want from %d to %d", n, renewals, most)
				}
				for i, session := range s.sessions {
					if session.Renewed != (i > 0) || session.Account != "123456789012" || session.OIDC == c.byKeys {
						t.Errorf("session %d is %+v", i, session)
					}
				}
				slices.Sort(s.secrets)
				if once := slices.Compact(slices.Clone(s.secrets)); len(once) != len(s.secrets) {
					t.Errorf("of %d secrets %d differ: a token was used twice", len(s.secrets), len(once))
				}
				if refused := refusals(world); len(refused) > 0 {
					t.Errorf("EC2 refused a session that had ended: %v", refused[0])
				}
			})
		})
	}
}

// refusals returns the calls that EC2 refused for their credentials.
func refusals(world *simulator.World) (list []simulator.Call) {
	for _, call := range world.Calls() {
		if call.Service == "ec2" && call.Code == "RequestExpired" {
			list = append(list, call)
		}
	}
	return list
}

// TestOutageAtTheRenewal: while STS or GitHub's OIDC service issues no new session, the old one is used until it ends.
// Calls fail only if the outage is longer, and until it is over.
func TestOutageAtTheRenewal(t *testing.T) {
	t.Parallel()
	down := map[string]simulator.Fault{
		"STS throttles": {Match: simulator.Match{Service: "sts"}, Effect: simulator.EffectThrottle},
		"STS hangs":     {Match: simulator.Match{Service: "sts"}, Effect: simulator.EffectHang},
		"STS refuses": {Match: simulator.Match{Service: "sts"}, Effect: simulator.EffectError, Code: "AccessDenied",
			Message: "Not authorized to perform sts:AssumeRoleWithWebIdentity"},
		"OIDC answers 5xx":     {Match: simulator.Match{Service: "oidc"}, Effect: simulator.EffectError, Status: 503},
		"OIDC does not answer": {Match: simulator.Match{Service: "oidc"}, Effect: simulator.EffectHang},
		"OIDC throttles":       {Match: simulator.Match{Service: "oidc"}, Effect: simulator.EffectThrottle},
	}
	for name, fault := range down {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			inBubble(t, runnersRole(simulator.Config{}), func(ctx context.Context, t *testing.T, world *simulator.World,
				_ *ec2.Client) {
				s := assume(world, time.Hour, false)
				if failed, err := s.look(ctx, 45*time.Minute); failed > 0 {
					t.Fatal(err)
				}
				world.AddFault(fault)
				if failed, err := s.look(ctx, 13*time.Minute); failed > 0 {
					t.Errorf("%d calls failed while the session was good: %v", failed, err)
				}
				if s.slowest > time.Second {
					t.Errorf("a call waited %s for a renewal", s.slowest)
				}
				if !strings.Contains(s.said(), "the AWS session is not renewed yet: ") {
					t.Errorf("nothing is said: %s", s.said())
				}
				failed, err := s.look(ctx, 12*time.Minute)
				if failed == 0 || !refusal.IsSignIn(err) {
					t.Errorf("%d calls failed after the session's end: %v", failed, err)
				}
				world.ClearFaults()
				if failed, err := s.look(ctx, 30*time.Minute); failed > 0 {
					t.Errorf("%d calls failed after the outage: %v", failed, err)
				}
			})
		})
	}
}

// TestSignInGivesUp: a sign-in without a response gives up after about a minute; one that is refused is not retried.
func TestSignInGivesUp(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		fault simulator.Fault
		atMin time.Duration
		class refusal.Class
	}{
		"throttled": {simulator.Fault{Match: simulator.Match{Service: "sts"}, Effect: simulator.EffectThrottle},
			30 * time.Second, refusal.Throttle},
		"hangs": {simulator.Fault{Match: simulator.Match{Service: "sts"}, Effect: simulator.EffectHang},
			30 * time.Second, refusal.Unknown},
		"no token": {simulator.Fault{Match: simulator.Match{Service: "oidc"}, Effect: simulator.EffectError,
			Status: 502},
			30 * time.Second, refusal.Unknown},
		"is refused": {simulator.Fault{Match: simulator.Match{Service: "sts"}, Effect: simulator.EffectError,
			Code: "AccessDenied", Message: "Not authorized to perform sts:AssumeRoleWithWebIdentity"}, 0,
			refusal.Credentials},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			inBubble(t, runnersRole(simulator.Config{Faults: []simulator.Fault{c.fault}}), func(ctx context.Context,
				t *testing.T, world *simulator.World, _ *ec2.Client) {
				s := assume(world, time.Hour, false)
				begun := time.Now()
				err := s.SignIn(ctx)
				took := time.Since(begun)
				if err == nil || refusal.ClassOf(err) != c.class || took < c.atMin || took > 75*time.Second {
					t.Errorf("after %s: class %d, %v", took, refusal.ClassOf(err), err)
				}
				if c.class == refusal.Credentials {
					calls := len(world.Calls())
					_, err := s.Instances(ctx, "us-east-1", ec2.Selector{IDs: []string{"i-00000000000000001"}})
					if refusal.ClassOf(err) != refusal.Credentials {
						t.Errorf("a call after it: %v", err)
					}
					if more := len(world.Calls()) - calls; more > 0 {
						t.Errorf("a refused sign-in was asked again: %d calls", more)
					}
				}
			})
		})
	}
}

// TestChainedRoleEndsWithItsKeys: temporary keys expire, and so does the role assumed with them: the error is about the
// keys.
func TestChainedRoleEndsWithItsKeys(t *testing.T) {
	t.Parallel()
	config := runnersRole(simulator.Config{})
	config.Keys = []simulator.Key{{ID: "AKIADEMO", ExpiresIn: 90 * time.Minute}}
	inBubble(t, config, func(ctx context.Context, t *testing.T, world *simulator.World, _ *ec2.Client) {
		s := assume(world, time.Hour, true)
		if failed, err := s.look(ctx, 100*time.Minute); failed > 0 { // the last session was made before the keys ended
			t.Fatal(err)
		}
		failed, err := s.look(ctx, time.Hour)
		if failed == 0 || !strings.Contains(fmt.Sprint(err), "assume role") || !strings.Contains(fmt.Sprint(err),
			"ExpiredToken") ||
			!strings.HasPrefix(refusal.HintOf(err), refusal.Topics["keys-refused"]) {
			t.Errorf("%v: %s", err, refusal.HintOf(err))
		}
	})
}
