package main

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// The groups of a CloudFormation template's policies: one that is always granted, and those that a parameter enables.
const (
	groupRunners  = "runners"
	groupImages   = "images"
	groupPool     = "pool"
	groupExisting = "existing"
	groupRole     = "machine-role"
	groupKeys     = "keys"

	// The program of scale sets has its own role, and so its own template.
	groupServe     = "serve"
	groupServeWarm = "serve-warm"
	groupServeRole = "serve-machine-role"
	groupServeKeys = "serve-keys"
)

// template is a file of docs/aws, with the groups of its policies and a function that returns the group of a right, ""
// if the template does not contain it.
type template struct {
	groups []string
	of     func(r right) string
}

var templates = map[string]template{
	"ec2-github-runner.yml": {[]string{groupRunners, groupImages, groupPool, groupExisting, groupRole, groupKeys},
		groupOf},
	"scale-sets.yml": {[]string{groupServe, groupServeWarm, groupServeRole, groupServeKeys}, serveGroupOf},
}

// existingTag is the key of the tag on machines that the template lets a start use. A template cannot use a parameter
// as a condition's key.
const existingTag = "github-runner"

// serveGroupOf returns the group of a right in the template of scale sets.
func serveGroupOf(r right) string {
	if !slices.Contains(r.modes, modeServe) {
		return ""
	}
	switch r.feature {
	case warm:
		return groupServeWarm
	case role:
		return groupServeRole
	case keys:
		return groupServeKeys
	}
	return groupServe
}

// groupOf returns the group of a right in the repository's template. What several modes share is always granted. Rights
// that only scale sets need are in no group.
func groupOf(r right) string {
	switch {
	case r.feature == served, !slices.ContainsFunc(r.modes, func(mode string) bool { return mode != modeServe }):
		return ""
	case r.feature == role:
		return groupRole
	case r.feature == keys:
		return groupKeys
	case r.feature == kept:
		return groupExisting
	case r.feature == warm, !slices.ContainsFunc(r.modes, func(mode string) bool { return mode != "pool" }):
		return groupPool
	case !slices.ContainsFunc(r.modes, func(mode string) bool { return mode != "bake" }):
		return groupImages
	}
	return groupRunners
}

// granted returns the statements of a group.
func (t template) granted(group string) []statement {
	var list []statement
	for _, r := range rights {
		if t.of(r) == group {
			s := r.statement
			s.Effect = "Allow"
			list = append(list, s)
		}
	}
	return list
}

// stack returns the text of a template in which the statements between the marks of each group are replaced.
func (t template) stack(text string) (string, error) {
	for _, group := range t.groups {
		opening, closing := "          # statements: "+group+"\n", "          # /statements: "+group+"\n"
		head, rest, opened := strings.Cut(text, opening)
		_, tail, closed := strings.Cut(rest, closing)
		if !opened || !closed {
			return "", fmt.Errorf("write template: no marks for %s", group)
		}
		var b strings.Builder
		for _, s := range t.granted(group) {
			writeStatement(&b, s)
		}
		text = head + opening + b.String() + closing + tail
	}
	return text, nil
}

// writeStatement writes a statement as YAML, with CloudFormation functions for what differs by account.
func writeStatement(b *strings.Builder, s statement) {
	const indent = "            "
	fmt.Fprintf(b, "          - Sid: %s\n%sEffect: %s\n", s.Sid, indent, s.Effect)
	list := func(name string, values []string) {
		fmt.Fprintf(b, "%s%s:\n", indent, name)
		for _, value := range values {
			fmt.Fprintf(b, "%s  - %s\n", indent, scalar(value))
		}
	}
	list("Action", s.Action)
	if slices.Equal(s.Resource, []string{kmsKey}) {
		fmt.Fprintf(b, "%sResource: !Ref KmsKeyArns\n", indent)
	} else {
		list("Resource", s.Resource)
	}
	if len(s.Condition) == 0 {
		return
	}
	fmt.Fprintf(b, "%sCondition:\n", indent)
	for _, operator := range slices.Sorted(maps.Keys(s.Condition)) {
		fmt.Fprintf(b, "%s  %s:\n", indent, operator)
		for _, key := range slices.Sorted(maps.Keys(s.Condition[operator])) {
			switch value := s.Condition[operator][key].(type) {
			case []string:
				fmt.Fprintf(b, "%s    %s:\n", indent, quoted(key))
				for _, each := range value {
					fmt.Fprintf(b, "%s      - %s\n", indent, scalar(each))
				}
			default:
				key = strings.Replace(key, keptKey, existingTag, 1)
				fmt.Fprintf(b, "%s    %s: %s\n", indent, quoted(key), scalar(fmt.Sprint(value)))
			}
		}
	}
}

// scalar returns a string of the policy as the template writes it.
func scalar(value string) string {
	switch value {
	case ownerRepo:
		return "!Ref Repository"
	case scopeName:
		return "!Ref Scope"
	case keptValue:
		return "!Ref ExistingTagValue"
	case accountID:
		return "!Ref AWS::AccountId"
	}
	if value == "arn:aws:iam::"+accountID+":role/"+machineRole {
		return "!GetAtt MachineRole.Arn"
	}
	other := strings.NewReplacer("arn:aws:", "arn:${AWS::Partition}:", "::"+accountID+":",
		"::${AWS::AccountId}:").Replace(value)
	if other != value {
		return "!Sub " + quoted(other)
	}
	return quoted(value)
}

// quoted returns a YAML string in double quotes, which are the same as JSON's.
func quoted(value string) string {
	var b strings.Builder
	encoder := json.NewEncoder(&b)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(value); err != nil {
		panic(err) // cannot fail for a string
	}
	return strings.TrimSuffix(b.String(), "\n")
}
