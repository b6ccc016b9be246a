package serve_test

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/marqo-ai/ec2-github-runner/runner/tags/key"
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

// TestDeleteLostAnswers: each call's answer is lost once; the set is deleted then, or by a second try.
func TestDeleteLostAnswers(t *testing.T) {
	for _, operation := range []string{"GetCallerIdentity", "DescribeInstances", "TerminateInstances", "RemoveRunner",
		"GetRunnerScaleSet", "CreateMessageSession", "GetMessage", "GetRunnerScaleSetByID", "DeleteRunnerScaleSet",
		"actions/list-self-hosted-runners-for-repo"} {
		t.Run(strings.ReplaceAll(operation, "/", "_"), func(t *testing.T) {
			world := simulator.Config{ScaleSets: simulator.ScaleSets{SessionLapse: 30 * time.Second}}
			inBubble(t, world, []config.Set{ready()}, func(s *stage) {
				s.left()
				before := len(s.calls(operation))
				s.world.AddFault(simulator.Fault{Match: simulator.Match{Operation: operation}, Times: 1,
					Effect: simulator.EffectCutAfter})
				if _, err := s.delete("ec2-amd64"); err != nil {
					t.Logf("the first try: %v", err)
					<-time.After(2 * time.Minute)
					s.deleted("ec2-amd64")
				}
				if len(s.calls(operation)) == before {
					t.Error("it is not called")
				}
				s.nothingLeft(30 * time.Second)
			})
		})
	}
}

// killedAt is a way into the world of a process that is killed at one of its calls.
type killedAt struct {
	*simulator.Transport
	call int
	kill context.CancelFunc
}

// RoundTrip implements http.RoundTripper.
func (k *killedAt) RoundTrip(request *http.Request) (*http.Response, error) {
	if k.call--; k.call == 0 {
		k.Dark()
		k.kill()
	}
	return k.Transport.RoundTrip(request)
}

// TestDeleteKilled: killed at any of its calls, and called again until it goes through, it ends everything.
func TestDeleteKilled(t *testing.T) {
	for call := 1; call <= 24; call++ {
		t.Run(fmt.Sprint("at call ", call), func(t *testing.T) {
			world := simulator.Config{ScaleSets: simulator.ScaleSets{SessionLapse: 30 * time.Second}}
			inBubble(t, world, []config.Set{ready()}, func(s *stage) {
				s.left()
				ctx, kill := context.WithCancel(s.t.Context())
				way := &killedAt{s.world.Transport(), call, kill}
				err := serve.Delete(ctx, s.file, "ec2-amd64", false, options("laptop", &lines{}, way))
				if way.call > 0 {
					t.Logf("it makes no call %d: %v", call, err)
				}
				for try := 1; len(s.world.ScaleSets()) > 0; try++ {
					<-time.After(30 * time.Second)
					if _, err = s.delete("ec2-amd64"); err != nil && try == 10 {
						t.Fatal(err)
					}
				}
				s.nothingLeft(2 * time.Minute)
			})
		})
	}
}

// TestDeleteGoneAtGitHub: the machines of a set that GitHub does not have any more are ended too, and what never was is
// named.
func TestDeleteGoneAtGitHub(t *testing.T) {
	inBubble(t, simulator.Config{}, []config.Set{ready()}, func(s *stage) {
		s.left()
		if !s.world.DeleteScaleSet("ec2-amd64") {
			t.Fatal("no set")
		}
		log := s.deleted("ec2-amd64")
		if len(log.with("GitHub does not have the scale set; its machines are ended")) != 1 {
			t.Errorf("said %s", log)
		}
		s.refused("ec2-amd64",
			`GitHub has no scale set "ec2-amd64" for demo-org/demo, and EC2 no machine of it in us-east-1`)
	})
}

// TestDeleteSessionTaken: where another process gets the session meanwhile, nothing more is ended.
func TestDeleteSessionTaken(t *testing.T) {
	inBubble(t, simulator.Config{}, []config.Set{aSet("ec2-amd64", 3)}, func(s *stage) {
		p := s.start("one")
		s.listening(p, 1)
		s.queue("ec2-amd64", 2, simulator.ScaleSetJob{Duration: 10 * time.Minute})
		s.until("launched", time.Minute, func() bool { return len(p.log.with("machine launched")) == 2 })
		p.end()
		go func() {
			<-time.After(5 * time.Second)
			s.world.DropSession("ec2-amd64")
			s.start("two")
		}()
		s.refused("ec2-amd64", "its session was lost")
		s.until("done", 15*time.Minute, s.allDone)
		if ended := len(s.calls("TerminateInstances")); ended > 0 {
			t.Errorf("%d machines are terminated", ended)
		}
		s.refused("ec2-amd64", "a process listens to it")
	})
}

// TestDeleteMadeAgain: a set that GitHub did not have, and that a process makes again meanwhile, is that process's.
func TestDeleteMadeAgain(t *testing.T) {
	inBubble(t, simulator.Config{}, []config.Set{ready()}, func(s *stage) {
		served := s.file
		s.left()
		s.world.DeleteScaleSet("ec2-amd64")
		s.file = served
		go func() {
			<-time.After(10 * time.Second) // it waits until the idle machines have powered themselves off
			s.start("two")
		}()
		s.refused("ec2-amd64", "a process has made it again meanwhile")
	})
}

// TestDeleteCannotLook: without AWS, or where EC2 or GitHub do not show everything, nothing is ended.
func TestDeleteCannotLook(t *testing.T) {
	for operation, want := range map[string]string{
		"GetCallerIdentity":                         "AWS cannot be asked for its machines",
		"DescribeInstances":                         "not everything that it has can be seen",
		"actions/list-self-hosted-runners-for-repo": "not everything that it has can be seen",
		"GetRunnerScaleSetByID":                     "GitHub does not say what it has",
	} {
		t.Run(strings.ReplaceAll(operation, "/", "_"), func(t *testing.T) {
			inBubble(t, simulator.Config{}, []config.Set{ready()}, func(s *stage) {
				s.left()
				code := "UnauthorizedOperation"
				status := 403
				if strings.Contains(operation, "Runner") || strings.Contains(operation, "/") {
					code, status = "", 500
				}
				s.world.AddFault(simulator.Fault{Match: simulator.Match{Operation: operation},
					Effect: simulator.EffectError, Status: status, Code: code})
				s.refused("ec2-amd64", want)
				if set := s.setAtGitHub("ec2-amd64"); set.Registered != 2 || set.Owner != "" ||
					len(s.calls("TerminateInstances")) > 0 {
					t.Errorf("GitHub has %+v, and %d calls end machines", set, len(s.calls("TerminateInstances")))
				}
				s.world.ClearFaults()
				s.deleted("ec2-amd64")
			})
		})
	}
}

// TestDeleteMayNotTerminate: a refusal that does not pass is not waited for.
func TestDeleteMayNotTerminate(t *testing.T) {
	inBubble(t, simulator.Config{}, []config.Set{ready()}, func(s *stage) {
		s.left()
		s.world.AddFault(simulator.Fault{Match: simulator.Match{Operation: "TerminateInstances"},
			Effect: simulator.EffectError, Status: 403, Code: "UnauthorizedOperation"})
		begun := time.Now()
		s.refused("ec2-amd64", "what it has cannot be ended", "UnauthorizedOperation")
		if took := time.Since(begun); took > time.Minute {
			t.Errorf("it took %s", took)
		}
		s.world.ClearFaults()
		s.deleted("ec2-amd64")
	})
}

// TestDeleteTouchesNothingOfOthers: neither machines and runners of sets and scopes with like names, nor those of other
// modes.
func TestDeleteTouchesNothingOfOthers(t *testing.T) {
	world := simulator.Config{}
	other := func(mode, scope, set, name string) {
		id := int64(9000 + len(world.Instances))
		seed := simulator.InstanceSeed{Tags: map[string]string{key.Scope: scope, key.Mode: mode, key.ScaleSet: set,
			key.RunnerID: fmt.Sprint(id), key.ExpiresAt: "2099-01-01T00:00:00Z"}}
		if name == "" {
			seed.Tags[key.Fingerprint], seed.State = "f", "stopped"
		} else {
			seed.Tags[key.RunnerName] = name
			world.Runners = append(world.Runners, simulator.RunnerSeed{ID: id, Name: name})
		}
		world.Instances = append(world.Instances, seed)
	}
	other("serve", "demo-org/demo", "ec2-amd64-big", "ec2-amd64-big-abcd1234")
	other("serve", "demo-org/demo", "ec2-amd6", "ec2-amd64-aaaaaa-abcd1234")
	other("serve", "demo-org/demo", "ec2-amd64-big", "")
	other("serve", "demo-org/demo", "", "")
	other("serve", "demo-org/demo2", "ec2-amd64", "ec2-amd64-aaaaaa-abcd1235")
	other("serve", "demo-org", "ec2-amd64", "")
	other("start", "demo-org/demo", "ec2-amd64", "ec2-abcd1234")
	other("pool", "demo-org/demo", "ec2-amd64", "")
	inBubble(t, world, []config.Set{ready(), aSet("ec2-amd64-2", 1)}, func(s *stage) {
		s.left()
		s.deleted("ec2-amd64")
		s.refused("ec2-amd64", "GitHub has no scale set")
	})
}

// TestDeleteListened: of a set that a process listens to nothing is ended, whether it is in that process's file or is
// being left.
func TestDeleteListened(t *testing.T) {
	inBubble(t, simulator.Config{}, []config.Set{ready()}, func(s *stage) {
		p := s.start("one")
		s.until("ready", 15*time.Minute, func() bool { return count(p.shown("ec2-amd64"), status.Idle) == 2 })
		for _, name := range []string{"ec2-amd64", "EC2-AMD64"} {
			s.refused(name, "a process listens to it")
		}
		if n := count(p.shown("ec2-amd64"), status.Idle); n != 2 || len(s.calls("TerminateInstances")) > 0 {
			t.Errorf("%d are idle", n)
		}
	})
}

// TestDeleteByAnotherCase: GitHub does not tell names apart by case, so the machines are those of the set as well.
func TestDeleteByAnotherCase(t *testing.T) {
	inBubble(t, simulator.Config{}, []config.Set{ready()}, func(s *stage) {
		s.left()
		s.deleted("EC2-amd64")
		if sets := s.world.ScaleSets(); len(sets) > 0 {
			t.Errorf("GitHub has %+v", sets)
		}
	})
}

// TestNotInFile: machines of a set that the file does not have are told of once and shown, and stay as they are.
func TestNotInFile(t *testing.T) {
	inBubble(t, simulator.Config{}, []config.Set{ready()}, func(s *stage) {
		s.left()
		p := s.start("two")
		<-time.After(10 * time.Minute)
		said := p.log.with("EC2 has machines of a scale set that is not in the file")
		if len(said) != 1 || said[0]["set"] != "ec2-amd64" || said[0]["machines"] != 4.0 || said[0]["stopped"] != 2.0 ||
			!strings.Contains(fmt.Sprint(said[0]["hint"]), "ec2-github-runner-serve delete SET CONFIG.yml") {
			t.Errorf("said %v", said)
		}
		shown := p.Snapshot().NotInFile
		if len(shown) != 1 || shown[0].Machines != 4 || shown[0].Stopped != 2 ||
			time.Since(shown[0].Oldest) < 10*time.Minute {
			t.Errorf("shown %+v", shown)
		}
		if value, _ := metric(t, p, "machines_not_in_file", map[string]string{"set": "ec2-amd64"}); value != 4 {
			t.Errorf("the metric is %v", value)
		}
		if instances, _ := s.world.Leftovers(); len(instances) != 4 {
			t.Errorf("left: %v", instances)
		}
		s.deleted("ec2-amd64")
		<-time.After(time.Minute)
		if shown := p.Snapshot().NotInFile; len(shown) > 0 {
			t.Errorf("shown %+v", shown)
		}
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
