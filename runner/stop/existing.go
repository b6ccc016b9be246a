package stop

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/cenkalti/backoff/v4"

	"github.com/marqo-ai/ec2-github-runner/ec2"
	"github.com/marqo-ai/ec2-github-runner/ec2/refusal"
	"github.com/marqo-ai/ec2-github-runner/runner/diagnosis"
	"github.com/marqo-ai/ec2-github-runner/runner/remove"
	"github.com/marqo-ai/ec2-github-runner/runner/tags"
	"github.com/marqo-ai/ec2-github-runner/runner/tags/key"
)

// The values of the input stop-action. By default stop terminates launched machines and only stops existing ones.
const (
	ActionTerminate = "terminate"
	ActionStop      = "stop"
)

// haltTimeout limits how long stop tries to stop a pending machine and waits for its runner to become idle.
const haltTimeout = 30 * time.Second

// runnerKept is Stopped.Runner for a registration that stays.
const runnerKept = "kept"

// isExisting reports whether a machine belongs to the user.
func (t target) isExisting() bool {
	return t.mode == tags.ModeExisting || tags.Of(t.instance).Mode == tags.ModeExisting
}

// onlyStops reports whether a machine is to be stopped rather than terminated.
func (sp *stop) onlyStops(t target) bool {
	return sp.request.Action == ActionStop || sp.request.Action == "" && t.isExisting()
}

// halt stops one machine and keeps its registration.
func (sp *stop) halt(ctx context.Context, t target) (Stopped, error) {
	done := Stopped{InstanceID: t.id, Region: t.instance.Region, RunnerName: t.owner.Name, Runner: runnerKept}
	var err error
	done.State, err = sp.haltInstance(ctx, t)
	if err != nil {
		err = fmt.Errorf("AWS EC2 instance %s is not stopped: %w", t.id, err)
	}
	return done, err
}

func (sp *stop) haltInstance(ctx context.Context, t target) (string, error) {
	i := t.instance
	switch {
	case i.ID == "":
		return "not found", nil
	case i.State == "" && sp.request.Action == "":
		return "", &diagnosis.FailedError{
			Message: "EC2 denies the description of the instance, so stop cannot see whether it is in use",
			Hint:    "allow ec2:DescribeInstances"}
	case !i.Alive():
		sp.log.Info(fmt.Sprintf("AWS EC2 instance %s is terminated", t.id))
		return "already terminated", nil
	case i.State == ec2.Stopped || i.State == ec2.Stopping:
		sp.log.Info(fmt.Sprintf("AWS EC2 instance %s is stopped already", t.id))
		return "already stopped", nil
	}
	if !t.isExisting() {
		sp.adopt(ctx, i)
		return sp.stopInstance(ctx, t, func(context.Context, ec2.Instance) error { return nil })
	}
	if why := sp.whyLeftRunning(ctx, i); why != "" {
		sp.log.Info(fmt.Sprintf("AWS EC2 instance %s is left running: %s", t.id, why))
		return "left running", nil
	}
	r := &remove.Remover{Cloud: sp.cloud, Registry: sp.registry, Log: sp.log}
	state, err := sp.stopInstance(ctx, t, r.CheckIdle)
	if err == nil {
		remove.ClearDue(ctx, sp.cloud, i)
	}
	return state, err
}

// whyLeftRunning returns why this run must not stop an existing machine, or "" if it must.
func (sp *stop) whyLeftRunning(ctx context.Context, i ec2.Instance) string {
	switch {
	case i.Tags[key.Found] == tags.FoundRunning:
		return "it was running before this action used it"
	case !tags.Of(i).IsStartedByUs():
		return "somebody has started it since"
	case i.Tags[key.Repository] == sp.request.Run.Repository && i.Tags[key.RunID] == sp.request.Run.ID:
		return ""
	case i.Tags[key.Repository] != sp.request.Run.Repository:
		return fmt.Sprintf("run %s of %s uses it now", i.Tags[key.RunID], i.Tags[key.Repository])
	}
	over, err := sp.registry.RunOver(ctx, sp.request.Run.Repository, i.Tags[key.RunID])
	switch {
	case err != nil:
		return fmt.Sprintf("run %s uses it now, and stop cannot see whether that run is over (needs actions: read): %v",
			i.Tags[key.RunID], err)
	case !over:
		return fmt.Sprintf("run %s uses it now, and stops it at its end", i.Tags[key.RunID])
	}
	return ""
}

// checkLaunched returns an error if a machine that cannot be described may be the user's own: runners have its label,
// and none has a name as start gives to machines that it launches. Without a label the machine counts as launched.
func (sp *stop) checkLaunched(ctx context.Context, t target) error {
	label := sp.labelOf(t)
	if label == "" {
		return nil
	}
	runners, err := sp.registry.AllRunners(ctx)
	if err != nil {
		return err
	}
	kept := false
	for _, r := range runners {
		if tags.HasLabel(r, label) && strings.HasPrefix(r.Name, tags.NameOf(label)) {
			return nil
		}
		kept = kept || tags.HasLabel(r, label)
	}
	if kept {
		return &diagnosis.FailedError{
			Message: "EC2 denies the description of the instance, and the runners with the label " + label +
				" are not named as a start names them, so it may be an existing machine of yours",
			Hint: "allow ec2:DescribeInstances, or set 'stop-action'",
		}
	}
	return nil
}

// adopt tags a launched machine as an existing one: otherwise a sweep would terminate it after its run.
func (sp *stop) adopt(ctx context.Context, i ec2.Instance) {
	if !tags.Of(i).Tagged {
		return
	}
	values := map[string]string{key.Mode: tags.ModeExisting, key.Found: tags.FoundStopped,
		key.StartedAt: i.LaunchTime.UTC().Format(time.RFC3339), key.DueAt: ""}
	if err := sp.cloud.Tag(ctx, i.Region, i.ID, values); err != nil {
		sp.warn(fmt.Sprintf("AWS EC2 instance %s cannot be tagged as an existing machine (%s): the next sweep "+
			"terminates it", i.ID, refusal.Reason(err)))
	}
}

// stopInstance stops one machine as soon as that is possible: EC2 does not stop pending machines, and ready returns nil
// once it may be stopped.
func (sp *stop) stopInstance(ctx context.Context, t target, ready func(context.Context, ec2.Instance) error) (string,
	error) {
	bounded, cancel := context.WithTimeout(ctx, haltTimeout)
	defer cancel()
	err := ec2.RetryUntilDone(bounded, time.Second, func() error {
		err := ready(bounded, t.instance)
		if err != nil && !errors.Is(err, remove.ErrBusyMachine) {
			return backoff.Permanent(err)
		}
		if err != nil {
			return err
		}
		err = sp.cloud.Stop(bounded, t.instance.Region, t.id)
		if err != nil && refusal.ClassOf(err) != refusal.WrongState {
			return backoff.Permanent(err)
		}
		return err
	})
	switch {
	case errors.Is(err, remove.ErrBusyMachine) && ctx.Err() == nil:
		sp.warn(fmt.Sprintf("AWS EC2 instance %s is not stopped: %v", t.id, err))
		return "left running", nil
	case refusal.ClassOf(err) == refusal.Denied:
		return "", &diagnosis.FailedError{Message: err.Error(), Hint: diagnosis.HintMayNotStop, Err: err}
	case refusal.ClassOf(err) == refusal.Impossible:
		return "", &diagnosis.FailedError{Message: err.Error(),
			Hint: "omit 'stop-action' to terminate it: EC2 cannot stop a one-time spot instance", Err: err}
	case err != nil:
		return "", err
	}
	sp.log.Info(fmt.Sprintf("AWS EC2 instance %s is stopped", t.id))
	return "stopped", nil
}
