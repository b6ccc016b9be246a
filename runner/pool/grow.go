package pool

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"github.com/marqo-ai/ec2-github-runner/bootstrap"
	"github.com/marqo-ai/ec2-github-runner/ec2"
	"github.com/marqo-ai/ec2-github-runner/ec2/refusal"
	"github.com/marqo-ai/ec2-github-runner/runner"
	"github.com/marqo-ai/ec2-github-runner/runner/diagnosis"
	"github.com/marqo-ai/ec2-github-runner/runner/tags"
	"github.com/marqo-ai/ec2-github-runner/runner/tags/key"
)

// warmUpSlack is what a warm-up may take beyond its own deadline, to boot and to power itself off.
const warmUpSlack = 5 * time.Minute

// grow launches the missing machines. A launch whose answer is lost needs no clean-up: its machines have their tags,
// and so are entries.
func (p *pool) grow(ctx context.Context, log *slog.Logger) error {
	missing := p.plan.launch
	for chunk := 0; missing > 0; chunk++ {
		count := min(missing, runner.MaxTogether)
		spec, offerings, err := p.warmSpec(chunk)
		if err != nil {
			return err
		}
		instances, trail, err := p.st.Cloud.LaunchMany(ctx, spec, count, offerings,
			ec2.Observer{
				Trying: func(a ec2.Attempt) { logLaunch(log, a) },
				Tried: func(a ec2.Attempt) {
					if a.Err != nil {
						p.st.Warn(log, runner.Refusal(a))
					}
				},
			})
		for _, attempt := range trail {
			p.result.Trail = append(p.result.Trail, runner.NewAttempt(attempt))
		}
		for _, i := range instances {
			p.launched++
			p.complete(&i, offerings[i.Offering], spec)
			log.Info(fmt.Sprintf("Successfully started AWS EC2 instance %s in region %s; it warms up and stops itself",
				i.ID, i.Region))
			p.note(i, Launched, "")
		}
		missing -= len(instances)
		if err != nil {
			return p.notLaunched(trail, missing, err)
		}
	}
	return nil
}

// warmSpec returns the launch of warm machines, and the offerings to request.
func (p *pool) warmSpec(chunk int) (ec2.LaunchSpec, []ec2.Offering, error) {
	fit := p.st.Found().Offerings
	data, err := p.spec().UserData()
	if err != nil {
		return ec2.LaunchSpec{}, nil, fmt.Errorf("build user data: %w", err)
	}
	now := time.Now()
	due, until := now.Add(p.wanted.WarmUp+warmUpSlack), now.Add(p.wanted.MaxAge)
	values := make([]map[string]string, len(fit))
	for n, offering := range fit {
		hash := p.wanted.Start.Groups[0].Fingerprint(p.asWanted(offering).Placement, offering.InstanceType)
		values[n] = p.identity.EntryTags(p.wanted.Name, p.st.GroupKey, hash, p.versionIn(offering), due, until)
	}
	return ec2.LaunchSpec{
		Machine: p.wanted.Start.Groups[0].Machine, UserData: func(int) []byte { return data }, Stops: true,
		NeedsTags: true,
		KeepTag:   key.KeepVolumes,
		OwnTags:   func(offering int) map[string]string { return values[offering] }, TokenTag: key.ClientToken,
		Token: func(offering, try int) string { return p.identity.ClientToken("", chunk, offering, try) },
	}, fit, nil
}

// spec returns the boot parameters of a warm machine.
func (p *pool) spec() bootstrap.Spec {
	spec := p.st.Spec()
	spec.Warm, spec.RegistrationTimeout, spec.PreRunnerScript, spec.Labels, spec.Service = true, p.wanted.WarmUp, "",
		nil,
		false
	spec.Ephemeral, spec.KeepFailed, spec.IdleTimeout, spec.MaxLifetime, spec.MaxLifetimeHard = false, 0, 0, 0, false
	return spec
}

// asWanted returns an offering with the image as requested: the survey has filled in the newest one of an architecture.
func (p *pool) asWanted(offering ec2.Offering) ec2.Offering {
	for n, placement := range p.st.Found().Placements {
		if placement.SubnetID == offering.Placement.SubnetID && placement.ImageID == offering.Placement.ImageID &&
			placement.Region == offering.Placement.Region {
			offering.Placement.ImageID = p.wanted.Start.Groups[0].Placements[n].ImageID
			return offering
		}
	}
	offering.Placement.ImageID = p.wanted.Start.Groups[0].Placements[0].ImageID
	return offering
}

// versionIn returns the runner version that a machine will have: the image's own, or the one it downloads.
func (p *pool) versionIn(offering ec2.Offering) string {
	version := p.st.Found().Image(offering.Placement).Tags[key.RunnerVersion]
	if version != "" && !tags.IsOlder(version, runner.MinimumVersion) {
		return version
	}
	return p.st.Offered().Version()
}

// complete fills in what the answer of RunInstances does not contain.
func (p *pool) complete(i *ec2.Instance, offering ec2.Offering, spec ec2.LaunchSpec) {
	i.Type = cmp.Or(i.Type, offering.InstanceType)
	i.Tags = spec.OwnTags(i.Offering)
}

func logLaunch(log *slog.Logger, a ec2.Attempt) {
	o := a.Offering
	log.Info(fmt.Sprintf("Launching %d %s of %s in subnet %s, region %s", a.Asked, o.InstanceType, o.Placement.ImageID,
		o.Placement.SubnetID, o.Placement.Region))
}

// notLaunched returns an error with EC2's refusals.
func (p *pool) notLaunched(trail []ec2.Attempt, missing int, err error) error {
	if !errors.Is(err, ec2.ErrExhausted) {
		return err
	}
	var refusals []string
	var causes []error
	for _, a := range trail {
		if a.Err != nil {
			refusals = append(refusals, runner.Refusal(a))
			causes = append(causes, a.Err)
		}
	}
	hint := diagnosis.LaunchHint(causes)
	for _, cause := range causes {
		if class := refusal.ClassOf(cause); class == refusal.Denied || class == refusal.Tagging {
			hint = "a pool is found by its tags: allow ec2:RunInstances and ec2:CreateTags on it " +
				"(docs/permissions.md, mode pool)"
		}
	}
	return &diagnosis.FailedError{
		Message: fmt.Sprintf("%d machines of pool %s could not be launched. Errors: %s", missing, p.wanted.Name,
			strings.Join(refusals, "; ")),
		Hint: hint, Err: errors.Join(causes...),
	}
}
