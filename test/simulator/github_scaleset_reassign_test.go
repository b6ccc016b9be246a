package simulator_test

import (
	"testing"
	"time"

	"github.com/actions/scaleset"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/marqo-ai/ec2-github-runner/test/simulator"
)

// TestScaleSetReassigns lets no runner come: the job is assigned three times, five minutes apart, and fails.
func TestScaleSetReassigns(t *testing.T) {
	onSetStage(t, simulator.Config{}, func(t *testing.T, s *setStage) {
		began := time.Now()
		s.w.QueueScaleSetJob("ec2-amd64", simulator.ScaleSetJob{})
		s.want(s.poll(1), "1 assigned; assigned 1, running 0, idle 0")
		for range 2 {
			for range 5 {
				s.want(s.poll(1), "nothing")
			}
			s.want(s.poll(1), "1 assigned, canceled; assigned 1, running 0, idle 0")
		}
		s.want(s.state(0), "assigned after 3")
		for range 5 {
			s.want(s.poll(1), "nothing")
		}
		s.want(s.poll(1), "failed; assigned 0, running 0, idle 0")
		if took := time.Since(began).Round(time.Minute); took != 15*time.Minute {
			t.Errorf("it failed after %s", took)
		}
	})
}

// TestScaleSetRunnerTakesNoJob sends the job to a runner that does not take it; the next assignment finds another one.
func TestScaleSetRunnerTakesNoJob(t *testing.T) {
	onSetStage(t, simulator.Config{Guests: []simulator.GuestRule{{Fault: simulator.GuestHealthy}}},
		func(t *testing.T, s *setStage) {
			s.w.AddGuestRule(simulator.GuestRule{Fault: simulator.GuestTakesNoJob, Times: 1})
			s.boot()
			pause(t.Context(), time.Minute)
			s.w.QueueScaleSetJob("ec2-amd64", simulator.ScaleSetJob{})
			s.want(s.poll(2), "1 assigned; assigned 1, running 0, idle 1")
			s.boot()
			for range 5 {
				s.want(s.poll(2), "nothing")
			}
			s.want(s.poll(2), "1 assigned, 1 started, canceled; assigned 1, running 1, idle 1")
			s.want(s.poll(2), "succeeded; assigned 0, running 0, idle 1")
			s.want(s.state(0), "done after 2")
		})
}

// TestScaleSetGhost has a machine that goes on without its registration.
func TestScaleSetGhost(t *testing.T) {
	onSetStage(t, simulator.Config{Guests: []simulator.GuestRule{{Fault: simulator.GuestGhost}}},
		func(t *testing.T, s *setStage) {
			s.w.QueueScaleSetJob("ec2-amd64", simulator.ScaleSetJob{})
			s.poll(1)
			machine := s.boot()
			s.poll(1)
			s.want(s.poll(1), "succeeded; assigned 0, running 0, idle 0")
			s.want(s.poll(1), "nothing")
			if !s.w.GuestIsOn(machine) || len(s.w.Snapshot().Runners) > 0 {
				t.Error("the machine is no ghost")
			}
		})
}

// TestScaleSetLostMachine ends a machine under its job.
func TestScaleSetLostMachine(t *testing.T) {
	onSetStage(t, simulator.Config{}, func(t *testing.T, s *setStage) {
		s.w.QueueScaleSetJob("ec2-amd64", simulator.ScaleSetJob{Duration: time.Hour})
		s.poll(1)
		machine := s.boot()
		s.want(s.poll(1), "1 started; assigned 1, running 1, idle 0")
		s.w.DetachGuest(machine)
		s.want(s.poll(1), "nothing")
		s.want(s.poll(1), "failed; assigned 0, running 0, idle 0")
		s.want(s.state(0), "lost after 1")
	})
}

// TestScaleSetSingleUse gives a runner one job and no other.
func TestScaleSetSingleUse(t *testing.T) {
	onSetStage(t, simulator.Config{}, func(t *testing.T, s *setStage) {
		for range 2 {
			s.w.QueueScaleSetJob("ec2-amd64", simulator.ScaleSetJob{})
		}
		s.want(s.poll(2), "2 assigned; assigned 2, running 0, idle 0")
		s.boot()
		s.want(s.poll(2), "1 started; assigned 2, running 1, idle 0")
		s.want(s.poll(2), "succeeded; assigned 1, running 0, idle 0")
		s.want(s.poll(2), "nothing")
	})
}

// TestScaleSetMachine launches an instance with a configuration of the set: it does its job, ends its registration and
// itself.
func TestScaleSetMachine(t *testing.T) {
	onSetStage(t, simulator.Config{}, func(t *testing.T, s *setStage) {
		ctx := t.Context()
		s.w.QueueScaleSetJob("ec2-amd64", simulator.ScaleSetJob{Duration: 40 * time.Second})
		s.poll(1)
		jit := must[*scaleset.RunnerScaleSetJitRunnerConfig](t)(s.c.GenerateJitRunnerConfig(ctx,
			&scaleset.RunnerScaleSetJitRunnerSetting{Name: "ec2-1"}, s.set.ID))
		in := launchInput(egr(map[string]string{"jit": jit.EncodedJITConfig, "ephemeral": "true",
			"job_report": "true"}))
		in.InstanceInitiatedShutdownBehavior = types.ShutdownBehaviorTerminate
		mustLaunch(ctx, t, inProcess(s.w).ec2(t, "us-east-1"), in)
		s.want(s.poll(1), "1 started; assigned 1, running 1, idle 0")
		list, _, err := inProcess(s.w).github(t, "ghp_demo").Actions.ListRunners(ctx, "demo-org", "demo", nil)
		if err != nil || list.TotalCount != 1 || !list.Runners[0].GetBusy() ||
			list.Runners[0].GetStatus() != "online" ||
			list.Runners[0].Labels[0].GetName() != "ec2-amd64" {
			t.Errorf("GitHub lists %v, %v", list, err)
		}
		s.want(s.poll(1), "succeeded; assigned 0, running 0, idle 0")
		pause(ctx, time.Minute)
		if instances, runners := s.w.Leftovers(); len(instances)+len(runners) > 0 {
			t.Errorf("left: %v, %v", instances, runners)
		}
	})
}

// TestScaleSetQueuedTooLong lets nobody listen for a day: GitHub gives the job up.
func TestScaleSetQueuedTooLong(t *testing.T) {
	onSetStage(t, simulator.Config{}, func(t *testing.T, s *setStage) {
		s.w.QueueScaleSetJob("ec2-amd64", simulator.ScaleSetJob{})
		pause(t.Context(), 24*time.Hour-time.Second)
		s.want(s.state(0), "queued after 0")
		pause(t.Context(), time.Second)
		s.want(s.state(0), "failed after 0")
	})
}
