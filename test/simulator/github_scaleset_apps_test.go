package simulator_test

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/actions/scaleset"

	"github.com/marqo-ai/ec2-github-runner/test/simulator"
)

// TestScaleSetTokens lets the admin token, the token of the queue, and the App's installation end.
func TestScaleSetTokens(t *testing.T) {
	onSetStage(t, simulator.Config{}, func(t *testing.T, s *setStage) {
		ctx := t.Context()
		pause(ctx, 59*time.Minute+30*time.Second) // the client renews the admin token a minute before its end
		if _, err := s.c.GetRunnerScaleSetByID(ctx, s.set.ID); err != nil {
			t.Error(err)
		}
		s.w.RevokeScaleSetTokens()
		if _, err := s.c.GetRunnerScaleSetByID(ctx, s.set.ID); err == nil || !strings.Contains(err.Error(), "401") {
			t.Errorf("with a token that was revoked: %v", err)
		}
	})
	onSetStage(t, simulator.Config{}, func(t *testing.T, s *setStage) {
		before := s.session.Session().MessageQueueAccessToken
		s.w.ExpireQueueToken("ec2-amd64")
		s.want(s.poll(1), "nothing") // by itself: 401, a refresh, and again
		if s.session.Session().MessageQueueAccessToken == before {
			t.Error("the session was not refreshed")
		}
	})
}

// TestScaleSetSuspendedApp suspends the App under its session: the service takes none of its tokens any more.
func TestScaleSetSuspendedApp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := simulator.New(simulator.Config{Apps: []simulator.App{demoApp}})
		ctx, c := t.Context(), setClientOfApp(t, w, "https://github.com/demo-org/demo", 99, inWorld(w))
		set := newSet(t, c, "ec2-amd64")
		w.Suspend(99, true)
		if _, err := c.GetRunnerScaleSetByID(ctx, set.ID); err == nil || !strings.Contains(err.Error(), "401") {
			t.Errorf("with its old token: %v", err)
		}
		pause(ctx, time.Hour)
		_, err := c.GetRunnerScaleSetByID(ctx, set.ID)
		if err == nil || !strings.Contains(err.Error(), "This installation has been suspended") {
			t.Errorf("with a new one: %v", err)
		}
		w.Suspend(99, false)
		if _, err := c.GetRunnerScaleSetByID(ctx, set.ID); err != nil {
			t.Error(err)
		}
		noSurprises(t, w)
	})
}

// TestScaleSetForeign meets the set of somebody else: its owner is named, and what becomes of it is told.
func TestScaleSetForeign(t *testing.T) {
	cfg := simulator.Config{ScaleSets: simulator.ScaleSets{NamesOwner: true,
		Foreign: []simulator.ScaleSetSeed{{Name: "theirs", Owner: "arc-7d4"}, {Name: "idle"}}}}
	onSetStage(t, cfg, func(t *testing.T, s *setStage) {
		ctx := t.Context()
		pause(ctx, 30*24*time.Hour)
		theirs := must[*scaleset.RunnerScaleSet](t)(s.c.GetRunnerScaleSet(ctx, 1, "theirs"))
		_, err := s.c.MessageSessionClient(ctx, theirs.ID, "host-1")
		if err == nil || !strings.Contains(err.Error(), "already has an active session for owner arc-7d4.") {
			t.Errorf("a session of another one's set: %v", err)
		}
		if changed := s.w.Changed(); len(changed) > 0 {
			t.Errorf("changed: %v", changed)
		}
		idle := must[*scaleset.RunnerScaleSet](t)(s.c.GetRunnerScaleSet(ctx, 1, "idle"))
		if _, err := s.c.MessageSessionClient(ctx, idle.ID, "host-1"); err != nil {
			t.Error(err)
		}
		if err := s.c.DeleteRunnerScaleSet(ctx, theirs.ID); err != nil {
			t.Error(err)
		}
		if changed := s.w.Changed(); len(changed) != 2 {
			t.Errorf("changed: %v", changed)
		}
	})
}
