package ami

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/marqo-ai/ec2-github-runner/bootstrap"
	"github.com/marqo-ai/ec2-github-runner/ec2"
	"github.com/marqo-ai/ec2-github-runner/ec2/refusal"
	"github.com/marqo-ai/ec2-github-runner/machine"
	"github.com/marqo-ai/ec2-github-runner/runner/tags/key"
)

// slack is how long after the bake's timeout a sweep considers its builder forgotten.
const slack = 15 * time.Minute

// ownEndSlack is how long after the bake's timeout a builder powers itself off, which terminates it without
// credentials.
const ownEndSlack = 5 * time.Minute

// ownEnd returns when the builder terminates itself.
func (b *bake) ownEnd() time.Time { return b.begun.Add(b.request.Timeout + ownEndSlack) }

// launch launches a builder over all types and subnets. Builders are on-demand, since spot instances cannot be stopped.
func (b *bake) launch(ctx context.Context) error {
	b.recipe.End = b.ownEnd()
	data, err := b.recipe.UserData()
	if err != nil {
		return &FailedError{Message: err.Error(), Hint: "make setup-script shorter: let it fetch the rest",
			Refused: true,
			Err:     err}
	}
	tags := b.request.Builder(b.wanted.Architecture, b.begun.Add(b.request.Timeout+slack))
	spec := ec2.LaunchSpec{
		Machine: b.wanted, UserData: func(int) []byte { return data }, NeedsTags: true,
		OwnTags: func(int) map[string]string { return tags }, TokenTag: key.ClientToken, KeepTag: b.request.KeepTag,
		Token: func(offering, try int) string { return b.request.Token(b.wanted.Architecture, offering, try) },
	}
	var unsaved error
	instances, trail, err := b.baker.Cloud.LaunchMany(ctx, spec, 1, b.offerings(), ec2.Observer{
		Trying: func(a ec2.Attempt) {
			b.info("asking for a builder: %s", place(a.Offering))
			unsaved = errors.Join(unsaved, b.baker.Journal.Asking(a.Token, b.request.Region))
		},
		Tried: func(a ec2.Attempt) {
			if a.Err != nil {
				b.info("EC2 refuses a builder, %s: %s", place(a.Offering), refusal.Reason(a.Err))
			}
		},
	})
	b.trail = trail
	if len(instances) > 0 {
		b.builder = instances[0]
		b.out.Builder, b.out.InstanceType = b.builder.ID, b.offerings()[b.builder.Offering].InstanceType
		b.info("the builder is AWS EC2 instance %s (%s)", b.builder.ID, b.out.InstanceType)
	}
	if unsaved != nil {
		return unsaved
	}
	if errors.Is(err, ec2.ErrExhausted) {
		return exhausted(trail)
	}
	return err
}

// offerings returns what to request, in order: other subnets come before other types.
func (b *bake) offerings() []ec2.Offering {
	var list []ec2.Offering
	for _, instanceType := range b.types() {
		if slices.Contains(b.deaf, instanceType) {
			continue
		}
		for _, placement := range b.wanted.Placements {
			placement.Region, placement.ImageID = b.request.Region, b.base.ID
			list = append(list, ec2.Offering{
				Placement: placement, InstanceType: instanceType, Market: machine.OnDemand, Number: len(list) + 1,
				RootDevice: b.base.RootDevice, MinRootGiB: b.base.RootGiB, Kept: b.base.Kept,
			})
		}
	}
	return list
}

// types returns the types to request. Of the architecture's default types, those on which the base may not boot come
// last, and those on which it does not boot are left out.
func (b *bake) types() []string {
	types := slices.Clone(b.wanted.InstanceTypes)
	if !b.wanted.TypesOfArchitecture {
		return types
	}
	verdict := func(name string) ec2.Verdict { return b.base.System(key.System).OnType(name) }
	slices.SortStableFunc(types, func(x, y string) int { return int(verdict(x) - verdict(y)) })
	fit := slices.DeleteFunc(slices.Clone(types), func(name string) bool { return verdict(name) == ec2.RunsNot })
	if len(fit) == 0 {
		return types
	}
	return fit
}

// warnOfProcessors warns of types on which the base does not boot, since EC2 launches them nevertheless.
func (b *bake) warnOfProcessors() {
	for _, name := range b.types() {
		if system := b.base.System(key.System); system.OnType(name) == ec2.RunsNot {
			b.warn(fmt.Sprintf("%s has Graviton 1, on which the base %s (%s) does not boot: its kernel panics; use a "+
				"type with Graviton 2 or newer, such as t4g.xlarge", name, b.base.ID, system))
		}
	}
}

func place(o ec2.Offering) string {
	if o.Placement.SubnetID == "" {
		return o.InstanceType
	}
	return o.InstanceType + " in " + o.Placement.SubnetID
}

// exhausted returns an error with each refusal.
func exhausted(trail []ec2.Attempt) error {
	var refusals []string
	var causes []error
	for _, a := range trail {
		if a.Err == nil {
			continue
		}
		causes = append(causes, a.Err)
		if text := place(a.Offering) + ": " + refusal.Reason(a.Err); !slices.Contains(refusals, text) {
			refusals = append(refusals, text)
		}
	}
	return &FailedError{Message: "EC2 gives no builder: " + strings.Join(refusals, "; "), Hint: launchHint(causes),
		Err: errors.Join(causes...)}
}

// silence is how long a builder may print nothing. The console of instances other than Nitro is minutes late.
// https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/instance-console.html
const silence = 10 * time.Minute

// listen reads the builder's console until it shows the verdict.
func (b *bake) listen(ctx context.Context) error {
	since, news := time.Now(), newProgress()
	return b.look(ctx, func() (bool, error) {
		console, _, err := b.baker.Cloud.Console(ctx, b.request.Region, b.builder.ID)
		if err != nil {
			return false, err
		}
		verdict := ReadVerdict(console, b.request.Nonce)
		if len(verdict.Lines) > 0 {
			b.verdict = verdict
		}
		if p, panicked := bootstrap.ReadPanic(console); panicked {
			if err := b.alive(ctx); err != nil { // EC2's reason takes precedence
				return false, err
			}
			return false, final(panicFailure(b.out.InstanceType, p))
		}
		switch {
		case verdict.Done && verdict.OK:
			b.info("the builder has proved itself after %s", rounded(time.Since(since)))
			return true, nil
		case verdict.Done:
			return false, final(&FailedError{Message: "the builder says: " + verdict.Step + ": " + verdict.Reason,
				Hint: stepHint(verdict)})
		}
		if text := news.tell(verdict.Step); text != "" {
			b.info("the builder: %s", text)
		}
		if verdict.Step == "" && time.Since(since) > silence {
			return false, final(&FailedError{Message: fmt.Sprintf("the builder has printed nothing for %.0f minutes",
				silence.Minutes()), Hint: hintSilence})
		}
		return false, b.alive(ctx)
	})
}

// panicFailure returns the failure of a builder whose kernel panicked, which EC2 reports as running.
func panicFailure(instanceType string, p bootstrap.Panic) *FailedError {
	if p.Processor {
		return &FailedError{Message: fmt.Sprintf("the builder does not boot: its image needs a newer processor "+
			"than %s has (%s)", instanceType, p.Line), Hint: hintProcessor}
	}
	return &FailedError{Message: fmt.Sprintf("the kernel of the builder (%s) panicked at boot: %s", instanceType,
		p.Line),
		Hint: hintPanic}
}

// alive returns an error if the builder has ended. One that EC2 does not show yet has not.
func (b *bake) alive(ctx context.Context) error {
	instance, err := b.baker.Cloud.Instance(ctx, b.request.Region, b.builder.ID)
	switch {
	case refusal.ClassOf(err) == refusal.NotFound && time.Since(b.begun) < silence:
		return nil
	case err != nil:
		return err
	case instance.State == ec2.Pending || instance.State == ec2.Running:
		return nil
	}
	message := "the builder is " + instance.State
	if instance.StateReason != "" {
		message += ": EC2 says " + instance.StateReason
	}
	return final(&FailedError{Message: message, Hint: hintEnded})
}

// stop stops the builder and waits until it is stopped, so that its disk is consistent.
func (b *bake) stop(ctx context.Context) error {
	asked, news := false, newProgress()
	return b.look(ctx, func() (bool, error) {
		if !asked {
			if err := b.baker.Cloud.Stop(ctx, b.request.Region, b.builder.ID); err != nil {
				return false, err
			}
			asked = true
		}
		instance, err := b.baker.Cloud.Instance(ctx, b.request.Region, b.builder.ID)
		switch {
		case err != nil:
			return false, err
		case instance.State == ec2.Stopped:
			b.info("AWS EC2 instance %s is stopped", b.builder.ID)
			return true, nil
		case !instance.Alive():
			return false, final(&FailedError{Message: "the builder is " + instance.State + ", and should be stopped",
				Hint: hintEnded})
		}
		if text := news.tell(instance.State); text != "" {
			b.info("the builder is %s", text)
		}
		return false, nil
	})
}
