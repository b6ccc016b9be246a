package simulator_test

import (
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/actions/scaleset"

	"github.com/marqo-ai/ec2-github-runner/test/simulator"
)

// setStage is a world with one set and its session.
type setStage struct {
	t       *testing.T
	w       *simulator.World
	c       *scaleset.Client
	set     *scaleset.RunnerScaleSet
	session *scaleset.MessageSessionClient
	last    int
	runners int
}

// onSetStage plays in a bubble.
func onSetStage(t *testing.T, cfg simulator.Config, play func(t *testing.T, s *setStage)) {
	synctest.Test(t, func(t *testing.T) {
		w := simulator.New(cfg)
		s := &setStage{t: t, w: w, c: setClient(t, w)}
		s.set = newSet(t, s.c, "ec2-amd64")
		s.session = must[*scaleset.MessageSessionClient](t)(s.c.MessageSessionClient(t.Context(), s.set.ID, "host-1"))
		play(t, s)
		noSurprises(t, w)
	})
}

// poll gives what the next message holds, in words, and acknowledges it.
func (s *setStage) poll(capacity int) string {
	s.t.Helper()
	m := must[*scaleset.RunnerScaleSetMessage](s.t)(s.session.GetMessage(s.t.Context(), s.last, capacity))
	if m == nil {
		return "nothing"
	}
	s.last = m.MessageID
	if err := s.session.DeleteMessage(s.t.Context(), m.MessageID); err != nil {
		s.t.Fatal(err)
	}
	return inWords(m)
}

func inWords(m *scaleset.RunnerScaleSetMessage) string {
	var words []string
	for _, kind := range []struct {
		name string
		n    int
	}{
		{"available", len(m.JobAvailableMessages)}, {"assigned", len(m.JobAssignedMessages)},
		{"started", len(m.JobStartedMessages)},
	} {
		if kind.n > 0 {
			words = append(words, fmt.Sprintf("%d %s", kind.n, kind.name))
		}
	}
	for _, j := range m.JobCompletedMessages {
		words = append(words, j.Result)
	}
	n := m.Statistics
	return fmt.Sprintf("%s; assigned %d, running %d, idle %d", strings.Join(words, ", "), n.TotalAssignedJobs,
		n.TotalRunningJobs, n.TotalIdleRunners)
}

// boot starts a machine with a JIT configuration of the set.
func (s *setStage) boot() string {
	s.t.Helper()
	s.runners++
	name := fmt.Sprintf("ec2-%d", s.runners)
	jit := must[*scaleset.RunnerScaleSetJitRunnerConfig](s.t)(s.c.GenerateJitRunnerConfig(s.t.Context(),
		&scaleset.RunnerScaleSetJitRunnerSetting{Name: name}, s.set.ID))
	s.w.AttachGuest("i-"+name, 0, []byte(egr(map[string]string{"jit": jit.EncodedJITConfig, "ephemeral": "true"})))
	return "i-" + name
}

func (s *setStage) want(what, want string) {
	s.t.Helper()
	if what != want {
		s.t.Errorf("got %q, want %q", what, want)
	}
}

func (s *setStage) state(n int) string {
	j := s.w.Jobs()[n]
	return fmt.Sprintf("%s after %d", j.State, j.Assignments)
}

// TestScaleSetCapacity holds assignment to the capacity that the latest poll has told: what is over waits at GitHub.
func TestScaleSetCapacity(t *testing.T) {
	onSetStage(t, simulator.Config{}, func(t *testing.T, s *setStage) {
		for range 3 {
			s.w.QueueScaleSetJob("ec2-amd64", simulator.ScaleSetJob{})
		}
		if n := s.w.ScaleSets()[0]; n.Assigned != 0 || n.Available != 3 {
			t.Errorf("before the first poll: %+v", n)
		}
		s.want(s.poll(0), "nothing")
		s.want(s.poll(2), "2 assigned; assigned 2, running 0, idle 0")
		s.want(s.poll(2), "nothing")
		s.want(s.poll(3), "1 assigned; assigned 3, running 0, idle 0")
		s.want(s.poll(0), "nothing") // what is assigned stays
		if n := s.w.ScaleSets()[0].Assigned; n != 3 {
			t.Errorf("%d jobs are assigned", n)
		}
	})
}

// TestScaleSetBatches holds messages to fifty jobs each, with the statistics of all, delivered until acknowledged to
// who has not seen them, by the next session too.
func TestScaleSetBatches(t *testing.T) {
	onSetStage(t, simulator.Config{}, func(t *testing.T, s *setStage) {
		ctx := t.Context()
		for range 120 {
			s.w.QueueScaleSetJob("ec2-amd64", simulator.ScaleSetJob{})
		}
		get := func(session *scaleset.MessageSessionClient, last int) *scaleset.RunnerScaleSetMessage {
			t.Helper()
			m := must[*scaleset.RunnerScaleSetMessage](t)(session.GetMessage(ctx, last, 200))
			if m == nil {
				t.Fatal("no message")
			}
			return m
		}
		first := get(s.session, 0)
		s.want(inWords(first), "50 assigned; assigned 120, running 0, idle 0")
		if again := get(s.session, 0); again.MessageID != first.MessageID {
			t.Errorf("message %d is not given again, but %d", first.MessageID, again.MessageID)
		}
		second := get(s.session, first.MessageID)
		if again := get(s.session, first.MessageID); again.MessageID != second.MessageID {
			t.Errorf("after message %d comes %d", first.MessageID, again.MessageID)
		}
		if err := s.session.Close(ctx); err != nil {
			t.Fatal(err)
		}
		next := must[*scaleset.MessageSessionClient](t)(s.c.MessageSessionClient(ctx, s.set.ID, "host-2"))
		if n := next.Session().Statistics.TotalAssignedJobs; n != 120 {
			t.Errorf("the next session begins with %d jobs", n)
		}
		if again := get(next, 0); again.MessageID != first.MessageID {
			t.Errorf("the next session begins with message %d", again.MessageID)
		}
		for _, id := range []int{first.MessageID, second.MessageID, second.MessageID} {
			if err := next.DeleteMessage(ctx, id); err != nil {
				t.Fatal(err)
			}
		}
		third := get(next, 0)
		s.want(inWords(third), "20 assigned; assigned 120, running 0, idle 0")
		if third.MessageID <= second.MessageID {
			t.Errorf("message %d comes after %d", third.MessageID, second.MessageID)
		}
	})
}

// TestScaleSetCancel cancels a job at GitHub, one that is assigned and one that runs.
func TestScaleSetCancel(t *testing.T) {
	onSetStage(t, simulator.Config{}, func(t *testing.T, s *setStage) {
		var ids []string
		for range 3 {
			ids = append(ids, s.w.QueueScaleSetJob("ec2-amd64", simulator.ScaleSetJob{Duration: time.Hour}))
		}
		s.want(s.poll(2), "2 assigned; assigned 2, running 0, idle 0")
		machine := s.boot()
		s.want(s.poll(2), "1 started; assigned 2, running 1, idle 0")
		for _, id := range []string{ids[2], ids[1], ids[0]} {
			if !s.w.CancelJob(id) {
				t.Errorf("job %s cannot be canceled", id)
			}
		}
		s.want(s.poll(2), "canceled; assigned 1, running 1, idle 0")
		s.want(s.poll(2), "canceled; assigned 0, running 0, idle 0")
		s.want(s.poll(2), "nothing")
		if s.w.CancelJob(ids[0]) || s.w.GuestIsOn(machine) || len(s.w.Snapshot().Runners) > 0 {
			t.Errorf("after the cancel: machine on %t, runners %v", s.w.GuestIsOn(machine), s.w.Snapshot().Runners)
		}
	})
}

// TestScaleSetAcquire plays an Enterprise Server: a job that nobody acquires waits, whatever the capacity.
func TestScaleSetAcquire(t *testing.T) {
	onSetStage(t, simulator.Config{ScaleSets: simulator.ScaleSets{Acquire: true}}, func(t *testing.T, s *setStage) {
		ctx := t.Context()
		other := newSet(t, s.c, "other")
		s.w.QueueScaleSetJob("ec2-amd64", simulator.ScaleSetJob{})
		m := must[*scaleset.RunnerScaleSetMessage](t)(s.session.GetMessage(ctx, 0, 5))
		s.want(inWords(m), "1 available; assigned 0, running 0, idle 0")
		id := m.JobAvailableMessages[0].RunnerRequestID
		s.last = m.MessageID
		s.want(s.poll(5), "nothing")
		foreign := must[*scaleset.MessageSessionClient](t)(s.c.MessageSessionClient(ctx, other.ID, "host-1"))
		if got, err := foreign.AcquireJobs(ctx, []int64{id}); err != nil || len(got) > 0 {
			t.Errorf("another set acquires %v, %v", got, err)
		}
		for range 2 { // "Acquiring again is harmless", as the emulator has it
			if got, err := s.session.AcquireJobs(ctx, []int64{id, 99}); err != nil || len(got) != 1 || got[0] != id {
				t.Errorf("acquired %v, %v", got, err)
			}
		}
		s.want(s.poll(5), "1 assigned; assigned 1, running 0, idle 0")
		rival := must[*scaleset.RunnerScaleSet](t)(s.c.UpdateRunnerScaleSet(ctx, other.ID, &scaleset.RunnerScaleSet{
			Name: "other", RunnerGroupID: 1, Labels: []scaleset.Label{{Name: "other"}, {Name: "ec2-amd64"}}}))
		if got, err := foreign.AcquireJobs(ctx, []int64{id}); err != nil || len(got) > 0 || len(rival.Labels) != 2 {
			t.Errorf("a rival acquires %v, %v", got, err)
		}
	})
}

// TestScaleSetRouting sends jobs to the sets that have all their labels and are of their repository or its owner.
func TestScaleSetRouting(t *testing.T) {
	cfg := simulator.Config{
		Repositories: []string{"demo-org/demo", "demo-org/two", "else/where"},
		ScaleSetJobs: []simulator.ScaleSetJob{
			{Set: "gpu", Labels: []string{"GPU", "big"}, After: time.Minute, Count: 2},
			{Set: "gpu", Labels: []string{"gpu", "huge"}},
			{Set: "gpu", Repository: "demo-org/two"},
		},
	}
	onSetStage(t, cfg, func(t *testing.T, s *setStage) {
		ctx := t.Context()
		gpu := must[*scaleset.RunnerScaleSet](t)(s.c.CreateRunnerScaleSet(ctx, &scaleset.RunnerScaleSet{Name: "gpu",
			RunnerGroupID: 1, Labels: []scaleset.Label{{Name: "gpu"}, {Name: "big"}}}))
		s.session = must[*scaleset.MessageSessionClient](t)(s.c.MessageSessionClient(ctx, gpu.ID, "host-1"))
		s.want(s.poll(9), "nothing")
		s.want(s.poll(9), "2 assigned; assigned 2, running 0, idle 0")
		s.want(s.poll(9), "nothing")
	})
}
