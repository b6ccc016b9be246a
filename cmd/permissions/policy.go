package main

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
)

// statement is a statement of an IAM policy; the program's statements all have the effect Allow.
// https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_grammar.html
type statement struct {
	Sid       string
	Effect    string
	Action    []string
	Resource  []string
	Condition map[string]map[string]any `json:",omitempty"`
}

type policy struct {
	Version   string
	Statement []statement
}

// policyVersion is the version of the policy language.
const policyVersion = "2012-10-17"

// least returns the least-privilege policy for some modes and features, in the order of the table.
func least(modes, features []string) (policy, error) {
	if err := known(modes, features); err != nil {
		return policy{}, err
	}
	p := policy{Version: policyVersion}
	for _, r := range rights {
		if !slices.ContainsFunc(r.modes, func(mode string) bool { return slices.Contains(modes, mode) }) {
			continue
		}
		if r.feature != always && !slices.Contains(features, r.feature) {
			continue
		}
		s := r.statement
		s.Effect = "Allow"
		p.Statement = append(p.Statement, s)
	}
	return p, nil
}

// known returns an error if a mode or a feature does not exist.
func known(wantedModes, wantedFeatures []string) error {
	for _, name := range wantedModes {
		if !slices.Contains(modeNames(), name) {
			return fmt.Errorf("choose modes: %q is none of %s", name, strings.Join(modeNames(), ", "))
		}
	}
	for _, name := range wantedFeatures {
		if !slices.Contains(featureNames(), name) {
			return fmt.Errorf("choose features: %q is none of %s", name, strings.Join(featureNames(), ", "))
		}
	}
	return nil
}

func modeNames() []string {
	var names []string
	for _, m := range modes {
		names = append(names, m.name)
	}
	return names
}

func featureNames() []string {
	var names []string
	for _, f := range features {
		names = append(names, f.name)
	}
	return names
}

// text returns the policy as JSON, with values for the placeholders.
func (p policy) text(with map[string]string) (string, error) {
	raw, err := json.MarshalIndent(p, "", "  ")
	if err != nil {
		return "", fmt.Errorf("write policy: %w", err)
	}
	text := string(raw)
	for placeholder, value := range with {
		if value != "" {
			text = strings.ReplaceAll(text, placeholder, value)
		}
	}
	return text + "\n", nil
}
