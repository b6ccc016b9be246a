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

// TestSetRemovedThatIsGone: a set is deleted on GitHub's pages and then taken out of the file. Nobody can listen to it,
// so its machines end, stopped ones too, and it is left without an error every five minutes.
func TestSetRemovedThatIsGone(t *testing.T) {
	for _, order := range []string{"deleted first", "taken out first"} {
		t.Run(order, func(t *testing.T) {
			inBubble(t, simulator.Config{}, []config.Set{ready(), aSet("stays", 1)}, func(s *stage) {
				p := s.start("one")
				s.until("ready", 15*time.Minute, func() bool {
					shown := p.shown("ec2-amd64")
					return count(shown, status.Idle) == 2 && count(shown, status.Stopped) == 2
				})
				if order == "taken out first" {
					s.reload(p, aSet("stays", 1))
				}
				s.world.DeleteScaleSet("ec2-amd64")
				if order == "deleted first" {
					s.reload(p, aSet("stays", 1))
				}
				s.until("left", 5*time.Minute, func() bool { return p.shown("ec2-amd64").Name == "" })
				s.nothingLeft(time.Minute)
				if said := p.log.with("not served: GitHub refuses"); len(said) > 0 {
					t.Errorf("said %v", said)
				}
			})
		})
	}
}

// TestReloadRefusedByGitHub: labels and groups that GitHub refuses are said and change nothing: the set is served as
// GitHub has it, until another file is right.
func TestReloadRefusedByGitHub(t *testing.T) {
	labels, group := aSet("ec2-amd64", 5), aSet("ec2-amd64", 5)
	labels.Labels = []string{"ec2-amd64", "bad"}
	group.RunnerGroup = "none-of-this-name"
	for name, wrong := range map[string]config.Set{"labels": labels, "group": group} {
		t.Run(name, func(t *testing.T) {
			world := simulator.Config{ScaleSets: simulator.ScaleSets{RefusedLabels: []string{"bad"}}}
			inBubble(t, world, []config.Set{aSet("ec2-amd64", 5)}, func(s *stage) {
				p := s.start("one")
				s.listening(p, 1)
				s.reload(p, wrong)
				<-time.After(10 * time.Second)
				s.queue("ec2-amd64", 1, simulator.ScaleSetJob{})
				s.until("done", 3*time.Minute, s.allDone)
				shown := p.shown("ec2-amd64")
				if shown.Session != status.Listening || len(shown.Refusals) != 1 ||
					!strings.Contains(shown.Refusals[0].Message, "the set stays as it is at GitHub") {
					t.Errorf("shown %+v", shown)
				}
				if said := p.log.with("GitHub refuses what the file says of the set: the set stays as it is at " +
					"GitHub"); len(said) != 1 {
					t.Errorf("said %v", said)
				}
				right := aSet("ec2-amd64", 5)
				right.Labels = []string{"ec2-amd64", "good"}
				s.reload(p, right)
				s.until("brought to the file", 10*time.Second,
					func() bool { return slices.Contains(s.setAtGitHub("ec2-amd64").Labels, "good") })
				s.nothingLeft(2 * time.Minute)
			})
		})
	}
}

// TestReloadedByAnotherCase: GitHub does not tell names of sets apart by case, so a set whose name is written otherwise
// in the next file goes on, and is not taken out.
func TestReloadedByAnotherCase(t *testing.T) {
	inBubble(t, simulator.Config{}, []config.Set{idle("ec2-amd64", 5, 1)}, func(s *stage) {
		p := s.start("one")
		s.until("idle", 3*time.Minute, func() bool { return count(p.shown("ec2-amd64"), status.Idle) == 1 })
		s.reload(p, idle("EC2-amd64", 5, 1))
		s.queue("ec2-amd64", 1, simulator.ScaleSetJob{Duration: time.Minute})
		s.until("started", 10*time.Second, func() bool { return s.states()["running"] == 1 })
		if sets := p.Snapshot().Sets; len(sets) != 1 || sets[0].Removed || len(s.calls("TerminateInstances")) > 0 {
			t.Errorf("sets %+v", sets)
		}
	})
}
