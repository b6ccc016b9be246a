package simulator_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/actions/scaleset"

	"github.com/marqo-ai/ec2-github-runner/test/simulator"
)

// TestScaleSetWeather meets the service's calls with the weather that all calls have, and with its own.
func TestScaleSetWeather(t *testing.T) {
	jit := func(t *testing.T, s *setStage) error {
		_, err := s.c.GenerateJitRunnerConfig(t.Context(), &scaleset.RunnerScaleSetJitRunnerSetting{Name: "ec2-1"},
			s.set.ID)
		return err
	}
	poll := func(t *testing.T, s *setStage) error {
		_, err := s.session.GetMessage(t.Context(), 0, 1)
		return err
	}
	for _, c := range []struct {
		name, operation string
		fault           simulator.Fault
		call            func(*testing.T, *setStage) error
		want            string        // in the error, "" for none
		took            time.Duration // about
	}{
		{"a lost answer of JIT", "GenerateJitRunnerConfig", simulator.Fault{Effect: simulator.EffectCutAfter}, jit,
			"runner exists", time.Second}, // the client repeats it
		{"a burst of 502", "GenerateJitRunnerConfig", simulator.Fault{Effect: simulator.EffectError, Status: 502,
			Times: 2}, jit, "", 3 * time.Second},
		{"a poll that is answered 503 at once", "GetMessage", simulator.Fault{Effect: simulator.EffectError,
			Status: 503},
			poll, "", 51 * time.Second},
		{"a slow poll", "GetMessage", simulator.Fault{Effect: simulator.EffectLate, Delay: 20 * time.Second}, poll, "",
			70 * time.Second},
		{"a poll that hangs", "GetMessage", simulator.Fault{Effect: simulator.EffectHang}, poll, "",
			5*time.Minute + 51*time.Second}, // the client's own time-out, and again
		{"a poll with an empty answer", "GetMessage", simulator.Fault{Effect: simulator.EffectEmpty}, poll, "EOF", 0},
		{"a session dropped", "GetMessage", simulator.Fault{Effect: simulator.EffectError,
			Code: "RunnerScaleSetSessionExpiredException"}, poll,
			"RunnerScaleSetSessionExpiredException", 0},
		{"a set that GitHub loses", "GetMessage", simulator.Fault{Effect: simulator.EffectError,
			Code: "RunnerScaleSetNotFoundException"}, poll, "404", 0},
		{"a token that is not taken", "GetMessage", simulator.Fault{Effect: simulator.EffectError, Status: 401}, poll,
			"",
			50 * time.Second},
		{"no address of the queue", "CreateMessageSession", simulator.Fault{Effect: simulator.EffectErrorAfter,
			Code: "no-queue-url"}, func(t *testing.T, s *setStage) error {
			other := newSet(t, s.c, "other")
			session, err := s.c.MessageSessionClient(t.Context(), other.ID, "host-1")
			if err != nil {
				return err
			}
			_, err = session.GetMessage(t.Context(), 0, 1)
			return err
		}, "unsupported protocol scheme", 0},
		{"a throttle", "GetRunnerByName", simulator.Fault{Effect: simulator.EffectThrottle},
			func(t *testing.T, s *setStage) error {
				_, err := s.c.GetRunnerByName(t.Context(), "x")
				return err
			}, "", time.Minute},
	} {
		t.Run(c.name, func(t *testing.T) {
			onSetStage(t, simulator.Config{}, func(t *testing.T, s *setStage) {
				c.fault.Match = simulator.Match{Service: "actions", Operation: c.operation}
				c.fault.Times = max(1, c.fault.Times)
				if c.want == "EOF" {
					s.w.QueueScaleSetJob("ec2-amd64", simulator.ScaleSetJob{}) // 202 has no body anyway
				}
				s.w.AddFault(c.fault)
				began := time.Now()
				err := c.call(t, s)
				if took := time.Since(began); c.took > 0 && (took < c.took || took > c.took+3*time.Second) {
					t.Errorf("it took %s, not about %s", took, c.took)
				}
				if (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) {
					t.Errorf("got %v, want %q", err, c.want)
				}
				met := 0
				for _, call := range s.w.Calls() {
					if call.Fault != "" {
						met++
					}
				}
				if met != c.fault.Times {
					t.Errorf("%d calls met the weather", met)
				}
			})
		})
	}
}

// TestScaleSetDropped drops the session under a poll: the holder hears of it at once, and cannot refresh it.
func TestScaleSetDropped(t *testing.T) {
	onSetStage(t, simulator.Config{}, func(t *testing.T, s *setStage) {
		ctx := t.Context()
		go func() { pause(ctx, 20*time.Second); s.w.DropSession("ec2-amd64") }()
		if _, err := s.session.GetMessage(ctx, 0, 1); err == nil || !strings.Contains(err.Error(), "is not valid") {
			t.Errorf("the poll ended with %v", err)
		}
		if err := s.session.Close(ctx); err == nil || errors.Is(err, scaleset.MessageQueueTokenExpiredError) {
			t.Errorf("closing it: %v", err)
		}
		if _, err := s.c.MessageSessionClient(ctx, s.set.ID, "host-1"); err != nil {
			t.Errorf("a new one: %v", err)
		}
	})
}

// TestScaleSetLateStatistics shows messages whose statistics are of before.
func TestScaleSetLateStatistics(t *testing.T) {
	cfg := simulator.Config{ScaleSets: simulator.ScaleSets{StatisticsDelay: 10 * time.Second}}
	onSetStage(t, cfg, func(t *testing.T, s *setStage) {
		s.want(s.poll(1), "nothing")
		s.w.QueueScaleSetJob("ec2-amd64", simulator.ScaleSetJob{Duration: time.Minute})
		s.want(s.poll(1), "1 assigned; assigned 0, running 0, idle 0")
		s.boot()
		s.want(s.poll(1), "1 started; assigned 1, running 0, idle 0")
		s.want(s.poll(1), "nothing")
		s.want(s.poll(1), "succeeded; assigned 1, running 1, idle 0")
	})
}
