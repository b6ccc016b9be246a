// Package stop ends what a run started: by instance id, by label, or everything of the run. It needs no state of the
// start: tags, client tokens and GitHub's list of runners are enough.
package stop

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/marqo-ai/ec2-github-runner/ec2"
	"github.com/marqo-ai/ec2-github-runner/ec2/refusal"
	"github.com/marqo-ai/ec2-github-runner/github"
	"github.com/marqo-ai/ec2-github-runner/runner/outcome"
	"github.com/marqo-ai/ec2-github-runner/runner/remove"
	"github.com/marqo-ai/ec2-github-runner/runner/tags"
	"github.com/marqo-ai/ec2-github-runner/runner/tags/key"
)

// Request says which runners to stop: by instance id, by label, or all of this run.
type Request struct {
	Run         tags.Run
	Scope       string // GitHub scope; empty for the repository
	InstanceIDs []string
	Handoffs    []tags.Handoff // start's output `runners`
	Label       string
	Region      string // empty for the home region
	AllOfRun    bool
	Action      string        // ActionTerminate, ActionStop, or empty for the machine's default
	Keep        time.Duration // how long to keep the machines for inspection
}

// Stopped describes one runner that was stopped.
type Stopped struct {
	InstanceID string
	Region     string
	RunnerName string
	// State is what became of the instance: "terminated", "already terminated", "stopped", "already stopped", "left
	// running", "kept", "kept for inspection", "not found", "not seen".
	State  string
	Runner string // what became of the registration: "removed", "not found", "busy", "kept"
	Kept   Kept   // zero if the machine is not kept
	outcome.Outcome
}

// Result says what became of each runner.
type Result struct {
	Stopped  []Stopped
	Warnings []string
}

// Stopper stops runners. It needs nothing but the clients of EC2 and GitHub.
type Stopper struct {
	Cloud    *ec2.Client
	Registry *github.Client
	Log      *slog.Logger
}

// busyTimeout is how long removing a busy runner is retried. Its machine is terminated, so GitHub soon notices.
const busyTimeout = 30 * time.Second

// busyKept is the same for a machine that is to be kept: its job may still be running, or may have ended a moment ago.
const busyKept = 6 * time.Second

// Stop terminates first and deregisters second. Neither waits for the other to finish, and both are idempotent: what is
// already gone counts as done. A throttled or refused call is an error, never "gone".
func (s *Stopper) Stop(ctx context.Context, request Request) (Result, error) {
	sp := &stop{cloud: s.Cloud, registry: s.Registry, log: s.Log, request: request}
	targets, err := sp.targets(ctx)
	if err != nil {
		return sp.result, err
	}
	seen, now := outcome.Read(ctx, s.Cloud, s.Log, instancesOf(targets)), time.Now()
	sp.terminateTogether(ctx, targets)
	errs := make([]error, len(targets))
	sp.result.Stopped = make([]Stopped, len(targets))
	remove.Each(targets, func(i int, t target) { sp.result.Stopped[i], errs[i] = sp.end(ctx, t) })
	for i, t := range targets {
		sp.result.Stopped[i].Outcome = seen.Of(t.instance, now)
	}
	return sp.result, errors.Join(errors.Join(errs...), sp.unseen)
}

type stop struct {
	cloud    *ec2.Client
	registry *github.Client
	log      *slog.Logger
	request  Request
	unseen   error    // regions that gave no answer when all of the run was requested
	looked   []string // the regions that have answered
	mu       sync.Mutex
	result   Result
}

// target is one runner to stop. Its instance or its registration may be missing.
type target struct {
	instance ec2.Instance // only ID and Region if EC2 denies its description; zero if it is gone
	id       string
	owner    tags.Owner
	runnerID int64
	ended    bool   // by a call for several instances
	unseen   error  // why it could not be found; then nothing of it is touched
	mode     string // from the hand-off
	given    bool   // whether the request names its region
}

// instancesOf returns the instances of targets.
func instancesOf(targets []target) []ec2.Instance {
	instances := make([]ec2.Instance, len(targets))
	for i, t := range targets {
		instances[i] = t.instance
	}
	return instances
}

func (sp *stop) warn(message string) {
	sp.mu.Lock()
	sp.result.Warnings = append(sp.result.Warnings, message)
	sp.mu.Unlock()
	sp.log.Warn(message)
}

// targets finds what is to be stopped.
func (sp *stop) targets(ctx context.Context) ([]target, error) {
	asked := sp.asked()
	if len(asked) == 0 {
		return sp.findRun(ctx)
	}
	instances, errs := sp.locate(ctx, asked)
	targets := make([]target, len(asked))
	for i, h := range asked {
		targets[i] = sp.target(h, instances[i])
		targets[i].unseen = errs[i]
	}
	return targets, nil
}

// asked returns the instances that the request names, each once.
func (sp *stop) asked() []tags.Handoff {
	asked := slices.Clone(sp.request.Handoffs)
	for _, id := range sp.request.InstanceIDs {
		if !slices.ContainsFunc(asked, func(h tags.Handoff) bool { return h.InstanceID == id }) {
			asked = append(asked, tags.Handoff{InstanceID: id, Region: sp.request.Region})
		}
	}
	return asked
}

// target joins an instance with its registration: by the tags, else by the hand-off, else by the name that start
// derives from the label.
func (sp *stop) target(h tags.Handoff, instance ec2.Instance) target {
	t := target{mode: h.Mode, given: h.Region != "", instance: instance, id: h.InstanceID,
		owner:    tags.Of(instance).Owner(),
		runnerID: h.RunnerID}
	if id := tags.Of(instance).RunnerID; id != 0 {
		t.runnerID = id
	}
	if t.owner.Name == "" {
		t.owner = tags.Owner{Name: h.RunnerName}
	}
	if t.owner.Name == "" && sp.request.Label != "" {
		t.owner = tags.Of(instance).OwnerByToken(tags.NameOf(sp.request.Label))
	}
	return t
}

// isOfRun reports whether an instance is a runner of this run; the builder of an image is not one. If the instance has
// our tags, only they count: a pool entry has the client token of the run that launched it, but another run may have
// claimed it.
func (sp *stop) isOfRun(i ec2.Instance) bool {
	if !tags.Of(i).Tagged {
		return true
	}
	label := sp.request.Label
	return tags.Of(i).Mode != tags.ModeBake && !tags.Of(i).Entry &&
		i.Tags[key.Repository] == sp.request.Run.Repository &&
		i.Tags[key.RunID] == sp.request.Run.ID &&
		(label == "" || i.Tags[key.Label] == tags.Value(label))
}

// end terminates one instance and removes its registration.
func (sp *stop) end(ctx context.Context, t target) (Stopped, error) {
	if t.unseen != nil {
		return Stopped{InstanceID: t.id, RunnerName: t.owner.Name, State: "not seen", Runner: runnerKept}, t.unseen
	}
	if sp.onlyStops(t) {
		if sp.request.Keep > 0 && t.isExisting() {
			sp.log.Info(fmt.Sprintf("AWS EC2 instance %s is only stopped, despite keep-minutes: start it to inspect it",
				t.id))
		}
		return sp.halt(ctx, t)
	}
	done := Stopped{InstanceID: t.id, Region: t.instance.Region, RunnerName: t.owner.Name}
	if why := sp.whyLeftRunning(ctx, t.instance); t.isExisting() && why != "" && t.instance.State != "" &&
		t.instance.Alive() {
		sp.warn(fmt.Sprintf("AWS EC2 instance %s is not terminated: %s", t.id, why))
		done.State, done.Runner = "left running", runnerKept
		return done, nil
	}
	if sp.mustKeep(t) {
		return sp.keep(ctx, t)
	}
	if sp.request.Keep > 0 && !tags.Of(t.instance).IsKeptFailed(time.Now()) {
		sp.warn(fmt.Sprintf("AWS EC2 instance %s is not kept: %s", t.id, sp.whyNotKept(t)))
	}
	err := sp.terminate(ctx, t, &done)
	if err != nil {
		return done, fmt.Errorf("AWS EC2 instance %s termination error: %w", t.id, err)
	}
	done.Runner, err = sp.deregister(ctx, t)
	if err != nil {
		return done, fmt.Errorf("GitHub self-hosted runner removal error: %w", err)
	}
	if done.Runner == runnerBusy {
		sp.warn(fmt.Sprintf("GitHub still counts runner %s as busy, so it stays registered until GitHub notices that "+
			"its machine is gone", t.owner.Name))
	}
	return done, nil
}

// terminate terminates the machine and records what became of it and in which region.
func (sp *stop) terminate(ctx context.Context, t target, done *Stopped) error {
	switch {
	case t.instance.ID == "":
		done.State = "not found"
		return nil
	case t.ended:
		sp.logTerminated(t.id, done, "terminated")
		return nil
	case !t.instance.Alive():
		sp.logTerminated(t.id, done, "already terminated")
		return nil
	}
	if tags.Of(t.instance).IsKeptFailed(time.Now()) {
		sp.warn(fmt.Sprintf("AWS EC2 instance %s failed and is kept for inspection (keep-failed-minutes): it "+
			"ends itself by %s", t.id, tags.Of(t.instance).KeptUntil.UTC().Format("15:04 MST")))
		done.State = "kept for inspection"
		return nil
	}
	unseen := t.instance.State == ""
	if unseen && sp.request.Action == "" {
		if err := sp.checkLaunched(ctx, t); err != nil {
			return err
		}
	}
	err := sp.cloud.Terminate(ctx, t.instance.Region, t.id)
	if unseen && refusal.ClassOf(err) == refusal.NotFound { // EC2 says so only at the termination
		done.State = "not found"
		if t.given {
			return nil
		}
		if done.Region, err = sp.terminateElsewhere(ctx, t.id, t.instance.Region); done.Region == "" {
			return err
		}
	}
	if err != nil {
		return err
	}
	sp.logTerminated(t.id, done, "terminated")
	return nil
}

func (sp *stop) logTerminated(id string, done *Stopped, state string) {
	sp.log.Info(fmt.Sprintf("AWS EC2 instance %s is terminated", id))
	done.State = state
}
