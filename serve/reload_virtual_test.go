package serve_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/marqo-ai/ec2-github-runner/serve/config"
	"github.com/marqo-ai/ec2-github-runner/serve/status"
	"github.com/marqo-ai/ec2-github-runner/test/simulator"
)

// with is the stage's file with other sets.
func (s *stage) with(sets ...config.Set) config.File {
	file := s.file
	file.Sets = sets
	return file
}

// reload takes a server to other sets.
func (s *stage) reload(p *process, sets ...config.Set) {
	s.t.Helper()
	if err := p.Reload(s.with(sets...)); err != nil {
		s.t.Fatal(err)
	}
}

// setAtGitHub is a set as GitHub has it.
func (s *stage) setAtGitHub(name string) simulator.ScaleSet {
	s.t.Helper()
	sets := s.world.ScaleSets()
	at := slices.IndexFunc(sets, func(set simulator.ScaleSet) bool { return set.Name == name })
	if at < 0 {
		s.t.Fatalf("no set %s in %+v", name, sets)
	}
	return sets[at]
}

// idle is a set that keeps runners online.
func idle(name string, limit, least int) config.Set {
	set := aSet(name, limit)
	set.Min = least
	return set
}

// shown is a set as the server shows it; its name is empty where the server has none of that name.
func (p *process) shown(name string) status.Set {
	for _, set := range p.Snapshot().Sets {
		if set.Name == name {
			return set
		}
	}
	return status.Set{}
}

// TestSetRemoved: the idle machines of a set that is taken out of the file end, the busy one finishes, GitHub assigns
// nothing more to it, and the set stays at GitHub with its jobs. Other sets notice nothing.
func TestSetRemoved(t *testing.T) {
	sets := []config.Set{aSet("stays", 5), idle("goes", 5, 2)}
	inBubble(t, simulator.Config{}, sets, func(s *stage) {
		p := s.start("one")
		s.listening(p, 2)
		s.until("two idle", 3*time.Minute, func() bool { return count(p.shown("goes"), status.Idle) == 2 })
		s.queue("goes", 1, simulator.ScaleSetJob{Duration: 10 * time.Minute})
		s.queue("stays", 1, simulator.ScaleSetJob{Duration: 10 * time.Minute})
		s.until("busy and two idle", 3*time.Minute, func() bool {
			goes := p.shown("goes")
			return count(goes, status.Busy) == 1 && count(goes, status.Idle) == 2 &&
				count(p.shown("stays"), status.Busy) == 1
		})
		sessions := len(s.calls("CreateMessageSession"))
		s.reload(p, sets[0])
		s.until("the idle ones end", 10*time.Second, func() bool {
			goes := p.shown("goes")
			return goes.Removed && count(goes, status.Idle) == 0 && count(goes, status.Busy) == 1
		})
		s.until("told", time.Second, func() bool { return s.setAtGitHub("goes").Capacity == 0 })
		s.queue("goes", 2, simulator.ScaleSetJob{})
		<-time.After(5 * time.Minute)
		if launches := len(s.calls("RunInstances")); launches > 4 {
			t.Errorf("%d launches, and the set was taken out", launches)
		}
		s.until("left", 10*time.Minute, func() bool { return p.shown("goes").Name == "" })
		s.until("the session is deleted", 5*time.Second, func() bool { return s.setAtGitHub("goes").Owner == "" })
		if said := len(p.log.with("the set is left; it stays at GitHub with the jobs that wait for it until it is " +
			"deleted")); said != 1 {
			t.Errorf("said %d times", said)
		}
		s.until("both done", 2*time.Minute, func() bool { return s.states()["done"] == 2 })
		if states := s.states(); states["queued"] != 2 || len(states) != 2 {
			t.Errorf("jobs %v", states)
		}
		s.nothingLeft(2 * time.Minute)
		if again := len(s.calls("CreateMessageSession")); again != sessions {
			t.Errorf("%d new sessions", again-sessions)
		}

		s.reload(p, sets[0], aSet("goes", 5)) // and back again
		s.until("done", 5*time.Minute, s.allDone)
		s.nothingLeft(2 * time.Minute)
	})
}

func count(s status.Set, state status.State) (n int) {
	for _, m := range s.Machines {
		if m.State == state {
			n++
		}
	}
	return n
}

// TestTakenBack: a set that comes back into the file before it was left goes on as if nothing had been.
func TestTakenBack(t *testing.T) {
	sets := []config.Set{aSet("goes", 5)}
	inBubble(t, simulator.Config{}, append(sets, aSet("stays", 5)), func(s *stage) {
		p := s.start("one")
		s.listening(p, 2)
		s.queue("goes", 2, simulator.ScaleSetJob{Duration: 5 * time.Minute})
		s.until("busy", 3*time.Minute, func() bool { return count(p.shown("goes"), status.Busy) == 2 })
		s.reload(p, aSet("stays", 5))
		s.queue("goes", 2, simulator.ScaleSetJob{})
		<-time.After(time.Minute)
		s.reload(p, aSet("stays", 5), aSet("goes", 5))
		s.until("done", 6*time.Minute, s.allDone)
		s.nothingLeft(2 * time.Minute)
		if launches, said := len(s.calls("RunInstances")), len(p.log.with("listening")); launches != 4 || said != 2 {
			t.Errorf("%d launches for 4 jobs, %d sessions", launches, said)
		}
	})
}

// TestSetRemovedWhileLaunching: machines that are on their way when their set is taken out end too, and no more come.
func TestSetRemovedWhileLaunching(t *testing.T) {
	inBubble(t, simulator.Config{}, []config.Set{aSet("stays", 5), aSet("goes", 20)}, func(s *stage) {
		p := s.start("one")
		s.listening(p, 2)
		s.queue("goes", 20, simulator.ScaleSetJob{})
		s.until("some launched", 10*time.Second, func() bool { return len(p.log.with("machine launched")) >= 2 })
		s.reload(p, aSet("stays", 5))
		<-time.After(15 * time.Second)
		launches := len(s.calls("RunInstances"))
		s.until("left", 10*time.Minute, func() bool { return p.shown("goes").Name == "" })
		if more := len(s.calls("RunInstances")) - launches; more > 0 || launches > 12 {
			t.Errorf("%d launches, and %d more later", launches, more)
		}
		s.nothingLeft(2 * time.Minute)
		if failed := s.states()["failed"]; failed > 0 {
			t.Errorf("%d jobs failed", failed)
		}
	})
}

// TestSetAddedAndChanged: a new set is served at once; of one that has changed, limits and machine count from the next
// launch, and labels are brought to GitHub. The machines at work go on.
func TestSetAddedAndChanged(t *testing.T) {
	inBubble(t, simulator.Config{}, []config.Set{aSet("one", 1)}, func(s *stage) {
		p := s.start("host")
		s.listening(p, 1)
		s.queue("one", 3, simulator.ScaleSetJob{Duration: 10 * time.Minute})
		s.until("busy", 3*time.Minute, func() bool { return count(p.shown("one"), status.Busy) == 1 })
		changed := aSet("one", 3)
		changed.Labels = []string{"one", "big"}
		changed.Machine.InstanceTypes = []string{"m5.xlarge"}
		s.reload(p, aSet("two", 1), changed)
		s.queue("two", 1, simulator.ScaleSetJob{})
		s.until("busy", 3*time.Minute, func() bool { return count(p.shown("one"), status.Busy) == 3 })
		if got := s.setAtGitHub("one").Labels; !slices.Contains(got, "big") {
			t.Errorf("GitHub has the labels %v", got)
		}
		types := map[string]int{}
		for _, m := range p.shown("one").Machines {
			types[m.Type]++
		}
		if types["t3.xlarge"] != 1 || types["m5.xlarge"] != 2 {
			t.Errorf("machines of the types %v", types)
		}
		s.until("done", 12*time.Minute, s.allDone)
		s.nothingLeft(2 * time.Minute)
	})
}

// TestReloadRefused: what cannot be changed while the program runs changes nothing, and is said.
func TestReloadRefused(t *testing.T) {
	inBubble(t, simulator.Config{}, []config.Set{aSet("one", 1)}, func(s *stage) {
		p := s.start("host")
		s.listening(p, 1)
		file := s.with(aSet("two", 1))
		file.GitHub.URL = "https://github.com/demo-org/other"
		if err := p.Reload(file); err == nil || !strings.Contains(err.Error(), "cannot be changed while") {
			t.Errorf("got %v", err)
		}
		file = s.with(aSet("two", 1))
		file.Region = "eu-west-1"
		if err := p.Reload(file); err == nil {
			t.Error("another region is taken")
		}
		if p.shown("two").Name != "" || p.shown("one").Removed {
			t.Errorf("sets %+v", p.Snapshot().Sets)
		}
	})
}

// TestStandbyReloaded: a standby that is told of the new file first ends nothing of the process that listens.
func TestStandbyReloaded(t *testing.T) {
	sets := []config.Set{aSet("stays", 5), idle("goes", 5, 2)}
	inBubble(t, simulator.Config{}, sets, func(s *stage) {
		first := s.start("first")
		s.listening(first, 2)
		second := s.start("second")
		s.until("two idle", 3*time.Minute, func() bool { return count(first.shown("goes"), status.Idle) == 2 })
		s.until("standby", time.Minute, func() bool { return second.shown("goes").Session == status.Standby })
		s.reload(second, sets[0])
		<-time.After(5 * time.Minute)
		if n := count(first.shown("goes"), status.Idle); n != 2 || second.shown("goes").Name != "" {
			t.Errorf("%d idle machines, and the standby has %+v", n, second.shown("goes"))
		}
		s.reload(first, sets[0])
		s.until("left", 3*time.Minute, func() bool { return first.shown("goes").Name == "" })
		s.nothingLeft(2 * time.Minute)
	})
}

// TestWarmReloaded: the warm machines are those of the file that is served: others after its machine has changed, and
// none once the set is taken out.
func TestWarmReloaded(t *testing.T) {
	inBubble(t, simulator.Config{}, []config.Set{aSet("stays", 5), warmSet()}, func(s *stage) {
		p := s.start("one")
		s.until("two are warm", 10*time.Minute, func() bool { return count(p.shown("ec2-amd64"), status.Stopped) == 2 })
		changed := warmSet()
		changed.Machine.SetupScript = "echo other"
		s.reload(p, aSet("stays", 5), changed)
		s.until("the old ones are ended", time.Minute,
			func() bool { return len(p.log.with("warm machine ended")) == 2 })
		s.until("two others are warm", 10*time.Minute, func() bool { return s.stopped() == 2 })
		<-time.After(time.Minute)
		s.reload(p, aSet("stays", 5))
		s.nothingLeft(2 * time.Minute)
		s.until("left", 2*time.Minute, func() bool { return p.shown("ec2-amd64").Name == "" })
	})
}
