package doctor

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/marqo-ai/ec2-github-runner/ec2"
	"github.com/marqo-ai/ec2-github-runner/ec2/refusal"
	"github.com/marqo-ai/ec2-github-runner/github"
)

// Existing selects the machines that the user keeps and that the start would start.
type Existing struct {
	Region string            // "": the home region
	IDs    []string          // empty: all machines with the tags
	Tags   map[string]string // that a machine must have
	Names  []string          // of their runners, if given
	Label  string            // that the runners must have
}

// existingChecks returns the checks of a start of existing machines, which launches nothing.
func (x *examination) existingChecks() []Check {
	return []Check{
		probe{"credentials", x.lookAtCredentials},
		probe{"region", x.lookAtRegions},
		probe{"existing machines", x.lookAtMachines}, // exist, and may be tagged, started and stopped
		probe{"existing runners", x.lookAtRunners},   // registered, with the label
		probe{"github token", githubChecks{x}.lookAtToken},
		probe{"github rate limit", githubChecks{x}.lookAtLimit},
	}
}

// lookAtMachines finds the machines and checks the permissions on them.
func (x *examination) lookAtMachines(ctx context.Context) []Finding {
	region, e := x.regions()[0], x.request.Existing
	l := look{check: "existing machines", about: region, needs: "ec2:DescribeInstances"}
	selector := ec2.Selector{IDs: e.IDs, States: []string{ec2.Pending, ec2.Running, ec2.Stopping, ec2.Stopped}}
	found, err := x.cloud.Instances(ctx, region, selector)
	if err != nil {
		return []Finding{l.unread(ctx, err)}
	}
	found = slices.DeleteFunc(found, func(i ec2.Instance) bool {
		for key, value := range e.Tags {
			if has, ok := i.Tags[key]; !ok || has != value {
				return true
			}
		}
		return false
	})
	var findings []Finding
	for _, id := range e.IDs {
		if !slices.ContainsFunc(found, func(i ec2.Instance) bool { return i.ID == id }) {
			findings = append(findings,
				look{check: l.check, about: in(id, region)}.failed("check the id, the region and the tags",
					"EC2 has no such running or stopped machine with these tags"))
		}
	}
	if len(found) == 0 && len(e.IDs) == 0 {
		return []Finding{l.failed("check the tags and the region: tags must match exactly",
			"no machine has the tags %s", tagWords(e.Tags))}
	}
	return append(findings, each(found, func(i ec2.Instance) string { return i.ID },
		func(i ec2.Instance) []Finding { return x.rightsOn(ctx, i) })...)
}

// rightsOn checks the permissions that a start and its end need on a machine. The start tags the machine first, so a
// policy that depends on our tags denies the other calls as long as the machine does not have them: that proves
// nothing.
func (x *examination) rightsOn(ctx context.Context, i ec2.Instance) []Finding {
	ours := true
	for key, value := range x.request.OursTags {
		ours = ours && i.Tags[key] == value
	}
	var findings []Finding
	for _, right := range []struct {
		action  string
		tagged  bool // the call is made when the machine has our tags
		without string
	}{
		{"CreateTags", false, "it cannot be assigned, and is not started"},
		{"StartInstances", true, "it cannot be started"},
		{"StopInstances", true, "it would not be stopped again"},
	} {
		l := look{check: "existing machines", about: in(i.ID, i.Region), needs: "ec2:" + right.action}
		err := x.cloud.May(ctx, i.Region, right.action, i.ID, x.request.OurTag)
		switch {
		case refusal.ClassOf(err) == refusal.Denied && right.tagged && !ours:
			f := l.unchecked("EC2 refuses it for a machine without this action's tags, as a policy that depends on "+
				"tags does; check again while a run uses the machine (needs %s)", l.needs)
			f.Needs = l.needs
			findings = append(findings, f)
		// The state is temporary, or the machine cannot be stopped and only stays on.
		case refusal.ClassOf(err) == refusal.WrongState, refusal.ClassOf(err) == refusal.Impossible:
			findings = append(findings, l.ok("EC2 would allow it (%s): %s", l.needs, reason(err)))
		default:
			findings = append(findings, l.right(ctx, i.ID, err, Failed, right.without))
		}
	}
	return findings
}

// lookAtRunners checks that the machines' runners are registered.
func (x *examination) lookAtRunners(ctx context.Context) []Finding {
	e := x.request.Existing
	l := look{check: "existing runners", about: x.request.Scope}
	all, err := x.registry.AllRunners(ctx)
	if err != nil {
		return []Finding{l.unreadAtGitHub(ctx, err)}
	}
	const fix = "register the machine's runner with the label, as a service, or correct 'label' and " +
		"'existing-runner-name'"
	var names []string
	for _, r := range all {
		if carries(r, e.Label) {
			names = append(names, r.Name)
		}
	}
	var findings []Finding
	for _, name := range e.Names {
		if !slices.Contains(names, name) {
			findings = append(findings, l.failed(fix, "no runner %s with the label %s is registered", name, e.Label))
		}
	}
	switch {
	case len(findings) > 0:
		return findings
	case len(names) == 0:
		return []Finding{l.failed(fix, "no runner with the label %s is registered", e.Label)}
	}
	return []Finding{l.ok("%d with the label %s", len(names), e.Label)}
}

func carries(r github.Runner, label string) bool {
	return slices.ContainsFunc(r.Labels, func(l string) bool { return strings.EqualFold(l, label) })
}

func tagWords(tags map[string]string) string {
	var words []string
	for _, key := range slices.Sorted(maps.Keys(tags)) {
		words = append(words, fmt.Sprintf("%s=%s", key, tags[key]))
	}
	return strings.Join(words, ", ")
}
