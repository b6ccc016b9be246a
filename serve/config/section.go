package config

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/marqo-ai/ec2-github-runner/machine"
)

// section is a mapping of the file, with the line of each key.
type section struct {
	*findings
	about string // in messages: "scale set \"amd64\""; empty for the file itself
	line  int
	keys  []string // in the file's order
	value map[string]*yaml.Node
	wrong bool           // it is no mapping, which was reported
	at    map[string]int // the lines of the keys
}

// section reads a mapping. Anything else is refused, except null, which is an empty mapping.
func (f *findings) section(node *yaml.Node, about string, line int) section {
	s := section{findings: f, about: about, line: line, value: map[string]*yaml.Node{}, at: map[string]int{}}
	for node.Kind == yaml.AliasNode {
		node = node.Alias
	}
	if node.Kind == yaml.MappingNode {
		s.add(node)
	} else if node.ShortTag() != "!!null" {
		s.wrong = true
		s.problem(s.line, fmt.Sprintf("is %s, and a mapping of keys to values is wanted", kindOf(node)),
			"write one key a line, such as max: 10")
	}
	return s
}

// add adds the keys of a mapping and of those merged into it ("<<"). Its own keys override merged ones.
// https://yaml.org/type/merge.html
func (s *section) add(node *yaml.Node) {
	var merged []*yaml.Node
	for i := 0; i+1 < len(node.Content); i += 2 {
		key, value := node.Content[i], node.Content[i+1]
		switch {
		case key.ShortTag() == "!!merge":
			merged = append(merged, value)
		case key.Kind != yaml.ScalarNode:
			s.problem(key.Line, "has a key that is "+kindOf(key), "a key is a name, such as max")
		case s.value[key.Value] == nil:
			s.keys = append(s.keys, key.Value)
			s.value[key.Value], s.at[key.Value] = value, key.Line
		}
	}
	for _, value := range merged {
		for value.Kind == yaml.AliasNode {
			value = value.Alias
		}
		switch value.Kind {
		case yaml.MappingNode:
			s.add(value)
		case yaml.SequenceNode:
			for _, one := range value.Content {
				s.add(&yaml.Node{Kind: yaml.MappingNode, Content: []*yaml.Node{
					{Kind: yaml.ScalarNode, Tag: "!!merge", Value: "<<"}, one,
				}})
			}
		}
	}
}

// problem reports a problem of the section.
func (s section) problem(line int, message, hint string) {
	about := s.about
	if about == "" {
		about = "the file"
	}
	s.refuse(line, about+" "+message, hint)
}

// only refuses unknown keys, and suggests where they belong or what was meant.
func (s section) only(known []string, home map[string]string) {
	for _, key := range s.keys {
		if slices.Contains(known, key) {
			continue
		}
		message := fmt.Sprintf("has no key %q", key)
		hint := elsewhere(key, home)
		if near := machine.Nearest(key, known); hint == "" && near != "" {
			hint = fmt.Sprintf("did you mean %q?", near)
		}
		if hint == "" {
			hint = "its keys are " + strings.Join(known, ", ")
		}
		s.problem(s.at[key], message, hint)
	}
}

// lineOf returns the line of a key, or of the section if the key is missing.
func (s section) lineOf(key string) int {
	if line, ok := s.at[key]; ok {
		return line
	}
	return s.line
}

// has reports whether a key has a value.
func (s section) has(key string) bool {
	node := s.value[key]
	return node != nil && node.ShortTag() != "!!null"
}

// text returns a single value as it is written, without surrounding blanks; "" if there is none.
func (s section) text(key, example string) string {
	node := s.value[key]
	if node == nil {
		return ""
	}
	for node.Kind == yaml.AliasNode {
		node = node.Alias
	}
	switch {
	case node.Kind != yaml.ScalarNode:
		s.problem(s.at[key], fmt.Sprintf("has %s as its %s, and one value is wanted", kindOf(node), key), example)
		return ""
	case node.ShortTag() == "!!null":
		return ""
	}
	return strings.TrimSpace(node.Value)
}

// number returns a whole number from least to most; ok is false if it is missing or refused.
func (s section) number(key string, least, most int) (n int, ok bool) {
	example := fmt.Sprintf("for example %s: %d", key, max(least, 2))
	value := s.text(key, example)
	if value == "" {
		return 0, false
	}
	n, err := strconv.Atoi(value)
	if err != nil || n < least || n > most {
		s.problem(s.at[key],
			fmt.Sprintf("has %s %q, which is not a whole number from %d to %d", key, value, least, most), example)
		return 0, false
	}
	return n, true
}

// texts returns a list of values, or the parts of one comma- or newline-separated value, as in the action's inputs.
func (s section) texts(key, example string) []string {
	node := s.value[key]
	for node != nil && node.Kind == yaml.AliasNode {
		node = node.Alias
	}
	if node == nil || node.Kind != yaml.SequenceNode {
		var list []string
		for _, text := range strings.FieldsFunc(s.text(key, example),
			func(c rune) bool { return c == ',' || c == '\n' }) {
			if text = strings.TrimSpace(text); text != "" {
				list = append(list, text)
			}
		}
		return list
	}
	var list []string
	for _, child := range node.Content {
		for child.Kind == yaml.AliasNode {
			child = child.Alias
		}
		if child.Kind != yaml.ScalarNode {
			s.problem(child.Line, fmt.Sprintf("has %s in its %s, and single values are wanted", kindOf(child), key),
				example)
			continue
		}
		list = append(list, child.Value)
	}
	return list
}

// kindOf names the kind of a node.
func kindOf(node *yaml.Node) string {
	switch node.Kind {
	case yaml.MappingNode:
		return "a mapping"
	case yaml.SequenceNode:
		return "a list"
	}
	return "a single value"
}
