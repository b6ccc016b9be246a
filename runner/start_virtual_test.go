package runner_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/marqo-ai/ec2-github-runner/github"
	"github.com/marqo-ai/ec2-github-runner/runner"
	"github.com/marqo-ai/ec2-github-runner/test/bubble"
	"github.com/marqo-ai/ec2-github-runner/test/simulator"
)

const (
	listRunners = "actions/list-self-hosted-runners-for-repo"
	getRunner   = "actions/get-self-hosted-runner-for-repo"
)

func seconds(n int) *time.Duration {
	d := time.Duration(n) * time.Second
	return &d
}

// TestNeverRegisters: the exact message, when machulav's clock ends: after running, the quiet period (30 s unless the
// user sets another one) and the timeout. Nothing is left.
func TestNeverRegisters(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name    string
		quiet   *time.Duration
		timeout int
		after   time.Duration // of `running`
		words   string
	}{
		{"by default", nil, 5, 330 * time.Second, "5 minutes"},
		{"no quiet period", seconds(0), 5, 300 * time.Second, "5 minutes"},
		{"a long one", seconds(600), 5, 900 * time.Second, "5 minutes"},
		{"an hour", nil, 60, 3630 * time.Second, "60 minutes"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			config := simulator.Config{Guests: []simulator.GuestRule{{Fault: simulator.GuestNeverBoots}},
				Unlimited: true}
			inBubble(t, config, func(ctx context.Context, t *testing.T, s *stage) {
				wanted := bubble.Request()
				wanted.Waiting = runner.Waiting{QuietPeriod: c.quiet, Timeout: time.Duration(c.timeout) * time.Minute}
				begun := time.Now()
				result, err := s.Starter.Start(ctx, wanted)
				took := time.Since(begun)
				want := "A timeout of " + c.words + " is exceeded. Your AWS EC2 instance was not able to register " +
					"itself in GitHub as a new self-hosted runner."
				if err == nil || err.Error() != want || result.Failure.Message != want {
					t.Fatalf("error %v, want %s", err, want)
				}
				// The instance takes some 8 s until it is running; a look at EC2 and the roll-back take some more.
				if took < c.after+5*time.Second || took > c.after+20*time.Second {
					t.Errorf("gave up after %s, want %s after `running`", took, c.after)
				}
				if len(result.Failure.Left) > 0 || result.Failure.Phase != "wait" {
					t.Errorf("failure %+v", result.Failure)
				}
				s.NothingLeft(t)
			})
		})
	}
}

// TestLateRunner: a boot that machulav's action would still have waited for succeeds.
func TestLateRunner(t *testing.T) {
	t.Parallel()
	config := simulator.Config{Guests: []simulator.GuestRule{{Boot: 325 * time.Second}},
		Timing: simulator.Timing{Running: 8 * time.Second}}
	inBubble(t, config, func(ctx context.Context, t *testing.T, s *stage) {
		if _, err := s.Starter.Start(ctx, bubble.Request()); err != nil {
			t.Errorf("start: %v", err)
		}
	})
}

// TestStepEndsSoonAfterOnline: the step ends at most 2 s after the runner is online in the first minute, and at most 6
// s later on.
func TestStepEndsSoonAfterOnline(t *testing.T) {
	t.Parallel()
	for boot := 4 * time.Second; boot < 3*time.Minute; boot += 14700 * time.Millisecond {
		config := simulator.Config{Guests: []simulator.GuestRule{{Boot: boot}},
			Timing: simulator.Timing{RunnerVisible: time.Nanosecond}}
		inBubble(t, config, func(ctx context.Context, t *testing.T, s *stage) {
			begun := time.Now()
			result, err := s.Starter.Start(ctx, bubble.Request())
			if err != nil {
				t.Fatal(err)
			}
			// After the boot come the download, config.sh and run.sh, 6 s; the launch takes half of RunInstances' time.
			online := result.Runners[0].Timeline.Launched - 750*time.Millisecond + boot + 6*time.Second
			late, most := time.Since(begun)-online, 2*time.Second
			if online > time.Minute {
				most = 6 * time.Second
			}
			if late > most {
				t.Errorf("online after %s, and the step ended %s later", online, late)
			}
		})
	}
}

// TestCallsOfAStart: at most four calls and one cheap one per second of waiting, however many other runners there are.
func TestCallsOfAStart(t *testing.T) {
	t.Parallel()
	for _, others := range []int{0, 300, 3000} {
		for _, jit := range []bool{false, true} {
			inBubble(t, simulator.Config{ForeignRunners: others}, func(ctx context.Context, t *testing.T, s *stage) {
				wanted := bubble.Request()
				wanted.JIT = jit
				result, err := s.Starter.Start(ctx, wanted)
				if err != nil {
					t.Fatal(err)
				}
				calls := 0
				for _, call := range s.World.Calls() {
					if call.Service == "github" {
						calls++
					}
				}
				line := result.Runners[0].Timeline
				if most := 4 + int((line.Online-line.Launched)/time.Second); calls > most {
					t.Errorf("%d others, jit %t: %d calls to GitHub, want at most %d", others, jit, calls, most)
				}
			})
		}
	}
}

// TestUsersInterval: the user's interval is kept, one look every 20 s.
func TestUsersInterval(t *testing.T) {
	t.Parallel()
	config := simulator.Config{Guests: []simulator.GuestRule{{Boot: 2 * time.Minute}}}
	inBubble(t, config, func(ctx context.Context, t *testing.T, s *stage) {
		wanted := bubble.Request()
		wanted.Waiting.RetryInterval = seconds(20)
		if _, err := s.Starter.Start(ctx, wanted); err != nil {
			t.Fatal(err)
		}
		calls := s.Calls(listRunners)
		for i := 2; i < len(calls); i++ { // the first one looks up the name
			if between := calls[i].Time.Sub(calls[i-1].Time); between < 19*time.Second {
				t.Errorf("looks %d and %d are %s apart", i-1, i, between)
			}
		}
	})
}

// TestRefusedWhileWaiting: 401, 403 and 404 are errors at once, and never mean "not registered yet".
func TestRefusedWhileWaiting(t *testing.T) {
	t.Parallel()
	for status, class := range map[int]github.Class{401: github.Unauthorized, 403: github.Forbidden,
		404: github.NotFound} {
		t.Run(fmt.Sprint(status), func(t *testing.T) {
			t.Parallel()
			fault := simulator.Fault{Match: simulator.Match{Operation: listRunners}, Nth: 4, Times: 1,
				Effect: simulator.EffectError, Status: status, Message: "no"}
			inBubble(t, simulator.Config{Faults: []simulator.Fault{fault}}, func(ctx context.Context, t *testing.T,
				s *stage) {
				begun := time.Now()
				result, err := s.Starter.Start(ctx, bubble.Request())
				if github.ClassOf(err) != class || result.Failure.Hint == "" || time.Since(begun) > 20*time.Second {
					t.Errorf("after %s: %v, hint %q", time.Since(begun), err, result.Failure.Hint)
				}
				s.NothingLeft(t)
			})
		})
	}
}

// TestRateLimitWhileWaiting: no call is made before GitHub allows it, and the runner is found afterwards.
func TestRateLimitWhileWaiting(t *testing.T) {
	t.Parallel()
	fault := simulator.Fault{
		Match: simulator.Match{Operation: listRunners}, Nth: 3, Times: 1, Effect: simulator.EffectError, Status: 403,
		Message: "You have exceeded a secondary rate limit", Header: map[string]string{"retry-after": "75"},
	}
	inBubble(t, simulator.Config{Faults: []simulator.Fault{fault}}, func(ctx context.Context, t *testing.T, s *stage) {
		if _, err := s.Starter.Start(ctx, bubble.Request()); err != nil {
			t.Fatal(err)
		}
		calls := s.Calls(listRunners)
		if pause := calls[3].Time.Sub(calls[2].Time); pause < 75*time.Second {
			t.Errorf("asked again after %s, but GitHub requires 75 s", pause)
		}
	})
}

// TestBurstsWhileWaiting: minutes of 502 and of lost answers, from both services, end neither the start nor the
// machine.
func TestBurstsWhileWaiting(t *testing.T) {
	t.Parallel()
	config := simulator.Config{Guests: []simulator.GuestRule{{Boot: 40 * time.Second}}, Faults: []simulator.Fault{
		{Match: simulator.Match{Operation: listRunners}, Nth: 2, Times: 40, Effect: simulator.EffectError, Status: 502},
		{Match: simulator.Match{Operation: "DescribeInstances"}, Times: 12, Effect: simulator.EffectCutAfter},
	}}
	inBubble(t, config, func(ctx context.Context, t *testing.T, s *stage) {
		if _, err := s.Starter.Start(ctx, bubble.Request()); err != nil {
			t.Fatal(err)
		}
		for _, warning := range []string{"GitHub does not answer reliably", "EC2 does not answer reliably"} {
			if n := strings.Count(s.Log.String(), "level=WARN msg=\""+warning); n != 1 {
				t.Errorf("%q is warned of %d times, want once", warning, n)
			}
		}
	})
}

// TestRegistrationVanishes: somebody removes a JIT registration before its machine is up.
func TestRegistrationVanishes(t *testing.T) {
	t.Parallel()
	fault := simulator.Fault{Match: simulator.Match{Operation: getRunner}, Nth: 12, Effect: simulator.EffectError,
		Status: 404, Message: "Not Found"}
	inBubble(t, simulator.Config{Faults: []simulator.Fault{fault}}, func(ctx context.Context, t *testing.T, s *stage) {
		wanted := bubble.Request()
		wanted.JIT = true
		result, err := s.Starter.Start(ctx, wanted)
		if err == nil || !strings.HasSuffix(err.Error(), "is gone before the runner came online") ||
			result.Failure.Hint == "" {
			t.Errorf("error %v, failure %+v", err, result.Failure)
		}
		s.NothingLeft(t)
	})
}

// TestNeverRuns: an instance that stays pending is given up after five minutes, as in machulav's action.
func TestNeverRuns(t *testing.T) {
	t.Parallel()
	config := simulator.Config{Timing: simulator.Timing{Running: time.Hour},
		Guests: []simulator.GuestRule{{Fault: simulator.GuestNeverBoots}}}
	inBubble(t, config, func(ctx context.Context, t *testing.T, s *stage) {
		begun := time.Now()
		_, err := s.Starter.Start(ctx, bubble.Request())
		if err == nil || !strings.Contains(err.Error(), "is still pending after 5 minutes") ||
			time.Since(begun) > 6*time.Minute {
			t.Errorf("after %s: %v", time.Since(begun), err)
		}
		s.NothingLeft(t)
	})
}

// TestVanishes: EC2 does not list the instance any more.
func TestVanishes(t *testing.T) {
	t.Parallel()
	for _, reason := range []string{"Client.VolumeLimitExceeded", "Server.SpotInstanceTermination",
		"Client.UserInitiatedShutdown"} {
		config := simulator.Config{Guests: []simulator.GuestRule{{Fault: simulator.GuestDies, At: 9 * time.Second,
			Reason: reason}}}
		inBubble(t, config, func(ctx context.Context, t *testing.T, s *stage) {
			begun := time.Now()
			result, err := s.Starter.Start(ctx, bubble.Request())
			if err == nil || !strings.Contains(err.Error(), reason) || result.Failure.Hint == "" ||
				time.Since(begun) > 25*time.Second {
				t.Errorf("after %s: %v, failure %+v", time.Since(begun), err, result.Failure)
			}
			s.NothingLeft(t)
		})
	}
}

// TestRollBackIsBounded: a start that is cancelled while both services hang still ends within 7 s and names what may be
// left.
func TestRollBackIsBounded(t *testing.T) {
	t.Parallel()
	for _, hangs := range []string{"TerminateInstances", "actions/*", "*"} {
		inBubble(t, simulator.Config{}, func(parent context.Context, t *testing.T, s *stage) {
			ctx, cancel := context.WithCancel(parent)
			timer := time.AfterFunc(12*time.Second, func() {
				s.World.AddFault(simulator.Fault{Match: simulator.Match{Operation: hangs},
					Effect: simulator.EffectHang})
				cancel()
			})
			defer timer.Stop()
			begun := time.Now()
			result, err := s.Starter.Start(ctx, bubble.Request())
			if !errors.Is(err, context.Canceled) || time.Since(begun) > 19*time.Second {
				t.Errorf("%s: ended %s after the cancel: %v", hangs, time.Since(begun)-12*time.Second, err)
			}
			if result.Failure == nil || len(result.Failure.Left) == 0 {
				t.Errorf("%s: what is left is not named: %+v", hangs, result.Failure)
			}
		})
	}
}

// TestRollBackOutlivesRateLimit: a start that GitHub has told to wait for an hour still removes its registration.
func TestRollBackOutlivesRateLimit(t *testing.T) {
	t.Parallel()
	fault := simulator.Fault{
		Match: simulator.Match{Operation: getRunner}, Effect: simulator.EffectError, Status: 403,
		Message: "API rate limit exceeded",
		Header:  map[string]string{"x-ratelimit-remaining": "0", "x-ratelimit-reset": "+3000"},
	}
	inBubble(t, simulator.Config{Faults: []simulator.Fault{fault}}, func(parent context.Context, t *testing.T,
		s *stage) {
		ctx, cancel := context.WithTimeout(parent, 20*time.Second)
		defer cancel()
		wanted := bubble.Request()
		wanted.JIT = true
		if _, err := s.Starter.Start(ctx, wanted); err == nil {
			t.Error("no error")
		}
		s.NothingLeft(t)
	})
}
