package simulator_test

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/actions/scaleset"

	"github.com/marqo-ai/ec2-github-runner/test/simulator"
)

// TestScaleSetRefusals asks for what the service refuses, by the words that the client passes on.
func TestScaleSetRefusals(t *testing.T) {
	cfg := simulator.Config{ScaleSets: simulator.ScaleSets{RefusedLabels: []string{"bad"}}}
	onSetStage(t, cfg, func(t *testing.T, s *setStage) {
		ctx := t.Context()
		create := func(in scaleset.RunnerScaleSet) error {
			_, err := s.c.CreateRunnerScaleSet(ctx, &in)
			return err
		}
		second := newSet(t, s.c, "second")
		rename := func() error {
			_, err := s.c.UpdateRunnerScaleSet(ctx, second.ID, &scaleset.RunnerScaleSet{Name: "EC2-amd64",
				RunnerGroupID: 1})
			return err
		}
		session := func(id int) error {
			_, err := s.c.MessageSessionClient(ctx, id, "host-2")
			return err
		}
		jit := func(name string) error {
			_, err := s.c.GenerateJitRunnerConfig(ctx, &scaleset.RunnerScaleSetJitRunnerSetting{Name: name}, s.set.ID)
			return err
		}
		if err := jit("ec2-1"); err != nil {
			t.Fatal(err)
		}
		if r, err := s.c.GetRunnerByName(ctx, "ec2-1"); r != nil || err != nil {
			t.Errorf("a registration is found at once: %v, %v", r, err)
		}
		for _, c := range []struct {
			name string
			err  error
			want string
		}{
			{"a set's name that is taken", create(scaleset.RunnerScaleSet{Name: "EC2-AMD64", RunnerGroupID: 1}),
				`status="400`},
			{"a rename to one that is taken", rename(), "already exists in runner group Default"},
			{"a group that does not exist", create(scaleset.RunnerScaleSet{Name: "x", RunnerGroupID: 9}),
				`status="404`},
			{"a label that GitHub refuses", create(scaleset.RunnerScaleSet{Name: "x", RunnerGroupID: 1,
				Labels: []scaleset.Label{{Name: "bad"}}}), `label "bad" is not valid`},
			{"a second holder", session(s.set.ID), "already has an active session"},
			{"a session of no set", session(99), "RunnerScaleSetNotFoundException"},
			{"a runner's name that is taken", jit("EC2-1"), "runner exists"},
			{"a runner's name with a slash", jit("a/b"), `status="400`},
		} {
			if c.err == nil || !strings.Contains(c.err.Error(), c.want) {
				t.Errorf("%s: %v, want %s", c.name, c.err, c.want)
			}
		}
		if _, err := s.c.GetRunnerGroupByName(ctx, "gone"); err == nil || !strings.Contains(err.Error(),
			"no runner group") {
			t.Errorf("a group that does not exist: %v", err)
		}
		if found, err := s.c.GetRunnerScaleSet(ctx, 1, "gone"); found != nil || err != nil {
			t.Errorf("a set that does not exist: %v, %v", found, err)
		}
		pause(ctx, time.Second)
		r, err := s.c.GetRunnerByName(ctx, "ec2-1")
		if err != nil || r == nil || r.RunnerScaleSetID != s.set.ID {
			t.Fatalf("the registration: %v, %v", r, err)
		}
		if err := s.c.RemoveRunner(ctx, int64(r.ID)); err != nil {
			t.Error(err)
		}
		if err := s.c.RemoveRunner(ctx, int64(r.ID)); !errors.Is(err, scaleset.RunnerNotFoundError) {
			t.Errorf("a runner that is gone: %v", err)
		}
	})
}

// TestScaleSetUpdate changes labels and DisableUpdate, and finds the set as it is.
func TestScaleSetUpdate(t *testing.T) {
	for _, one := range []bool{false, true} {
		want := []string{"ec2", "gpu"}
		if one { // an Enterprise Server that drops them in silence
			want = []string{"ec2-amd64"}
		}
		onSetStage(t, simulator.Config{ScaleSets: simulator.ScaleSets{OneLabel: one}}, func(t *testing.T, s *setStage) {
			ctx := t.Context()
			_, err := s.c.UpdateRunnerScaleSet(ctx, s.set.ID, &scaleset.RunnerScaleSet{Name: "ec2-amd64",
				RunnerGroupID: 1,
				Labels:        []scaleset.Label{{Name: "ec2"}, {Name: "gpu"}},
				RunnerSetting: scaleset.RunnerSetting{DisableUpdate: true}})
			if err != nil {
				t.Fatal(err)
			}
			found := must[*scaleset.RunnerScaleSet](t)(s.c.GetRunnerScaleSet(ctx, 1, "ec2-amd64"))
			var labels []string
			for _, l := range found.Labels {
				labels = append(labels, l.Name)
			}
			if !slices.Equal(labels, want) || !found.RunnerSetting.DisableUpdate || found.RunnerGroupName != "Default" {
				t.Errorf("the set is %+v, want the labels %v", found, want)
			}
		})
	}
}

// TestScaleSetGoneUnderItsSession deletes the set while its holder polls: 404 from then on, and its runners are gone.
func TestScaleSetGoneUnderItsSession(t *testing.T) {
	onSetStage(t, simulator.Config{}, func(t *testing.T, s *setStage) {
		ctx := t.Context()
		s.boot()
		go func() { pause(ctx, 20*time.Second); s.w.DeleteScaleSet("ec2-amd64") }()
		began := time.Now()
		_, err := s.session.GetMessage(ctx, 0, 1)
		if err == nil || !strings.Contains(err.Error(), "404") || time.Since(began) > 21*time.Second {
			t.Errorf("the poll ended with %v after %s", err, time.Since(began))
		}
		for name, err := range map[string]error{
			"acknowledge": s.session.DeleteMessage(ctx, 1), "close": s.session.Close(ctx),
			"delete": s.c.DeleteRunnerScaleSet(ctx, s.set.ID),
		} {
			if err == nil || !strings.Contains(err.Error(), "404") {
				t.Errorf("%s: %v", name, err)
			}
		}
		if left := s.w.Snapshot().Runners; len(left) > 0 {
			t.Errorf("registrations are left: %v", left)
		}
	})
}

// TestScaleSetGroups creates sets in groups of an organization, and removes a group.
func TestScaleSetGroups(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := simulator.New(simulator.Config{
			Tokens:       []simulator.Token{{Value: "ghp_demo", Admin: []string{"demo-org"}}},
			RunnerGroups: []simulator.RunnerGroup{{Scope: "demo-org", ID: 7, Name: "gpu"}},
		})
		ctx, c := t.Context(), setClientOf(t, w, "https://github.com/demo-org")
		group := must[*scaleset.RunnerGroup](t)(c.GetRunnerGroupByName(ctx, "gpu"))
		for _, id := range []int{1, group.ID} { // names are unique in a group only
			_, err := c.CreateRunnerScaleSet(ctx, &scaleset.RunnerScaleSet{Name: "ec2", RunnerGroupID: id})
			if err != nil {
				t.Fatal(err)
			}
		}
		set := must[*scaleset.RunnerScaleSet](t)(c.GetRunnerScaleSet(ctx, 7, "ec2"))
		if set.RunnerGroupName != "gpu" {
			t.Errorf("the set is %+v", set)
		}
		w.RemoveRunnerGroup("demo-org", 7)
		set = must[*scaleset.RunnerScaleSet](t)(c.GetRunnerScaleSetByID(ctx, set.ID))
		if set.RunnerGroupName != "Default" {
			t.Errorf("without its group the set is %+v", set)
		}
		noSurprises(t, w)
	})
}

// TestScaleSetMissing asks an Enterprise Server that has no scale sets.
func TestScaleSetMissing(t *testing.T) {
	for _, missing := range []string{"registration", "endpoint"} {
		synctest.Test(t, func(t *testing.T) {
			w := simulator.New(simulator.Config{ScaleSets: simulator.ScaleSets{Missing: missing},
				GitHubHosts: []string{"github.example.com"}})
			_, err := setClientOf(t, w, "https://github.example.com/demo-org/demo").GetRunnerScaleSet(t.Context(), 1,
				"x")
			if err == nil || !strings.Contains(err.Error(), `status="404 Not Found"`) {
				t.Errorf("%s: %v", missing, err)
			}
		})
	}
}
