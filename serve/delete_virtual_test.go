package serve_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/marqo-ai/ec2-github-runner/serve"
	"github.com/marqo-ai/ec2-github-runner/serve/config"
	"github.com/marqo-ai/ec2-github-runner/serve/status"
	"github.com/marqo-ai/ec2-github-runner/test/simulator"
)

// delete deletes a set by a process of its own, and returns what that has logged.
func (s *stage) delete(name string) (*lines, error) {
	log := &lines{}
	return log, serve.Delete(s.t.Context(), s.file, name, false, options("laptop", log, s.world.Transport()))
}

// refused deletes a set in vain, and fails where one of the parts of the refusal is missing.
func (s *stage) refused(name string, parts ...string) {
	s.t.Helper()
	log, err := s.delete(name)
	if err == nil {
		s.t.Fatalf("%s is deleted:\n%s", name, log)
	}
	for _, part := range parts {
		if !strings.Contains(err.Error(), part) {
			s.t.Errorf("got %q, want %q", err, part)
		}
	}
}

// deleted deletes a set, and fails where anything of it is left.
func (s *stage) deleted(name string) *lines {
	s.t.Helper()
	log, err := s.delete(name)
	if err != nil {
		s.t.Fatalf("%v\n%s", err, log)
	}
	if sets := s.world.ScaleSets(); slices.ContainsFunc(sets,
		func(c simulator.ScaleSet) bool { return c.Name == name }) {
		s.t.Errorf("GitHub still has %+v", sets)
	}
	s.nothingLeft(30 * time.Second) // shutting down
	return log
}

// ready is a set with two idle runners and two warm machines.
func ready() config.Set {
	set := warmSet()
	set.Min = 2
	return set
}

// left serves a set until its idle and warm machines are there, ends that process, and takes the set out of the file.
func (s *stage) left(jobs ...simulator.ScaleSetJob) {
	s.t.Helper()
	p := s.start("one")
	s.until("ready", 15*time.Minute, func() bool {
		shown := p.shown("ec2-amd64")
		return count(shown, status.Idle) == 2 && count(shown, status.Stopped) == 2
	})
	for _, job := range jobs {
		s.queue("ec2-amd64", 1, job)
	}
	s.until("busy", time.Minute, func() bool { return s.states()["running"] == len(jobs) })
	p.end()
	s.file = s.with(aSet("stays", 1))
}

// TestDeleteEndsWhatIsIdle: idle machines, whose registrations go first, and stopped ones end; then the set is deleted.
func TestDeleteEndsWhatIsIdle(t *testing.T) {
	inBubble(t, simulator.Config{}, []config.Set{ready()}, func(s *stage) {
		s.left()
		begun := time.Now()
		s.deleted("ec2-amd64")
		if took := time.Since(begun); took > time.Minute {
			t.Errorf("it took %s", took)
		}
		removed, deleted := 0, false
		for _, c := range s.world.Calls() {
			switch c.Operation {
			case "RemoveRunner":
				removed++
			case "TerminateInstances":
				if removed == 0 && len(s.calls("TerminateInstances")) == 0 {
					t.Error("a machine is terminated before its registration is removed")
				}
				if deleted {
					t.Error("a machine is terminated after the set is deleted")
				}
			case "DeleteRunnerScaleSet":
				deleted = true
			}
		}
	})
}

// TestDeleteWhileAJobRuns: the machine with the job is named and goes on, what is idle ends, and the set stays. Once
// the job is done, the set is deleted.
func TestDeleteWhileAJobRuns(t *testing.T) {
	inBubble(t, simulator.Config{}, []config.Set{ready()}, func(s *stage) {
		s.left(simulator.ScaleSetJob{Duration: 20 * time.Minute})
		s.refused("ec2-amd64", `scale set "ec2-amd64" is not deleted, because jobs run on its machines: ec2-ec2-amd64-`,
			"(i-", "busy")
		if set := s.setAtGitHub("ec2-amd64"); set.Owner != "" || set.Registered != 1 || set.Busy != 1 {
			t.Errorf("GitHub has %+v", set)
		}
		<-time.After(time.Minute)
		if instances, _ := s.world.Leftovers(); len(instances) != 1 {
			t.Errorf("left: %v", instances)
		}
		s.until("done", 30*time.Minute, s.allDone)
		s.deleted("ec2-amd64")
	})
}

// TestDeleteWhileMachinesStart: a machine that takes an assigned job as soon as it is online keeps its set.
func TestDeleteWhileMachinesStart(t *testing.T) {
	inBubble(t, simulator.Config{}, []config.Set{aSet("ec2-amd64", 3)}, func(s *stage) {
		p := s.start("one")
		s.listening(p, 1)
		s.queue("ec2-amd64", 1, simulator.ScaleSetJob{Duration: 10 * time.Minute, Name: "build"})
		s.until("launched", time.Minute, func() bool { return len(p.log.with("machine launched")) == 1 })
		p.end()
		s.refused("ec2-amd64", "jobs run on its machines", "busy")
		s.until("done", 15*time.Minute, s.allDone)
		s.deleted("ec2-amd64")
	})
}

// TestDeleteWhileMachinesWarmUp: a machine that is warming up ends too, after it was seen for a while: another process
// may have started it as somebody's runner.
func TestDeleteWhileMachinesWarmUp(t *testing.T) {
	inBubble(t, simulator.Config{}, []config.Set{warmSet()}, func(s *stage) {
		p := s.start("one")
		s.until("warming up", time.Minute,
			func() bool { return len(p.log.with("warm machine launched; it stops itself")) == 2 })
		p.end()
		s.deleted("ec2-amd64")
	})
}

// TestDeleteGivenAJob: GitHub gives a job to an idle runner just before its registration would be removed, and refuses.
// The machine goes on.
func TestDeleteGivenAJob(t *testing.T) {
	inBubble(t, simulator.Config{}, []config.Set{ready()}, func(s *stage) {
		s.left()
		s.world.AddFault(simulator.Fault{Match: simulator.Match{Operation: "RemoveRunner"},
			Effect: simulator.EffectError,
			Status: 400, Code: "TaskAgentJobStillRunningException"})
		s.refused("ec2-amd64", "it still has ec2-ec2-amd64-")
		if set := s.setAtGitHub("ec2-amd64"); set.Registered != 2 || set.Owner != "" {
			t.Errorf("GitHub has %+v", set)
		}
		if running := len(s.calls("TerminateInstances")); running != 2 { // the warm ones
			t.Errorf("%d machines are terminated", running)
		}
		s.world.ClearFaults()
		s.deleted("ec2-amd64")
	})
}

// TestDeleteDry: a dry run says what there is, and changes nothing, not even the session.
func TestDeleteDry(t *testing.T) {
	inBubble(t, simulator.Config{}, []config.Set{ready()}, func(s *stage) {
		s.left()
		log := &lines{}
		if err := serve.Delete(s.t.Context(), s.file, "ec2-amd64", true,
			options("laptop", log, s.world.Transport())); err != nil {
			t.Fatal(err)
		}
		said := log.with("dry run: the machines would be ended and the set deleted, if no process listens to it")
		if len(said) != 1 || len(said[0]["other"].([]any)) != 4 {
			t.Errorf("said %s", log)
		}
		if len(s.calls("TerminateInstances")) > 0 || s.setAtGitHub("ec2-amd64").Registered != 2 ||
			len(s.calls("CreateMessageSession")) != 1 {
			t.Error("something is changed")
		}
		s.deleted("ec2-amd64")
	})
}
