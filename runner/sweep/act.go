package sweep

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/marqo-ai/ec2-github-runner/ec2"
	"github.com/marqo-ai/ec2-github-runner/ec2/refusal"
	"github.com/marqo-ai/ec2-github-runner/github"
	"github.com/marqo-ai/ec2-github-runner/runner/diagnosis"
	"github.com/marqo-ai/ec2-github-runner/runner/tags"
	"github.com/marqo-ai/ec2-github-runner/runner/tags/key"
)

// carryOut does what a verdict says, unless reading everything again changes the verdict.
func (sw *sweep) carryOut(ctx context.Context, look *survey, v verdict) {
	var err error
	switch {
	case v.act == Spared || v.act == Listed || sw.request.DryRun:
	case v.volume.ID != "":
		v, err = sw.actOnVolume(ctx, look, v)
	case v.instance.ID != "" && v.act != Deregistered:
		if v, err = sw.recheck(ctx, look, v); err == nil {
			v, err = sw.change(ctx, v)
		}
	default:
		v, err = sw.deregister(ctx, v)
	}
	if err != nil {
		sw.failed(err)
		v.act, v.why = Spared, v.why+", but: "+err.Error()
	}
	sw.note(look.now, v)
}

// recheck reads the instance, its run and its registration once more and judges by the same rules. What another sweep
// or the machine itself has ended in the meantime counts as done.
func (sw *sweep) recheck(ctx context.Context, look *survey, v verdict) (verdict, error) {
	instance, err := sw.cloud.Instance(ctx, v.instance.Region, v.instance.ID)
	if refusal.ClassOf(err) == refusal.NotFound {
		v.act, v.why = Spared, "it has ended in the meantime"
		return v, nil
	}
	if err != nil {
		return v, err
	}
	f := facts{state: runnerNone, alone: v.alone}
	if run := tags.Of(instance).RunID; look.runs[run] != runUnknown {
		f.run, _ = readRun(ctx, sw.registry, sw.log, sw.request.Repository, run)
	}
	if tags.Of(instance).Mode == tags.ModeExisting {
		runners, err := sw.registry.AllRunners(ctx)
		if err != nil {
			return v, err
		}
		f.runner, f.state = existingState(instance, runners, true)
	}
	if hasRegistration(instance) || tags.Of(instance).Entry {
		if f.runner, f.named, err = sw.registration(ctx, look, instance); err != nil {
			return v, err
		}
		f.state = stateOf(f.runner)
		if tags.Of(instance).Entry && f.state == runnerGone {
			f.state = runnerNone
		}
	}
	now := *look
	now.now = time.Now()
	fresh := now.judge(instance, f)
	if fresh.act == Ignored {
		fresh.act, fresh.why = Spared, "it has ended in the meantime"
	}
	return fresh, nil
}

// registration looks up one registration directly: by id, by name, or, for an instance without tags, in the list.
func (sw *sweep) registration(ctx context.Context, look *survey, i ec2.Instance) (r github.Runner, named bool,
	err error) {
	if !tags.Of(i).Tagged {
		now := *look
		if now.runners, err = sw.registry.AllRunners(ctx); err != nil {
			return r, false, err
		}
		r, state := now.index().guessRegistration(i)
		if state == runnerUnseen {
			return r, false, errors.New("look up its runner: nothing says which one it is")
		}
		return r, false, nil
	}
	if tags.Of(i).Entry { // an entry's name is unique
		r, _, err = sw.registry.FindByName(ctx, tags.EntryName(i.ID))
		return r, true, err
	}
	if id := tags.Of(i).RunnerID; id != 0 {
		r, found, err := sw.registry.FindRunner(ctx, id)
		if found || err != nil {
			return r, true, err
		}
	}
	owner := tags.Of(i).Owner()
	for _, name := range owner.Names() {
		r, found, err := sw.registry.FindByName(ctx, name)
		if err != nil {
			return r, false, err
		}
		if found && owner.Owns(r) {
			return r, tags.Of(i).NamesRunner(r.ID), nil
		}
	}
	return github.Runner{}, false, nil
}

// change does to an instance what the last look decided.
func (sw *sweep) change(ctx context.Context, v verdict) (verdict, error) {
	switch v.act {
	case Marked:
		return sw.mark(ctx, v, time.Now().UTC().Format(time.RFC3339))
	case Unmarked:
		return sw.mark(ctx, v, "")
	case Freed:
		return sw.free(ctx, v)
	case Terminated:
		return sw.end(ctx, v)
	case Halted:
		return sw.halt(ctx, v)
	}
	return v, nil
}

// halt stops an existing machine. Its registration stays, so nothing protects a job that begins between the last look
// and the stop: that job is lost.
func (sw *sweep) halt(ctx context.Context, v verdict) (verdict, error) {
	if err := sw.cloud.Stop(ctx, v.instance.Region, v.instance.ID); err != nil {
		if refusal.ClassOf(err) == refusal.Denied {
			err = &diagnosis.FailedError{Message: err.Error(), Hint: diagnosis.HintMayNotStop, Err: err}
		}
		return v, err
	}
	sw.log.Info(fmt.Sprintf("AWS EC2 instance %s is stopped: %s", v.instance.ID, v.why))
	return v, nil
}

// mark records the first look in a tag of the instance, where every other sweep finds it. What cannot be marked is
// terminated once its run is over.
func (sw *sweep) mark(ctx context.Context, v verdict, since string) (verdict, error) {
	values := map[string]string{key.SuspectSince: since}
	if tags.Of(v.instance).Entry { // the registration that blocks the entry
		if values[key.RunnerID] = ""; since != "" {
			values[key.RunnerID] = strconv.FormatInt(v.runner.ID, 10)
		}
	}
	err := sw.cloud.Tag(ctx, v.instance.Region, v.instance.ID, values)
	class := refusal.ClassOf(err)
	if v.over && (class == refusal.Denied || class == refusal.Tagging) {
		v.act, v.why = Terminated, "its run "+tags.Of(v.instance).RunID+" is over, and it cannot be marked: "+
			refusal.Reason(err)
		return sw.end(ctx, v)
	}
	if class == refusal.Denied {
		if !sw.noTags {
			sw.noTags = true
			sw.warn("machines without their runner cannot be marked, so they stay until their runs are over: allow " +
				"ec2:CreateTags (" + refusal.Reason(err) + ")")
		}
		v.act, v.why = Spared, v.why+", and it cannot be marked"
		return v, nil
	}
	return v, err
}

// free returns an entry to its pool: it writes the tags first and removes the registration, which keeps other starts
// away, last.
func (sw *sweep) free(ctx context.Context, v verdict) (verdict, error) {
	err := sw.cloud.Tag(ctx, v.instance.Region, v.instance.ID, tags.Of(v.instance).FreedTags())
	if refusal.ClassOf(err) == refusal.Denied {
		v.act, v.why = Spared, v.why+", and it cannot be freed: allow ec2:CreateTags"
		return v, nil
	}
	if err != nil {
		return v, err
	}
	if v.runner.ID != 0 {
		if err := sw.registry.Remove(ctx, v.runner.ID); errors.Is(err, github.ErrBusy) {
			v.act, v.why = Spared, "its runner is busy"
			return v, nil
		} else if err != nil {
			return v, err
		}
		sw.log.Info(fmt.Sprintf("GitHub self-hosted runner %s is removed", v.runner.Name))
	}
	sw.log.Info(fmt.Sprintf("warm AWS EC2 instance %s can be claimed again: %s", v.instance.ID, v.why))
	return v, nil
}

// end removes a registration whose id is tagged before it terminates the machine: GitHub refuses the removal while a
// job is running, so no job is lost after the last look. A registration found by name alone may be another machine's;
// if only this machine has that name, the registration is removed once GitHub reports it offline (ended.go). Its id is
// also tagged, for a later sweep that still sees the tags.
func (sw *sweep) end(ctx context.Context, v verdict) (verdict, error) {
	switch {
	case v.runner.ID != 0 && v.named:
		err := sw.registry.Remove(ctx, v.runner.ID)
		if errors.Is(err, github.ErrBusy) {
			v.act, v.why = Spared, "its runner is busy"
			return v, nil
		}
		if err != nil {
			return v, err
		}
		sw.log.Info(fmt.Sprintf("GitHub self-hosted runner %s is removed", v.runner.Name))
	case v.runner.ID != 0 && v.alone:
		err := sw.cloud.Tag(ctx, v.instance.Region, v.instance.ID,
			map[string]string{key.RunnerID: strconv.FormatInt(v.runner.ID, 10)})
		if err != nil {
			sw.log.Debug("the runner id cannot be tagged, so the registration stays", "instance", v.instance.ID,
				"error", err)
		}
	}
	if err := sw.cloud.Terminate(ctx, v.instance.Region, v.instance.ID); refusal.ClassOf(err) != refusal.NotFound &&
		err != nil {
		return v, err
	}
	sw.log.Info(fmt.Sprintf("AWS EC2 instance %s is terminated: %s", v.instance.ID, v.why))
	// A registration that has never been online may belong to another start of the same name, whose machine EC2 does
	// not show yet.
	if v.runner.ID != 0 && !v.named && v.alone && !v.runner.Unused {
		sw.ended = append(sw.ended, v)
	}
	return v, nil
}

// whyRemoved is the reason why nothing is done about a registration that is gone.
const whyRemoved = "it is removed already"

// deregister removes the registration of a terminated instance, if it is still offline.
func (sw *sweep) deregister(ctx context.Context, v verdict) (verdict, error) {
	r, found, err := sw.registry.FindRunner(ctx, v.runner.ID)
	if err != nil {
		return v, err
	}
	if !found {
		v.act, v.why = Spared, whyRemoved
		return v, nil
	}
	if r.Online || r.Busy {
		v.act, v.why = Spared, "it is online again"
		return v, nil
	}
	err = sw.registry.Remove(ctx, r.ID)
	if errors.Is(err, github.ErrBusy) {
		v.act, v.why = Spared, "it is busy"
		return v, nil
	}
	if err == nil {
		sw.log.Info(fmt.Sprintf("GitHub self-hosted runner %s is removed: %s", r.Name, v.why))
	}
	return v, err
}

// note adds one line to the result.
func (sw *sweep) note(now time.Time, v verdict) {
	done := Swept{
		Act: v.act, Why: v.why, InstanceID: v.instance.ID, Region: v.instance.Region, RunnerName: v.runner.Name,
		RunnerID: v.runner.ID,
	}
	done.RunnerName = cmp.Or(done.RunnerName, tags.Of(v.instance).RunnerName)
	if v.volume.ID != "" {
		done.VolumeID, done.Region, done.Age = v.volume.ID, v.volume.Region,
			now.Sub(v.volume.Created).Round(time.Second)
	}
	if tags.Of(v.instance).Entry {
		done.Pool, done.Until = v.instance.Tags[key.Pool], tags.Of(v.instance).ExpiresAt
	}
	if !v.instance.LaunchTime.IsZero() {
		done.Age = now.Sub(v.instance.LaunchTime).Round(time.Second)
	}
	sw.result.Swept = append(sw.result.Swept, done)
	sw.log.Debug(string(v.act), "instance", done.InstanceID, "volume", done.VolumeID, "runner", done.RunnerName, "why",
		done.Why)
}
