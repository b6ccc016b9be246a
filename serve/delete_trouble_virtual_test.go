package serve_test

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/marqo-ai/ec2-github-runner/serve"
	"github.com/marqo-ai/ec2-github-runner/serve/config"
	"github.com/marqo-ai/ec2-github-runner/test/simulator"
)

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
	left atomic.Int64 // calls until then, that one included; several goroutines make them
	kill context.CancelFunc
}

// RoundTrip implements http.RoundTripper.
func (k *killedAt) RoundTrip(request *http.Request) (*http.Response, error) {
	if k.left.Add(-1) == 0 {
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
				way := &killedAt{Transport: s.world.Transport(), kill: kill}
				way.left.Store(int64(call))
				err := serve.Delete(ctx, s.file, "ec2-amd64", false, options("laptop", &lines{}, way))
				if way.left.Load() > 0 {
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
