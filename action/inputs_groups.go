package action

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/marqo-ai/ec2-github-runner/machine"
	"github.com/marqo-ai/ec2-github-runner/runner"
	"github.com/marqo-ai/ec2-github-runner/runner/tags"
)

// elementInputs are the inputs that an element of `runners` may set. Others, and those that it does not set, are the
// step's.
var elementInputs = inputsThat(func(i input) bool { return i.element })

const runnersExample = "for example runners: [{name: amd64, ec2-instance-type: t3.xlarge}, {name: arm64, " +
	"ec2-instance-type: t4g.xlarge}]"

// groupsReader reads the groups of runners to start.
type groupsReader struct{ r *reader }

// groups reads the elements of `runners` or, without them, one group from the step's own inputs.
func (g groupsReader) groups(request Request) []runner.Group {
	text := g.r.text("runners")
	if text == "" {
		return []runner.Group{g.r.group(request)}
	}
	elements, err := machine.ReadElements(text)
	if err != nil {
		g.r.refuse("Failed to parse runners: "+err.Error(), runnersExample)
		return nil
	}
	if len(elements) == 0 {
		g.r.refuse("Failed to parse runners: the list is empty", runnersExample)
	}
	var groups []runner.Group
	names := map[string]bool{}
	for i, element := range elements {
		child, name := g.element(i, element)
		if name != "" && names[name] {
			g.r.refuse(fmt.Sprintf("Failed to parse runners: two runners are named %q", name), runnersExample)
		}
		names[name] = true
		group := child.group(request)
		group.Name = name
		if _, own := child.own["label"]; !own && group.Label != "" {
			group.Label += "-" + name // each needs a label of its own
		}
		groups = append(groups, group)
	}
	g.refuseSharedLabels(groups)
	return groups
}

// refuseSharedLabels refuses two runners with the same label, name or output key. GitHub compares names without case,
// and some characters become hyphens in them.
func (g groupsReader) refuseSharedLabels(groups []runner.Group) {
	labels, names, keys := map[string]bool{}, map[string]string{}, map[string]bool{}
	for _, group := range groups {
		if group.Label != "" && labels[group.Label] {
			g.r.refuse(fmt.Sprintf("Failed to parse runners: two runners have the label %q", group.Label),
				"give each a label of its own, or use 'count' for like runners")
			continue
		}
		labels[group.Label] = true
		for n := range min(group.Count, maxRunners) {
			key, name := group.Name, ""
			if group.Label != "" {
				name = tags.NameOf(group.Label)
			}
			if group.Count > 1 {
				key, name = fmt.Sprintf("%s-%d", key, n), fmt.Sprintf("%s-%d", name, n)
			}
			if keys[key] {
				g.r.refuse(fmt.Sprintf("Failed to parse runners: two runners are named %q", key),
					"runners of a 'count' are named NAME-0, NAME-1 and so on: choose other names")
				return
			}
			keys[key] = true
			if group.Label == "" {
				continue
			}
			if other, taken := names[strings.ToLower(name)]; taken {
				g.r.refuse(fmt.Sprintf("Failed to parse runners: %q and %q would both be the runner %s", other,
					group.Name, name),
					"give them labels that differ in more than case and punctuation")
				return
			}
			names[strings.ToLower(name)] = group.Name
		}
	}
}

// element returns a reader for one element of `runners`, and the element's name.
func (g groupsReader) element(i int, element map[string]any) (child *reader, name string) {
	child = &reader{findings: g.r.findings, getenv: g.r.getenv, reads: g.r.reads, own: map[string]string{}}
	if given, ok := element["name"]; ok && given != nil {
		name = strings.TrimSpace(fmt.Sprint(given))
	}
	if name == "" {
		g.r.refuse(fmt.Sprintf("Failed to parse runners: Missing name at index %d", i), runnersExample)
	}
	child.prefix = fmt.Sprintf("runner %q: ", name)
	for _, key := range slices.Sorted(maps.Keys(element)) {
		switch {
		case key == "name":
		case slices.Contains(elementInputs, key):
			child.own[key] = machine.Text(key, element[key])
		default:
			g.r.refuse(fmt.Sprintf("Failed to parse runners: %q of runner %q is not a launch input", key, name),
				"the launch inputs are "+strings.Join(elementInputs, ", "))
		}
	}
	return child, name
}

// maxRunners is how many runners one start takes: GitHub's limit for a runner group.
// https://docs.github.com/en/actions/reference/limits
const maxRunners = 10_000

// number reads a whole number from least to most; 0 if it is empty or refused.
func (r *reader) number(name string, least, most int64) int {
	value := r.text(name)
	if value == "" {
		return 0
	}
	n, ok, exact := leadingNumber(value)
	if !ok || !exact || n < least || n > most {
		r.refuse(fmt.Sprintf("The '%s' input is %q, which is not a whole number from %d to %d.", name, value, least,
			most),
			fmt.Sprintf("for example %s: %d", name, max(least, 2)))
		return 0
	}
	return int(n)
}

// minCount reads how many of all runners must come online; 0 means all.
func (g groupsReader) minCount(groups []runner.Group) int {
	total := 0
	for _, group := range groups {
		total += group.Count
	}
	if total > maxRunners {
		g.r.refuse(fmt.Sprintf("%d runners are requested, and one start launches at most %d.", total, maxRunners),
			"start fewer")
	}
	if g.r.text("min-count") == "" {
		return 0
	}
	least := g.r.number("min-count", 1, maxRunners)
	if least > total {
		g.r.refuse(fmt.Sprintf("The 'min-count' input is %d, and only %d runners are requested.", least, total),
			"set min-count to at most 'count'")
	}
	return least
}
