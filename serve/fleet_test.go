package serve

import (
	"log/slog"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/marqo-ai/ec2-github-runner/ec2"
	"github.com/marqo-ai/ec2-github-runner/github"
	"github.com/marqo-ai/ec2-github-runner/machine"
	"github.com/marqo-ai/ec2-github-runner/runner/tags"
	"github.com/marqo-ai/ec2-github-runner/runner/tags/key"
	"github.com/marqo-ai/ec2-github-runner/serve/config"
	"github.com/marqo-ai/ec2-github-runner/serve/queue"
)

func testFleet() *fleet {
	return &fleet{set: "a", scope: "org/repo", owner: &owner{installation: "here"}, record: &record{set: "a"},
		log: slog.New(slog.DiscardHandler), runners: map[string]*runner{}, dropped: map[string]time.Time{}}
}

// TestLookedSince: a look counts once its machines are known, and only if it saw GitHub's list and all regions of
// the set. Until then nothing is launched, since an earlier process may have launched what is needed.
func TestLookedSince(t *testing.T) {
	t.Parallel()
	f := testFleet()
	instance := ec2.Instance{ID: "i-1", State: ec2.Running, Tags: map[string]string{key.Mode: tags.ModeServe,
		key.Scope: f.scope, key.ScaleSet: f.set, key.RunnerName: newName("here", f.set)}}
	inRegion := need{file: config.Set{Machine: machine.Machine{Placements: []machine.Placement{{}}}}}
	f.home = "us-east-1"
	f.look(sight{begun: looked, now: looked, listed: true, unseen: map[string]bool{"us-east-1": true}}, inRegion)
	f.look(sight{begun: looked, now: looked, instances: []ec2.Instance{instance}}, need{})
	if f.lookedSince(looked) {
		t.Error("looks that did not see all of the set count")
	}
	f.look(sight{begun: looked, now: looked, instances: []ec2.Instance{instance}, listed: true,
		unseen: map[string]bool{"eu-west-1": true}}, inRegion)
	if !f.lookedSince(looked) || f.lookedSince(looked.Add(1)) || f.size() != 1 {
		t.Errorf("looked %s with %d machines", f.looked, f.size())
	}
}

// TestDroppedRunner: a runner that is gone is not taken for a new one while GitHub still lists it.
func TestDroppedRunner(t *testing.T) {
	t.Parallel()
	f := testFleet()
	name := newName("here", f.set)
	f.drop(name)
	listed := map[string]github.Runner{name: {ID: 7, Name: name}}
	now := time.Now()
	f.look(sight{begun: now, now: now, runners: listed, listed: true}, need{})
	if f.size() != 0 {
		t.Error("it is taken for a new one")
	}
	now = now.Add(listsLate + time.Second)
	f.look(sight{begun: now, now: now, runners: listed, listed: true}, need{})
	if f.size() != 1 {
		t.Error("it is not taken in although GitHub lists it for more than a minute")
	}
}

// TestJobAgain: a message that comes again changes nothing.
func TestJobAgain(t *testing.T) {
	t.Parallel()
	server, err := New(t.Context(), config.File{GitHub: config.GitHub{URL: "https://github.com/org/repo"}},
		Options{Cloud: ec2.New(aws.Config{Region: "us-east-1"})})
	if err != nil {
		t.Fatal(err)
	}
	set, err := server.newSet(config.Set{Name: "a", Max: 1})
	if err != nil {
		t.Fatal(err)
	}
	s := set.fleet
	r := &runner{name: "ec2-a-1", instance: ec2.Instance{ID: "i-1"}}
	s.runners[r.name] = r
	job := queue.Job{ID: "1", RunnerName: r.name}
	s.jobStarted(job, looked)
	s.jobStarted(job, looked.Add(time.Minute))
	s.jobCompleted(job, looked.Add(2*time.Minute))
	s.jobCompleted(job, looked.Add(3*time.Minute))
	s.jobStarted(job, looked.Add(4*time.Minute))
	if r.started != looked || r.done != looked.Add(2*time.Minute) || r.isBusy(looked.Add(4*time.Minute)) {
		t.Errorf("started %s, done %s, busy %t", r.started, r.done, r.isBusy(looked.Add(4*time.Minute)))
	}
	s.jobCompleted(queue.Job{ID: "2", Result: "canceled"}, looked) // no runner had it
}
