package simulator

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
)

// Policy states what callers may do. Actions are written as in IAM, "ec2:RunInstances", with wildcards. Deny beats
// Allow. With neither Allow nor Document everything is allowed.
type Policy struct {
	Allow []string `yaml:"allow"`
	Deny  []string `yaml:"deny"`
	// Document is an IAM policy in JSON, of which the world knows Effect, Action, NotAction, Resource and Condition
	// with the operators of conditionOperators. What it does not know is an error.
	// https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic.html
	Document string `yaml:"document"`
	// ForbiddenTags are patterns of tag keys that an organization's tag policy refuses: TagPolicyViolation.
	ForbiddenTags []string `yaml:"forbidden-tags"`

	statements []statement
}

// statement is one statement of an IAM policy.
type statement struct {
	Sid, Effect                 string
	Action, NotAction, Resource texts
	Condition                   map[string]map[string]texts
}

// texts is a list that IAM lets be written as a single text.
type texts []string

func (t *texts) UnmarshalJSON(raw []byte) error {
	var one string
	if json.Unmarshal(raw, &one) == nil {
		*t = texts{one}
		return nil
	}
	return json.Unmarshal(raw, (*[]string)(t))
}

// request is the context of a call: condition keys with their values.
type request map[string][]string

// load reads the document.
func (p *Policy) load() error {
	if p.Document == "" {
		return nil
	}
	var doc struct {
		Version, ID string
		Statement   []statement
	}
	decoder := json.NewDecoder(strings.NewReader(p.Document))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&doc); err != nil {
		return fmt.Errorf("read policy document: %w", err)
	}
	for _, s := range doc.Statement {
		if s.Effect != "Allow" && s.Effect != "Deny" {
			return fmt.Errorf("read policy document: effect %q", s.Effect)
		}
		for operator := range s.Condition {
			if !slices.Contains(conditionOperators, operator) {
				return fmt.Errorf("read policy document: condition operator %s is not known", operator)
			}
		}
	}
	p.statements = doc.Statement
	return nil
}

// decision is what one policy says of a call. The zero value allows it.
type decision int

const (
	allows decision = iota
	deniesImplicitly
	deniesExplicitly
)

// decide returns what the policy says of an action on a resource (an ARN, or "*" for actions without).
// https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic_AccessPolicyLanguage_Interplay.html
func (p *Policy) decide(action, resource string, r request) decision {
	for _, d := range p.Deny {
		if wildcard(d, action) {
			return deniesExplicitly
		}
	}
	allowed := len(p.Allow) == 0 && p.Document == ""
	for _, a := range p.Allow {
		allowed = allowed || wildcard(a, action)
	}
	for n := range p.statements {
		s := &p.statements[n]
		if !s.fits(action, resource, r) {
			continue
		}
		if s.Effect == "Deny" {
			return deniesExplicitly
		}
		allowed = true
	}
	if !allowed {
		return deniesImplicitly
	}
	return allows
}

// allowsSome reports whether anything in the policy allows.
func (p *Policy) allowsSome() bool {
	return len(p.Allow) > 0 || slices.ContainsFunc(p.statements, func(s statement) bool { return s.Effect == "Allow" })
}

func (s *statement) fits(action, resource string, r request) bool {
	among := func(patterns texts, text string) bool {
		return slices.ContainsFunc(patterns,
			func(p string) bool { return wildcard(strings.ToLower(p), strings.ToLower(text)) })
	}
	if len(s.NotAction) > 0 {
		if among(s.NotAction, action) {
			return false
		}
	} else if !among(s.Action, action) {
		return false
	}
	if resource != "*" && !among(s.Resource, resource) || resource == "*" && !slices.Contains(s.Resource, "*") {
		return false
	}
	for operator, keys := range s.Condition {
		for key, wanted := range keys {
			if !holds(operator, r.values(key), wanted) {
				return false
			}
		}
	}
	return true
}

// values looks a condition key up; keys do not differ by case.
func (r request) values(key string) []string {
	for k, v := range r {
		if strings.EqualFold(k, key) {
			return v
		}
	}
	return nil
}

// conditionOperators:
// https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_condition_operators.html
var conditionOperators = []string{
	"StringEquals", "StringEqualsIgnoreCase", "StringLike", "StringNotEquals", "StringNotLike", "StringEqualsIfExists",
	"StringLikeIfExists",
	"ForAllValues:StringEquals", "ForAllValues:StringLike", "ForAnyValue:StringEquals", "ForAnyValue:StringLike",
	"ArnEquals", "ArnLike", "Null", "Bool",
}

func holds(operator string, values []string, wanted texts) bool {
	like := strings.Contains(operator, "Like") || strings.HasPrefix(operator, "Arn")
	fits := func(v string) bool {
		return slices.ContainsFunc(wanted, func(w string) bool {
			return w == v || (like && wildcard(w, v)) || (operator == "StringEqualsIgnoreCase" &&
				strings.EqualFold(w, v))
		})
	}
	switch {
	case operator == "Null":
		return slices.Contains(wanted, "true") == (len(values) == 0)
	case strings.HasPrefix(operator, "ForAllValues:"):
		return !slices.ContainsFunc(values, func(v string) bool { return !fits(v) })
	case strings.HasPrefix(operator, "StringNot"):
		return !slices.ContainsFunc(values, fits)
	case strings.HasSuffix(operator, "IfExists") && len(values) == 0:
		return true
	}
	return slices.ContainsFunc(values, fits)
}
