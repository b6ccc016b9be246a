package simulator_test

import (
	"context"
	"errors"
	"net/http"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/google/go-cmp/cmp"
	"github.com/google/go-github/v57/github"

	"github.com/marqo-ai/ec2-github-runner/test/simulator"
)

// both runs a test in a bubble and over HTTP; there the world runs a hundred times as fast, and second is so much
// shorter.
func both(t *testing.T, cfg simulator.Config, test func(t *testing.T, w *simulator.World, by way,
	second time.Duration)) {
	t.Helper()
	t.Run("in process", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			w := simulator.New(cfg)
			test(t, w, inProcess(w), time.Second)
		})
	})
	t.Run("over HTTP", func(t *testing.T) {
		cfg.Speed = 100
		w := simulator.New(cfg)
		test(t, w, overHTTP(t, w), 10*time.Millisecond)
	})
}

// TestEffects holds every effect to what a client sees of it and to whether the service acted, both ways in.
func TestEffects(t *testing.T) {
	for _, c := range []struct {
		fault simulator.Fault
		acted bool
		sees  string // what the client gets: "ok", an error code, or a kind of net error
	}{
		{simulator.Fault{Effect: simulator.EffectError}, false, "InternalError"},
		{simulator.Fault{Effect: simulator.EffectError, Code: "InsufficientInstanceCapacity"}, false,
			"InsufficientInstanceCapacity"},
		{simulator.Fault{Effect: simulator.EffectErrorAfter, Status: 503, Code: "Unavailable"}, true, "Unavailable"},
		{simulator.Fault{Effect: simulator.EffectThrottle}, false, "RequestLimitExceeded"},
		{simulator.Fault{Effect: simulator.EffectRefuse}, false, "connection"},
		{simulator.Fault{Effect: simulator.EffectCutBefore}, false, "connection"},
		{simulator.Fault{Effect: simulator.EffectCutAfter}, true, "connection"},
		{simulator.Fault{Effect: simulator.EffectCutMiddle}, true, "answer"},
		{simulator.Fault{Effect: simulator.EffectMalformed}, true, "answer"},
		{simulator.Fault{Effect: simulator.EffectLate, Delay: 5 * time.Second}, true, "ok"},
		{simulator.Fault{Effect: simulator.EffectLate, Delay: 5 * time.Minute}, true, "deadline"},
		{simulator.Fault{Effect: simulator.EffectHang}, false, "deadline"},
	} {
		t.Run(string(c.fault.Effect)+c.fault.Code+c.fault.Delay.String(), func(t *testing.T) {
			both(t, simulator.Config{Faults: []simulator.Fault{c.fault}}, func(t *testing.T, w *simulator.World, by way,
				second time.Duration) {
				ctx, cancel := context.WithTimeout(t.Context(), 2*60*second)
				defer cancel()
				_, err := by.ec2(t, "us-east-1", onceOnly).RunInstances(ctx, launchInput(""))
				if got := kind(err); got != c.sees {
					t.Errorf("the client sees %s (%v), want %s", got, err, c.sees)
				}
				if got := len(w.Snapshot().Instances) == 1; got != c.acted {
					t.Errorf("acted %v, want %v", got, c.acted)
				}
				call := w.Calls()[0]
				if call.Fault == "" || call.Operation != "RunInstances" || call.Lost != (c.sees == "connection" ||
					c.sees == "deadline" || c.fault.Effect == simulator.EffectCutMiddle) {
					t.Errorf("journal says %+v", call)
				}
			})
		})
	}
}

// kind sorts what a client may see.
func kind(err error) string {
	switch {
	case err == nil:
		return "ok"
	case errors.Is(err, context.DeadlineExceeded):
		return "deadline"
	case errors.Is(err, syscall.ECONNREFUSED), errors.Is(err, syscall.ECONNRESET):
		return "connection"
	case code(err) != "" && code(err) != "UnknownError":
		return code(err)
	}
	return "answer"
}

// TestGitHubWeather shows errors in GitHub's own form, with the headers that say when to come back.
func TestGitHubWeather(t *testing.T) {
	both(t, simulator.Config{Faults: []simulator.Fault{
		{Match: simulator.Match{Service: "github", Operation: "*list-self-hosted*"}, Times: 1,
			Effect: simulator.EffectError,
			Status: 502, Message: "Bad Gateway"},
		{Match: simulator.Match{Service: "github", Operation: "*list-self-hosted*"}, Nth: 2, Times: 1,
			Effect: simulator.EffectThrottle},
	}}, func(t *testing.T, w *simulator.World, by way, _ time.Duration) {
		list := func() error {
			_, _, err := by.github(t, "ghp_demo").Actions.ListRunners(t.Context(), "demo-org", "demo", nil)
			return err
		}
		var bad *github.ErrorResponse
		if err := list(); !errors.As(err, &bad) || bad.Response.StatusCode != http.StatusBadGateway ||
			bad.Message != "Bad Gateway" {
			t.Errorf("first: %v, want 502 Bad Gateway", err)
		}
		var abuse *github.AbuseRateLimitError
		if err := list(); !errors.As(err, &abuse) || abuse.GetRetryAfter() != time.Minute {
			t.Errorf("second: %v, want a secondary rate limit of a minute", err)
		}
		if err := list(); err != nil {
			t.Errorf("third: %v, want none", err)
		}
		noSurprises(t, w)
	})
}

// TestMatch shows which calls a fault meets: by parameters that only the world can tell, and by number.
func TestMatch(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := simulator.New(simulator.Config{Faults: []simulator.Fault{
			{Match: simulator.Match{Params: map[string]string{"Zone": "us-east-1a", "InstanceType": "t3.*"}},
				Effect: simulator.EffectError, Code: "InsufficientInstanceCapacity"},
			{Match: simulator.Match{Call: 3}, Effect: simulator.EffectError, Code: "Unavailable"},
		}})
		cloud := inProcess(w).ec2(t, "us-east-1", onceOnly)
		var got []string
		for _, subnet := range []string{subnetA, subnetB, subnetB, subnetB} {
			in := launchInput("")
			in.SubnetId = aws.String(subnet)
			_, err := cloud.RunInstances(t.Context(), in)
			got = append(got, code(err))
		}
		if diff := cmp.Diff([]string{"InsufficientInstanceCapacity", "", "Unavailable", ""}, got); diff != "" {
			t.Errorf("codes (-want +got):\n%s", diff)
		}
	})
}

// TestDark kills a client in the middle of a call: it gets no answer until its context ends, the world goes on, and a
// client of its own is not touched.
func TestDark(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := simulator.New(simulator.Config{})
		transport := w.Transport()
		ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
		defer cancel()
		done := make(chan error, 1)
		go func() {
			_, err := newEC2("us-east-1", &http.Client{Transport: transport}, "", onceOnly).RunInstances(ctx,
				launchInput(""))
			done <- err
		}()
		pause(t.Context(), time.Second) // the service has acted, the answer is on its way
		transport.Dark()
		started := time.Now()
		if err := <-done; !errors.Is(err, context.DeadlineExceeded) || time.Since(started) < 59*time.Minute {
			t.Errorf("the killed client got %v after %s, want its own deadline", err, time.Since(started))
		}
		if got := len(w.Snapshot().Instances); got != 1 {
			t.Errorf("%d instances, want the one that nobody has seen", got)
		}
		if _, _, err := inProcess(w).github(t, "ghp_demo").Actions.CreateRegistrationToken(t.Context(), "demo-org",
			"demo"); err != nil {
			t.Errorf("another client: %v, want an answer", err)
		}
	})
}

// TestCancel ends a client's call while the answer is under way: it returns at once, and the instance is there.
func TestCancel(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := simulator.New(simulator.Config{})
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		_, err := inProcess(w).ec2(t, "us-east-1", onceOnly).RunInstances(ctx, launchInput(""))
		if !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("got %v, want the deadline", err)
		}
		if instances, _ := w.Leftovers(); len(instances) != 1 {
			t.Errorf("%d instances, want one", len(instances))
		}
	})
}
