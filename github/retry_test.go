package github_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/marqo-ai/ec2-github-runner/github"
	"github.com/marqo-ai/ec2-github-runner/test/simulator"
)

const tokenCall = "actions/create-registration-token-for-repo"

func onToken(fault simulator.Fault) simulator.Config {
	fault.Match = simulator.Match{Operation: tokenCall}
	return simulator.Config{Faults: []simulator.Fault{fault}}
}

// TestClientErrorsAreNotRepeated: a 4xx is not retried. Repeating a refused name has started thousands of machines in
// other projects.
func TestClientErrorsAreNotRepeated(t *testing.T) {
	t.Parallel()
	for status, class := range map[int]github.Class{
		400: github.Other, 401: github.Unauthorized, 403: github.Forbidden, 404: github.NotFound, 409: github.Conflict,
		410: github.Other, 422: github.Invalid, 451: github.Other,
	} {
		t.Run(fmt.Sprint(status), func(t *testing.T) {
			t.Parallel()
			inBubble(t, onToken(simulator.Fault{Effect: simulator.EffectError, Status: status, Message: "because"}),
				func(ctx context.Context, t *testing.T, world *simulator.World, client *github.Client) {
					begun := time.Now()
					_, err := client.RegistrationToken(ctx)
					if github.ClassOf(err) != class {
						t.Errorf("class %d, want %d: %v", github.ClassOf(err), class, err)
					}
					if want := fmt.Sprintf("create registration token: GitHub says %d: because",
						status); err.Error() != want {
						t.Errorf("error %q, want %q", err, want)
					}
					if n := count(world, tokenCall); n != 1 || time.Since(begun) > time.Second {
						t.Errorf("asked %d times in %s, want once", n, time.Since(begun))
					}
				})
		})
	}
}

// TestBurst: 5xx and lost responses are retried, with five attempts in all.
func TestBurst(t *testing.T) {
	t.Parallel()
	for _, effect := range []simulator.Effect{
		simulator.EffectError, simulator.EffectErrorAfter, simulator.EffectCutAfter, simulator.EffectCutBefore,
		simulator.EffectCutMiddle, simulator.EffectRefuse, simulator.EffectMalformed,
	} {
		for _, c := range []struct{ times, calls int }{{4, 5}, {0, 5}} {
			t.Run(fmt.Sprint(effect, c.times), func(t *testing.T) {
				t.Parallel()
				inBubble(t, onToken(simulator.Fault{Effect: effect, Status: 502, Times: c.times}),
					func(ctx context.Context,
						t *testing.T, world *simulator.World, client *github.Client) {
						token, err := client.RegistrationToken(ctx)
						if (err == nil) != (c.times > 0) || (err == nil) != (token.Value != "") {
							t.Errorf("token %q: %v", token.Value, err)
						}
						if err != nil && github.ClassOf(err) != github.Unknown {
							t.Errorf("class %d: %v", github.ClassOf(err), err)
						}
						if n := count(world, tokenCall); n != c.calls {
							t.Errorf("asked %d times, want %d", n, c.calls)
						}
					})
			})
		}
	}
}

// TestRateLimitIsObeyed: by retry-after, by x-ratelimit-reset, or for a minute; longer waits than ten minutes fail at
// once.
func TestRateLimitIsObeyed(t *testing.T) {
	t.Parallel()
	secondary := "You have exceeded a secondary rate limit"
	for _, c := range []struct {
		name    string
		status  int
		message string
		header  map[string]string
		wait    time.Duration // 0: told at once
	}{
		{"retry-after", 403, secondary, map[string]string{"retry-after": "37"}, 37 * time.Second},
		{"429 with retry-after", 429, "slow down", map[string]string{"retry-after": "5"}, 5 * time.Second},
		{"429 with nothing", 429, "slow down", nil, time.Minute},
		{"reset", 403, "API rate limit exceeded", map[string]string{"x-ratelimit-remaining": "0",
			"x-ratelimit-reset": "+90"},
			90 * time.Second},
		{"reset in an hour", 403, "API rate limit exceeded", map[string]string{"x-ratelimit-remaining": "0",
			"x-ratelimit-reset": "+3000"}, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			config := onToken(simulator.Fault{Effect: simulator.EffectError, Status: c.status, Message: c.message,
				Header: c.header, Times: 1})
			inBubble(t, config, func(ctx context.Context, t *testing.T, world *simulator.World, client *github.Client) {
				begun := time.Now()
				_, err := client.RegistrationToken(ctx)
				took := time.Since(begun)
				if c.wait == 0 {
					if github.ClassOf(err) != github.RateLimited || took > time.Second {
						t.Errorf("after %s: %v, want it told at once", took, err)
					}
					return
				}
				if err != nil || took < c.wait || took > c.wait+5*time.Second {
					t.Errorf("waited %s, want %s: %v", took, c.wait, err)
				}
				if n := count(world, tokenCall); n != 2 {
					t.Errorf("asked %d times, want twice", n)
				}
			})
		})
	}
}

// TestLimitDoesNotOutliveItsCall: after a rate limit, go-github's client would refuse every later call without sending
// it, including a roll-back's DELETE.
func TestLimitDoesNotOutliveItsCall(t *testing.T) {
	t.Parallel()
	header := map[string]string{"x-ratelimit-remaining": "0", "x-ratelimit-reset": "+3000"}
	config := onToken(simulator.Fault{Effect: simulator.EffectError, Status: 403, Message: "API rate limit exceeded",
		Header: header})
	config.Runners = []simulator.RunnerSeed{{Name: "theirs", ID: 7, Offline: true}}
	inBubble(t, config, func(ctx context.Context, t *testing.T, world *simulator.World, client *github.Client) {
		if _, err := client.RegistrationToken(ctx); github.ClassOf(err) != github.RateLimited {
			t.Fatal(err)
		}
		if err := client.Remove(ctx, 7); err != nil {
			t.Error(err)
		}
		if n := count(world, "actions/delete-self-hosted-runner-from-repo"); n != 1 {
			t.Errorf("%d calls were sent", n)
		}
	})
}

// TestPatienceEndsWithItsContext: no wait exceeds the caller's deadline.
func TestPatienceEndsWithItsContext(t *testing.T) {
	t.Parallel()
	for _, effect := range []simulator.Effect{simulator.EffectError, simulator.EffectHang, simulator.EffectThrottle} {
		inBubble(t, onToken(simulator.Fault{Effect: effect, Status: 502}), func(parent context.Context, t *testing.T,
			_ *simulator.World, client *github.Client) {
			ctx, cancel := context.WithTimeout(parent, 2*time.Second)
			defer cancel()
			begun := time.Now()
			if _, err := client.RegistrationToken(ctx); err == nil || time.Since(begun) > 2100*time.Millisecond {
				t.Errorf("%s: after %s: %v", effect, time.Since(begun), err)
			}
		})
	}
}

// TestRate: the state of the limit is available to callers that pace themselves.
func TestRate(t *testing.T) {
	t.Parallel()
	inBubble(t, simulator.Config{}, func(ctx context.Context, t *testing.T, _ *simulator.World, client *github.Client) {
		if rate := client.Rate(); rate.Calls != 0 {
			t.Errorf("known before any call: %+v", rate)
		}
		for range 3 {
			if _, err := client.RegistrationToken(ctx); err != nil {
				t.Fatal(err)
			}
		}
		rate := client.Rate()
		if rate.Calls != 3 || rate.Used != 3 || rate.Limit != 5000 || rate.Remaining != 4997 ||
			!rate.Reset.After(time.Now()) {
			t.Errorf("rate %+v", rate)
		}
	})
}
