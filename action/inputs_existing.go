package action

import (
	"cmp"
	"fmt"
	"strings"

	"github.com/marqo-ai/ec2-github-runner/runner"
	"github.com/marqo-ai/ec2-github-runner/runner/existing"
)

const existingExample = "for example existing-instances: Role=gpu-runner"

// existingReader reads which existing machines a start uses.
type existingReader struct{ r *reader }

// existing reads which of the user's machines to start, or returns nil if new ones are to be launched. machulav's
// action reads ec2-instance-id in mode stop only, so it is ignored if an image is given.
func (x existingReader) existing(request Request) *existing.Machines {
	filter, ids := x.r.text("existing-instances"), x.r.text("ec2-instance-id")
	image := ""
	for _, name := range []string{"ec2-image-id", "availability-zones-config", "launch-parameters", "runners"} {
		if image == "" && x.r.text(name) != "" {
			image = name
		}
	}
	switch {
	case filter == "" && ids == "":
		if x.r.text("existing-runner-name") != "" {
			x.r.refuse("The 'existing-runner-name' input is given without 'ec2-instance-id' or 'existing-instances'.",
				existingExample)
		}
		return nil
	case image != "" && filter != "":
		x.r.refuse(fmt.Sprintf("The 'existing-instances' and '%s' inputs are incompatible: either machines that you "+
			"keep are started, or new ones.", image), "leave one of them out")
		return nil
	case image != "":
		x.r.warn("The 'ec2-instance-id' input is not used in the 'start' mode beside '%s'; without an image it "+
			"starts existing machines", image)
		return nil
	}
	machines := &existing.Machines{Region: request.Region, IDs: x.r.instanceIDs(), Tags: x.tagFilter(filter),
		Names: x.names("existing-runner-name")}
	if n := len(machines.Names); n > 0 && n != max(len(machines.IDs), 1) {
		x.r.refuse(fmt.Sprintf("The 'existing-runner-name' input holds %d names for %d machines.", n,
			max(len(machines.IDs), 1)),
			"give one name for each machine in 'ec2-instance-id', in the same order, or none")
	}
	return machines
}

// keptBy returns the user's machines that a start uses, if it does.
func keptBy(start *runner.StartRequest) (machines existing.Machines, are bool) {
	machines, are = start.Source.(existing.Machines)
	return machines, are
}

// tagFilter reads comma- or newline-separated tags of the form Key=Value.
func (x existingReader) tagFilter(text string) map[string]string {
	tags := map[string]string{}
	for _, part := range strings.FieldsFunc(text, func(c rune) bool { return c == ',' || c == '\n' || c == '\r' }) {
		if part = strings.TrimSpace(part); part == "" {
			continue
		}
		key, value, ok := strings.Cut(part, "=")
		key, value = strings.TrimSpace(key), strings.TrimSpace(value)
		if _, twice := tags[key]; !ok || key == "" || twice {
			x.r.refuse(fmt.Sprintf("The 'existing-instances' input holds %q, which is not a tag of the form "+
				"Key=Value with a key of its own.", part), existingExample)
			continue
		}
		tags[key] = value
	}
	return tags
}

// names reads comma- or newline-separated names; a runner's name may contain spaces.
func (x existingReader) names(input string) []string {
	var names []string
	for _, name := range strings.FieldsFunc(x.r.text(input),
		func(c rune) bool { return c == ',' || c == '\n' || c == '\r' }) {
		if name = strings.TrimSpace(name); name != "" {
			names = append(names, name)
		}
	}
	return names
}

// groupsOf reads the groups of runners to start.
func (x existingReader) groupsOf(request Request, kept *existing.Machines) []runner.Group {
	if kept == nil {
		return groupsReader(x).groups(request)
	}
	ids := len(kept.IDs)
	group := runner.Group{Label: x.r.label(), Count: x.r.number("count", 1, int64(cmp.Or(ids, maxRunners)))}
	group.Count = cmp.Or(group.Count, ids, 1)
	if group.Label == "" {
		x.r.refuse("The 'label' input is required to start existing machines.",
			"it is a label that their registered runners have, for runs-on, for example label: gpu")
	}
	if len(kept.Names) > 0 && len(kept.IDs) == 0 && group.Count > 1 {
		x.r.refuse(fmt.Sprintf("The 'existing-runner-name' input names one runner, and 'count' is %d.", group.Count),
			"name the machines in 'ec2-instance-id', or leave the name out")
	}
	return []runner.Group{group}
}

// onlyExisting reports inputs that have no effect on existing machines, and clears their fields.
func (x existingReader) onlyExisting(start *runner.StartRequest) {
	var unused []string
	for _, known := range catalogue {
		if known.machine && x.r.isSet(known) {
			unused = append(unused, known.name)
		}
	}
	for _, name := range []string{"use-jit", "ephemeral", "run-runner-as-service"} {
		if x.r.text(name) == "true" {
			x.r.refuse(fmt.Sprintf("The '%s' input is incompatible with existing machines, whose runners are "+
				"registered already.", name), "leave it out")
		}
	}
	if len(unused) > 0 {
		x.r.warn("nothing of an existing machine is changed, so these inputs have no effect: %s",
			strings.Join(unused, ", "))
	}
	if !start.OwnTags {
		x.r.refuse("The 'own-tags' input is false, and this action assigns existing machines by its tags.",
			"leave it out, and allow ec2:CreateTags on the machines")
	}
	start.JIT, start.Ephemeral, start.KeepFailed, start.KeepAfterJob = false, false, 0, 0
}
