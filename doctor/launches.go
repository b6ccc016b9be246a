package doctor

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/marqo-ai/ec2-github-runner/ec2"
	"github.com/marqo-ai/ec2-github-runner/ec2/refusal"
	"github.com/marqo-ai/ec2-github-runner/machine"
)

var errNoImage = errors.New("this action has made no image for the architecture in this region")

// launchChecks ask EC2 by dry runs whether it would launch, and terminate, what the start requests.
type launchChecks struct{ x *examination }

// lookAtLaunches asks EC2 for every offering whether it would allow the start's own request.
func (c launchChecks) lookAtLaunches(ctx context.Context) []Finding {
	return orNothing(each(c.x.wanted(ctx), wanted.key, func(w wanted) []Finding {
		l := look{check: "launch", about: w.String(), needs: "ec2:RunInstances"}
		switch {
		case errors.Is(w.problem, errNoImage):
			return []Finding{c.noImage(ctx, l, w)}
		case w.problem != nil:
			return []Finding{l.unread(ctx, w.problem)}
		}
		return c.launch(ctx, l, w)
	}), "launch", "nothing is to be launched")
}

// noImage reports an offering without an image: a start leaves its region out if the launch has an image in another.
func (c launchChecks) noImage(ctx context.Context, l look, w wanted) Finding {
	hasImage := func(other wanted) bool { return other.launch == w.launch && other.problem == nil }
	if slices.ContainsFunc(c.x.wanted(ctx), hasImage) {
		return l.warning("bake with regions: "+w.region, "%s, so a start launches nothing there", w.problem)
	}
	return l.failed("bake one (mode: bake), or give ec2-image-id", "%s", w.problem)
}

func (c launchChecks) launch(ctx context.Context, l look, w wanted) []Finding {
	err := c.mayLaunch(ctx, w, part{ownTags: true, tags: true, profile: true})
	switch refusal.ClassOf(err) {
	case refusal.Denied, refusal.Tagging:
		return c.refusedPart(ctx, l, w, err)
	}
	if err == nil {
		return []Finding{l.ok("EC2 would allow it (%s)", strings.Join(w.permissions(), ", "))}
	}
	if refusal.TopicOf(err) == "free-plan" {
		return []Finding{c.freePlan(ctx, l, w, err)}
	}
	return []Finding{l.refused(ctx, err)}
}

// freePlan reports the types of the region that an account on the free plan may launch. A dry run does not always
// mention the plan, and no EC2 permission shows it, so the types are read only if EC2 refuses one because of the plan.
func (c launchChecks) freePlan(ctx context.Context, l look, w wanted, refused error) Finding {
	fix := refusal.HintOf(refused)
	if names, err := c.x.cloud.Account().FreeTierTypes(ctx, w.offering.Placement.Region); err == nil && len(names) > 0 {
		fix = "use a type that the free plan has here (" + strings.Join(names, ", ") +
			"), or upgrade the account's plan"
	}
	return l.failed(fix, "%s", reason(refused))
}

// part is which parts of the launch's request a dry run contains.
type part struct{ ownTags, tags, profile bool }

func (c launchChecks) mayLaunch(ctx context.Context, w wanted, p part) error {
	spec := w.launch.Spec
	if !p.ownTags {
		spec.OwnTags = nil
	}
	if !p.tags {
		spec.Tags = nil
	}
	if !p.profile {
		spec.Profile = ""
	}
	return c.x.cloud.MayLaunch(ctx, spec, w.index, w.offering)
}

// permissions returns the permissions that an allowed dry run proves. It proves no more: not that image, subnet, groups
// and profile exist and fit together, that there is capacity or quota, or that the account may use the type, the market
// and the image.
func (w wanted) permissions() []string {
	list := []string{"ec2:RunInstances"}
	if w.launch.Spec.OwnTags != nil || len(w.launch.Spec.Tags) > 0 {
		list = append(list, "ec2:CreateTags")
	}
	if w.launch.Spec.Profile != "" {
		list = append(list, "iam:PassRole")
	}
	return list
}

// refusedPart determines which part of the request EC2 refuses, by dry runs with less.
func (c launchChecks) refusedPart(ctx context.Context, l look, w wanted, whole error) []Finding {
	spec := w.launch.Spec
	permits := func(p part) bool { return c.mayLaunch(ctx, w, p) == nil }
	switch {
	case spec.OwnTags != nil && permits(part{tags: true, profile: true}):
		return []Finding{l.ok("EC2 would allow it without this action's own tags"), ownTagsRefused(l, whole)}
	case len(spec.Tags) > 0 && permits(part{profile: true}):
		return []Finding{tagsRefused(l, whole)}
	case spec.Profile != "" && permits(part{}):
		findings := []Finding{roleRefused(l, spec.Profile, whole)}
		switch {
		case len(spec.Tags) > 0 && !permits(part{tags: true}):
			findings = append(findings, tagsRefused(l, whole))
		case spec.OwnTags != nil && !permits(part{ownTags: true, tags: true}):
			findings = append(findings, ownTagsRefused(l, whole))
		}
		return findings
	}
	if w.offering.Market == machine.Spot {
		onDemand := w
		onDemand.offering.Market = machine.OnDemand
		if c.mayLaunch(ctx, onDemand, part{}) == nil {
			return []Finding{l.with("spot").failed("allow ec2:RunInstances without a condition on "+
				"ec2:InstanceMarketType",
				"EC2 allows this launch on demand and not as spot: %s", reason(whole))}
		}
	}
	if ctx.Err() != nil {
		return []Finding{l.unread(ctx, ctx.Err())}
	}
	return []Finding{l.failed("allow ec2:RunInstances (docs/permissions.md has the policy)", "%s", reason(whole))}
}

func (l look) with(check string) look {
	l.check = check
	return l
}

func ownTagsRefused(l look, err error) Finding {
	f := l.with("own tags").warning("allow ec2:CreateTags with the condition ec2:CreateAction = RunInstances, or "+
		"set own-tags: false",
		"EC2 refuses this action's own tags, so a start launches without them and clean-up depends on the "+
			"client token alone: %s", reason(err))
	f.Needs = "ec2:CreateTags"
	return f
}

func tagsRefused(l look, err error) Finding {
	f := l.with("tags").failed("allow ec2:CreateTags with the condition ec2:CreateAction = RunInstances, or omit "+
		"aws-resource-tags",
		"EC2 refuses the tags of aws-resource-tags: %s", reason(err))
	f.Needs = "ec2:CreateTags"
	return f
}

func roleRefused(l look, profile string, err error) Finding {
	f := l.with("role").failed("allow iam:PassRole on the role of that instance profile",
		"EC2 refuses the launch with the instance profile %s: %s", profile, reason(err))
	f.Needs = "iam:PassRole"
	return f
}

// refused returns the finding for a launch that EC2 refuses for other reasons than permissions.
func (l look) refused(ctx context.Context, err error) Finding {
	said := reason(err)
	switch refusal.ClassOf(err) {
	case refusal.Profile:
		return l.with("instance profile").failed("iam-role-name is the name of an instance profile, which may differ "+
			"from the role's: check it in the IAM console", "%s", said)
	case refusal.Capacity:
		return l.failed("use another type, zone or price, or request a higher quota", "%s", said)
	case refusal.Misfit:
		return l.failed("use an instance type and an image that fit each other", "%s", said)
	case refusal.NotFound:
		return l.failed(notFound, "%s", said)
	case refusal.Other:
		if call, ok := errors.AsType[*refusal.CallError](err); ok && call.Code != "" {
			return l.failed("correct the input that EC2 names", "%s", said)
		}
	}
	return l.unread(ctx, err)
}

// lookAtStop checks the permissions that are needed after the launch, in each region.
func (c launchChecks) lookAtStop(ctx context.Context) []Finding {
	return each(c.x.regions(), func(region string) string { return region }, func(region string) []Finding {
		return c.rightsIn(ctx, region)
	})
}

func (c launchChecks) rightsIn(ctx context.Context, region string) []Finding {
	l := look{check: "describe instances", about: region, needs: "ec2:DescribeInstances"}
	ours, err := c.x.cloud.Instances(ctx, region, ec2.Selector{Tags: c.x.request.OursTags, States: []string{ec2.Pending,
		ec2.Running, ec2.Stopping, ec2.Stopped}})
	var findings []Finding
	switch {
	case err == nil:
		findings = append(findings, l.ok("EC2 lists instances"))
	case refusal.ClassOf(err) == refusal.Denied:
		f := l.warning("allow ec2:DescribeInstances",
			"instances may not be listed, so a start does not see early that its machine fails, and stop finds "+
				"nothing by label")
		f.Needs = l.needs
		findings = append(findings, f)
	default:
		findings = append(findings, l.unread(ctx, err))
	}
	id := noInstance
	if len(ours) > 0 {
		id = ours[0].ID
	}
	for _, right := range []struct {
		check   string
		action  string
		denied  Result
		without string
	}{
		{"terminate instances", "TerminateInstances", Failed,
			"stop and the roll-back of a failed start cannot terminate the machine"},
		{"read console", "GetConsoleOutput", Warning, "a failed start cannot show what the machine printed"},
		{"tag instances", "CreateTags", Warning,
			"stop looks the runner up by name, and sweep does not terminate ambiguous instances"},
	} {
		if c.x.request.OurTag == "" && right.denied == Warning { // without later tags, no console is read
			continue
		}
		l := look{check: right.check, about: region, needs: "ec2:" + right.action}
		err := c.x.cloud.May(ctx, region, right.action, id, c.x.request.OurTag)
		findings = append(findings, l.right(ctx, id, err, right.denied, right.without))
	}
	return findings
}

// noInstance is a valid instance id that EC2 assigns to no instance.
const noInstance = "i-00000000000000000"

// right returns the finding for a dry run on an instance of ours, or on one that does not exist.
func (l look) right(ctx context.Context, id string, err error, denied Result, without string) Finding {
	exists := id != noInstance
	switch {
	case err == nil, !exists && refusal.ClassOf(err) == refusal.NotFound:
		return l.ok("EC2 would allow it (%s)", l.needs)
	case refusal.ClassOf(err) == refusal.NotFound:
		return l.unchecked("%s was terminated during the check; check again", id)
	case refusal.ClassOf(err) == refusal.Denied && exists:
		return Finding{Check: l.check, About: l.about, Result: denied,
			Reason: fmt.Sprintf("EC2 refuses it for %s, so %s", id, without), Fix: "allow " + l.needs, Needs: l.needs}
	case refusal.ClassOf(err) == refusal.Denied:
		f := l.unchecked("EC2 refuses it for an instance that does not exist, as a policy that depends on tags does; "+
			"check again while a runner is up (needs %s)", l.needs)
		f.Needs = l.needs
		return f
	}
	return l.unread(ctx, err)
}
