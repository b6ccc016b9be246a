package config

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"go.yaml.in/yaml/v3"
)

// maxRunners is GitHub's own limit for the runners of a group.
// https://docs.github.com/en/actions/reference/limits
const maxRunners = 10_000

// maxSets bounds what one process polls GitHub for.
const maxSets = 1000

// maxLabel is how long a label may be, in characters, as the runner has it.
// https://github.com/actions/runner/blob/main/src/Runner.Listener/Configuration/Validators.cs
const maxLabel = 256

const (
	setsExample   = "for example scale-sets: [{name: ec2-amd64, max: 10, machine: {architecture: amd64, …}}]"
	nameExample   = "for example name: ec2-amd64"
	labelsExample = "for example labels: [ec2-amd64]"
)

// nameForm leaves room for what a runner's name adds to the set's: GitHub accepts 64 characters. The limit of 45 is
// that of https://github.com/actions/actions-runner-controller, so that a name can be taken over from there.
var nameForm = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9_.-]{0,44}$`)

// IsName reports whether a text can be the name of a scale set in a file.
func IsName(text string) bool { return nameForm.MatchString(text) }

// sets reads the list of scale sets.
func (f *findings) sets(s section, file File) []Set {
	node := s.value[keySets]
	for node != nil && node.Kind == yaml.AliasNode {
		node = node.Alias
	}
	switch {
	case node == nil || node.ShortTag() == "!!null":
		s.problem(s.lineOf(keySets), "has no scale sets", setsExample)
		return nil
	case node.Kind != yaml.SequenceNode:
		s.problem(node.Line, fmt.Sprintf("has %s as scale-sets, and a list is wanted", kindOf(node)), setsExample)
		return nil
	case len(node.Content) == 0:
		s.problem(node.Line, "has no scale sets", setsExample)
	case len(node.Content) > maxSets:
		s.problem(node.Line, fmt.Sprintf("has %d scale sets, and one process serves %d at most", len(node.Content),
			maxSets), "write several files, and run a process for each")
		return nil
	}
	var list []Set
	for i, child := range node.Content {
		set := f.set(child, i, file)
		for _, other := range list {
			f.pair(other, set)
		}
		list = append(list, set)
	}
	return list
}

// pair refuses two sets of one name, since GitHub ignores case, and warns of two with the same labels.
func (f *findings) pair(other, set Set) {
	switch {
	case set.Name != "" && strings.EqualFold(other.Name, set.Name):
		f.refuse(set.Line, fmt.Sprintf("two scale sets are named %q, the other in line %d", set.Name, other.Line),
			"give each a name of its own; case makes no difference")
	case len(set.Labels) > 0 && slices.Equal(folded(other.Labels), folded(set.Labels)):
		f.warn(set.Line, fmt.Sprintf("the scale sets %q and %q have the same labels: a job goes to either", other.Name,
			set.Name), "give each labels of its own")
	}
}

// folded returns labels in lower case, sorted.
func folded(labels []string) []string {
	list := make([]string, len(labels))
	for i, label := range labels {
		list[i] = strings.ToLower(label)
	}
	slices.Sort(list)
	return list
}

// set reads one scale set, the i-th of the list.
func (f *findings) set(node *yaml.Node, i int, file File) Set {
	s := f.section(node, fmt.Sprintf("scale set %d", i+1), node.Line)
	set := Set{Line: s.line, Name: s.text(keyName, nameExample)}
	if s.wrong {
		return set
	}
	switch {
	case set.Name == "":
		s.problem(s.lineOf(keyName), "has no name", nameExample)
	case !IsName(set.Name):
		s.problem(s.lineOf(keyName),
			fmt.Sprintf("has the name %q, which is not 1 to 45 letters, digits, hyphens, dots "+
				"and underscores that begin with a letter or a digit", set.Name), nameExample)
	default:
		s.about = fmt.Sprintf("scale set %q", set.Name)
	}
	s.only(SetKeys, nil)
	set.Labels = s.labels(set.Name)
	set.RunnerGroup = s.group(file.GitHub)
	set.Max, set.Min, set.Warm = s.counts()
	if s.has(keyMachine) {
		set.Machine = f.machine(f.section(s.value[keyMachine], s.about+"'s machine", s.at[keyMachine]), file)
		s.warmMachine(set)
	} else {
		s.problem(s.lineOf(keyMachine), "has no machine", "for example machine: {architecture: amd64, subnet-id: "+
			"subnet-0123456789abcdef0, security-group-id: sg-0123456789abcdef0}")
	}
	return set
}

// labels reads the labels. Without any, the name is the label.
func (s section) labels(name string) []string {
	list := s.texts(keyLabels, labelsExample)
	if len(list) == 0 {
		if node := s.value[keyLabels]; node != nil && len(node.Content) == 0 {
			s.problem(s.at[keyLabels], "has no labels", labelsExample+"; leave labels out and the name is the label")
		}
		if name == "" {
			return nil
		}
		return []string{name}
	}
	line := s.at[keyLabels]
	for i, label := range list {
		switch {
		case strings.TrimSpace(label) != label || label == "":
			s.problem(line, fmt.Sprintf("has the label %q, which is empty or has blanks around it", label),
				labelsExample)
		case strings.ContainsFunc(label, func(c rune) bool { return c == ',' || unicode.IsControl(c) }):
			s.problem(line, fmt.Sprintf("has the label %q, which contains a comma or a control character: GitHub "+
				"would create several labels from it", label), labelsExample)
		case utf8.RuneCountInString(label) > maxLabel:
			s.problem(line, fmt.Sprintf("has a label of %d characters, and GitHub takes %d",
				utf8.RuneCountInString(label), maxLabel), labelsExample)
		case slices.ContainsFunc(list[:i], func(other string) bool { return strings.EqualFold(other, label) }):
			s.problem(line, fmt.Sprintf("has the label %q twice; case makes no difference", label), labelsExample)
		}
	}
	return list
}

// group reads the runner group. A repository has only the default one.
func (s section) group(g GitHub) string {
	name := s.text(keyGroup, "for example runner-group: builders")
	if name != "" && !strings.EqualFold(name, "default") && g.URL != "" && g.Scope().IsRepository() {
		s.problem(s.at[keyGroup],
			fmt.Sprintf("has the runner-group %q, and a repository has none but the default one", name),
			"leave it out, or serve the organization: url: https://github.com/owner")
	}
	return name
}

// counts reads how many machines there may be, idle runners are kept online, and stopped machines are kept.
func (s section) counts() (most, least, warm int) {
	most, ok := s.number(keyMax, 1, maxRunners)
	if !s.has(keyMax) {
		s.problem(s.line, "has no max, the number of machines at the same time", "for example max: 10")
	}
	least, _ = s.number(keyMin, 0, maxRunners)
	warm, _ = s.number(keyWarm, 0, maxRunners)
	for _, count := range []struct {
		key string
		n   int
	}{{keyMin, least}, {keyWarm, warm}} {
		if ok && count.n > most {
			s.problem(s.at[count.key],
				fmt.Sprintf("has %s %d, which is more than its max %d", count.key, count.n, most),
				fmt.Sprintf("%s is at most max", count.key))
		}
	}
	return most, least, warm
}
