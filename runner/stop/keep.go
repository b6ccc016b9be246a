package stop

import (
	"context"
	"fmt"
	"time"

	"github.com/marqo-ai/ec2-github-runner/ec2"
	"github.com/marqo-ai/ec2-github-runner/ec2/refusal"
	"github.com/marqo-ai/ec2-github-runner/runner/diagnosis"
	"github.com/marqo-ai/ec2-github-runner/runner/tags"
	"github.com/marqo-ai/ec2-github-runner/runner/tags/key"
)

// The input keep-minutes leaves a machine for inspection. Its registration is removed first, so that it gets no more
// jobs: a machine without one terminates itself, at the time in its tags if it can read them, and sweeps read them too.
// A machine that would not terminate itself is terminated at once. See docs/adr/0028-kept-machines.md.

// StateKept is Stopped.State for a machine that is left for inspection.
const StateKept = "kept"

// Kept says until when a machine is kept.
type Kept struct {
	Until time.Time // then a sweep terminates it, or the machine itself if it can read its tags
	End   time.Time // when the machine has terminated itself at the latest
}

// mustKeep reports whether a machine is to be kept.
func (sp *stop) mustKeep(t target) bool {
	return sp.request.Keep > 0 && sp.whyNotKept(t) == "" && !tags.Of(t.instance).IsKeptFailed(time.Now())
}

// whyNotKept returns why a machine cannot be kept, or "" if it can.
func (sp *stop) whyNotKept(t target) string {
	i := t.instance
	switch {
	case i.Ending() == ec2.EndingSpot:
		return "EC2 has reclaimed it"
	case i.ID == "" || !i.Alive():
		return "it has ended already. An ephemeral machine ends with its job, unless the start has " +
			"keep-after-job-minutes"
	case i.State == "":
		return "EC2 denies its description (needs ec2:DescribeInstances)"
	case t.isExisting() || i.State == ec2.Stopped || i.State == ec2.Stopping:
		return "it is not a running machine that a start has launched"
	case i.Tags[key.StaysFor] == "":
		return "it would not end by itself: its start has use-jit without keep-after-job-minutes, or " +
			"launch-parameters that only stop it when it powers off, or it does not carry this action's tags"
	}
	return ""
}

// keep leaves a machine, without its registration, for as long as requested. If a job is still running, both stay as
// they are.
func (sp *stop) keep(ctx context.Context, t target) (Stopped, error) {
	done := Stopped{InstanceID: t.id, Region: t.instance.Region, RunnerName: t.owner.Name, State: "left running"}
	var err error
	if done.Runner, err = sp.deregister(ctx, t); err != nil {
		return done, &diagnosis.FailedError{
			Message: fmt.Sprintf("AWS EC2 instance %s is left running: GitHub self-hosted runner removal error: %v",
				t.id, err),
			Hint: "run stop again; without 'keep-minutes' it terminates the machine in any case", Err: err,
		}
	}
	if done.Runner == runnerBusy {
		sp.warn(fmt.Sprintf("a job is running on AWS EC2 instance %s, so the machine and its runner are left as they "+
			"are: run stop again after the job, or leave the machine to a sweep", t.id))
		return done, nil
	}
	values, until, end := tags.Of(t.instance).Keep(time.Now(), sp.request.Keep)
	if err := sp.cloud.Tag(ctx, t.instance.Region, t.id, values); err != nil {
		if ctx.Err() != nil {
			return done, err
		}
		sp.warn(fmt.Sprintf("AWS EC2 instance %s is not kept, since it cannot be tagged (needs ec2:CreateTags): %s",
			t.id, refusal.Reason(err)))
		return done, sp.terminate(ctx, t, &done)
	}
	done.State, done.Kept = StateKept, Kept{Until: until, End: end}
	sp.log.Info(fmt.Sprintf("AWS EC2 instance %s is kept until %s and ends itself by %s", t.id, clock(until),
		clock(end)))
	return done, nil
}

func clock(t time.Time) string { return t.UTC().Format("15:04 MST") }
