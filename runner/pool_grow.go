package runner

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/marqo-ai/ec2-github-runner/bootstrap"
	"github.com/marqo-ai/ec2-github-runner/ec2"
	"github.com/marqo-ai/ec2-github-runner/runner/diagnosis"
	"github.com/marqo-ai/ec2-github-runner/runner/tags"
)

// warmUpSlack is what a warm-up may take beyond its own deadline, to boot and to power itself off.
const warmUpSlack = 5 * time.Minute

// grow launches what is missing. A launch whose answer is lost needs no clearing away: what it made carries its tags
// and is an entry.
func (p *pool) grow(ctx context.Context) error {
	missing := p.plan.launch
	for chunk := 0; missing > 0; chunk++ {
		count := min(missing, maxTogether)
		spec, offerings, err := p.warmSpec(chunk)
		if err != nil {
			return err
		}
		instances, trail, err := p.Cloud.LaunchMany(ctx, spec, count, offerings, ec2.Observer{Trying: p.tellWarming,
			Tried: p.tellRefused})
		for _, attempt := range trail {
			p.result.Trail = append(p.result.Trail, p.attempt(attempt))
		}
		for _, i := range instances {
			p.launched++
			p.complete(&i, offerings[i.Offering], spec)
			p.log.Info(fmt.Sprintf("Successfully started AWS EC2 instance %s in region %s; it warms up and stops itself", i.ID,
				i.Region))
			p.note(i, EntryLaunched, "")
		}
		missing -= len(instances)
		if err != nil {
			return p.notLaunched(trail, missing, err)
		}
	}
	return nil
}

// warmSpec is the launch of warm machines, and what to ask for.
func (p *pool) warmSpec(chunk int) (ec2.LaunchSpec, []ec2.Offering, error) {
	g := p.groups[0]
	data, err := p.machine().UserData()
	if err != nil {
		return ec2.LaunchSpec{}, nil, fmt.Errorf("build user data: %w", err)
	}
	now := time.Now()
	due, until := now.Add(p.wanted.WarmUp+warmUpSlack), now.Add(p.wanted.MaxAge)
	values := make([]map[string]string, len(g.fit))
	for n, offering := range g.fit {
		plain := offering
		plain.Placement.ImageID = g.Placements[p.placementOf(g, offering)].ImageID
		hash := p.fingerprint(g, plain)
		values[n] = p.identity.EntryTags(p.wanted.Name, p.groupKey, hash, p.versionIn(g, offering), due, until)
	}
	return ec2.LaunchSpec{
		Machine: g.Machine, UserData: func(int) []byte { return data }, Stops: true, NeedsTags: true,
		KeepTag: tags.KeepVolumes,
		OwnTags: func(offering int) map[string]string { return values[offering] }, TokenTag: tags.ClientToken,
		Token: func(offering, try int) string { return p.identity.ClientToken("", chunk, offering, try) },
	}, g.fit, nil
}

// machine is what a warm machine needs to know.
func (p *pool) machine() bootstrap.Spec {
	machine := p.groups[0].spec(p.request, registration{}, p.offered)
	machine.Warm, machine.RegistrationTimeout, machine.PreRunnerScript, machine.Labels, machine.Service = true,
		p.wanted.WarmUp, "", nil, false
	machine.Ephemeral, machine.KeepFailed, machine.IdleTimeout, machine.MaxLifetime, machine.MaxLifetimeHard = false, 0, 0,
		0, false
	return machine
}

// placementOf finds which of the request's placements an offering is of: the survey fills in their images.
func (p *pool) placementOf(g *group, offering ec2.Offering) int {
	for n, placement := range g.placements {
		if placement.SubnetID == offering.Placement.SubnetID && placement.ImageID == offering.Placement.ImageID &&
			p.regionOf(placement) == p.regionOf(offering.Placement) {
			return n
		}
	}
	return 0
}

// versionIn is the runner version that a machine will have: the image's own, or what it downloads.
func (p *pool) versionIn(g *group, offering ec2.Offering) string {
	image := g.images[imageKey{p.regionOf(offering.Placement), offering.Placement.ImageID}]
	if version := image.Tags[tags.RunnerVersion]; version != "" && !isOlder(version, MinimumVersion) {
		return version
	}
	if len(p.offered.list) > 0 {
		return p.offered.list[0].Version
	}
	return ""
}

// complete fills in what the answer left out.
func (p *pool) complete(i *ec2.Instance, offering ec2.Offering, spec ec2.LaunchSpec) {
	i.Type = cmp.Or(i.Type, offering.InstanceType)
	i.Tags = spec.OwnTags(i.Offering)
}

func (p *pool) tellWarming(a ec2.Attempt) {
	o := a.Offering
	p.log.Info(fmt.Sprintf("Launching %d %s of %s in subnet %s, region %s", a.Asked, o.InstanceType, o.Placement.ImageID,
		o.Placement.SubnetID, p.regionOf(o.Placement)))
}

func (p *pool) tellRefused(a ec2.Attempt) {
	if a.Err != nil {
		p.warn(p.refusal(a))
	}
}

// notLaunched returns what EC2 refused.
func (p *pool) notLaunched(trail []ec2.Attempt, missing int, err error) error {
	if !errors.Is(err, ec2.ErrExhausted) {
		return err
	}
	var refusals []string
	var causes []error
	for _, a := range trail {
		if a.Err != nil {
			refusals = append(refusals, p.refusal(a))
			causes = append(causes, a.Err)
		}
	}
	hint := diagnosis.LaunchHint(causes)
	for _, cause := range causes {
		if class := ec2.ClassOf(cause); class == ec2.Denied || class == ec2.Tagging {
			hint = "a pool is found by its tags: allow ec2:RunInstances and ec2:CreateTags on it (docs/permissions.md, mode " +
				"pool)"
		}
	}
	return &diagnosis.FailedError{
		Message: fmt.Sprintf("%d machines of pool %s could not be launched. Errors: %s", missing, p.wanted.Name,
			strings.Join(refusals, "; ")),
		Hint: hint, Err: errors.Join(causes...),
	}
}
