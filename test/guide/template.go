package guide

import (
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

// Template is a CloudFormation template; Evaluate knows the functions that ours uses.
// https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/intrinsic-function-reference.html
type Template struct {
	parameters            []string
	defaults              map[string]string
	lists                 map[string]bool
	conditions, resources map[string]yaml.Node
}

// ReadTemplate reads a template from a file.
func ReadTemplate(path string) (*Template, error) {
	raw, err := os.ReadFile(path) //nolint:gosec // a file of the project
	if err != nil {
		return nil, err
	}
	var document struct {
		Parameters map[string]struct {
			Type    string  `yaml:"Type"`
			Default *string `yaml:"Default"`
		} `yaml:"Parameters"`
		Conditions map[string]yaml.Node `yaml:"Conditions"`
		Resources  map[string]yaml.Node `yaml:"Resources"`
	}
	if err := yaml.Unmarshal(raw, &document); err != nil {
		return nil, fmt.Errorf("read template %s: %w", path, err)
	}
	t := &Template{defaults: map[string]string{}, lists: map[string]bool{}, conditions: document.Conditions,
		resources: document.Resources}
	for name, p := range document.Parameters {
		t.parameters = append(t.parameters, name)
		t.lists[name] = p.Type == "CommaDelimitedList"
		if p.Default != nil {
			t.defaults[name] = *p.Default
		}
	}
	slices.Sort(t.parameters)
	return t, nil
}

// Parameters returns the names of the template's parameters.
func (t *Template) Parameters() []string { return t.parameters }

// Evaluate returns, by name, the resources that the template creates with these parameters, with all functions
// evaluated. A reference to another resource becomes NAME or NAME.ATTRIBUTE, a role's ARN the one that AWS would give
// it.
func (t *Template) Evaluate(parameters map[string]string) (map[string]any, error) {
	e := &evaluation{Template: t, values: map[string]string{
		"AWS::Partition": "aws", "AWS::AccountId": "123456789012", "AWS::Region": "us-east-1",
	}}
	for _, name := range t.parameters {
		value, given := parameters[name]
		if !given {
			if value, given = t.defaults[name]; !given {
				return nil, fmt.Errorf("evaluate template: the parameter %s has no value", name)
			}
		}
		e.values[name] = value
	}
	made := map[string]any{}
	for name, node := range t.resources {
		var about struct {
			Condition string `yaml:"Condition"`
		}
		if err := node.Decode(&about); err != nil {
			return nil, fmt.Errorf("evaluate template: %s: %w", name, err)
		}
		if about.Condition != "" && !e.holds(about.Condition) {
			continue
		}
		made[name] = e.value(&node)
	}
	if e.err != nil {
		return nil, fmt.Errorf("evaluate template: %w", e.err)
	}
	return made, nil
}

// Policies returns, by name, the policies of the template's role with these parameters, as JSON.
func (t *Template) Policies(parameters map[string]string) (map[string]json.RawMessage, error) {
	made, err := t.Evaluate(parameters)
	if err != nil {
		return nil, err
	}
	policies := map[string]json.RawMessage{}
	role, _ := made["Role"].(map[string]any)
	properties, _ := role["Properties"].(map[string]any)
	attached, _ := properties["ManagedPolicyArns"].([]any)
	for _, name := range attached {
		resource, _ := made[fmt.Sprint(name)].(map[string]any)
		body, _ := resource["Properties"].(map[string]any)
		if resource["Type"] != "AWS::IAM::ManagedPolicy" || body["PolicyDocument"] == nil {
			return nil, fmt.Errorf("evaluate template: the role has %v, which is not a policy of the template", name)
		}
		if policies[fmt.Sprint(name)], err = json.Marshal(body["PolicyDocument"]); err != nil {
			return nil, fmt.Errorf("evaluate template: %w", err)
		}
	}
	return policies, nil
}

// evaluation is a template with parameter values.
type evaluation struct {
	*Template
	values map[string]string
	err    error // the first error
}

// nothing is AWS::NoValue: a list element or property that is left out.
type nothing struct{}

func (e *evaluation) fail(node *yaml.Node, format string, args ...any) any {
	if e.err == nil {
		e.err = fmt.Errorf("line %d: "+format, append([]any{node.Line}, args...)...)
	}
	return nothing{}
}

// value evaluates a node. A function is a tag (!If) or a mapping with one key (Fn::If).
func (e *evaluation) value(node *yaml.Node) any {
	if name, isFunction := strings.CutPrefix(node.Tag, "!"); isFunction && !strings.HasPrefix(node.Tag, "!!") {
		return e.call(name, node)
	}
	switch node.Kind {
	case yaml.MappingNode:
		if name, isFunction := strings.CutPrefix(node.Content[0].Value, "Fn::"); isFunction && len(node.Content) == 2 {
			return e.call(name, node.Content[1])
		}
		m := map[string]any{}
		for i := 0; i < len(node.Content); i += 2 {
			if value := e.value(node.Content[i+1]); !isNothing(value) {
				m[node.Content[i].Value] = value
			}
		}
		return m
	case yaml.SequenceNode:
		list := []any{}
		for _, each := range node.Content {
			if value := e.value(each); !isNothing(value) {
				list = append(list, value)
			}
		}
		return list
	default:
		return node.Value
	}
}

func isNothing(value any) bool {
	_, is := value.(nothing)
	return is
}

func (e *evaluation) call(name string, node *yaml.Node) any {
	switch name {
	case "Ref":
		return e.ref(node)
	case "GetAtt":
		return e.attribute(node)
	case "GetAZs":
		return []any{"us-east-1a", "us-east-1b"}
	case "Sub":
		return e.sub(node)
	case "If":
		if e.holds(node.Content[0].Value) {
			return e.value(node.Content[1])
		}
		return e.value(node.Content[2])
	case "Join":
		parts := []string{}
		for _, part := range e.list(node.Content[1]) {
			parts = append(parts, fmt.Sprint(part))
		}
		return strings.Join(parts, node.Content[0].Value)
	case "Split":
		parts := []any{}
		for part := range strings.SplitSeq(fmt.Sprint(e.value(node.Content[1])), node.Content[0].Value) {
			parts = append(parts, part)
		}
		return parts
	case "Select":
		list := e.list(node.Content[1])
		if index := node.Content[0].Value; index == "0" || index == "1" && len(list) > 1 {
			return list[map[string]int{"0": 0, "1": 1}[index]]
		}
	}
	return e.fail(node, "unknown function %s, or unknown arguments of it", name)
}

// attribute evaluates !GetAtt NAME.ATTRIBUTE: a role's ARN as AWS would give it, anything else as written.
func (e *evaluation) attribute(node *yaml.Node) any {
	name, attribute, _ := strings.Cut(node.Value, ".")
	resource, known := e.resources[name]
	var about struct {
		Type string `yaml:"Type"`
	}
	if !known || resource.Decode(&about) != nil {
		return e.fail(node, "there is no %s", name)
	}
	if about.Type == "AWS::IAM::Role" && attribute == "Arn" {
		return "arn:aws:iam::123456789012:role/" + name
	}
	return node.Value
}

func (e *evaluation) list(node *yaml.Node) []any {
	list, isList := e.value(node).([]any)
	if !isList {
		e.fail(node, "this is not a list")
	}
	return list
}

func (e *evaluation) ref(node *yaml.Node) any {
	value, known := e.values[node.Value]
	switch {
	case node.Value == "AWS::NoValue":
		return nothing{}
	case known && e.lists[node.Value]:
		list := []any{}
		for each := range strings.SplitSeq(value, ",") {
			list = append(list, strings.TrimSpace(each))
		}
		return list
	case known:
		return value
	}
	if _, isResource := e.resources[node.Value]; isResource {
		return node.Value
	}
	return e.fail(node, "there is no %s", node.Value)
}

// sub evaluates !Sub TEXT and !Sub [TEXT, {NAME: VALUE}].
func (e *evaluation) sub(node *yaml.Node) any {
	text, values := node, map[string]string{}
	if node.Kind == yaml.SequenceNode {
		text = node.Content[0]
		for i := 0; i < len(node.Content[1].Content); i += 2 {
			values[node.Content[1].Content[i].Value] = fmt.Sprint(e.value(node.Content[1].Content[i+1]))
		}
	}
	rest, made := text.Value, ""
	for {
		before, after, found := strings.Cut(rest, "${")
		if !found {
			return made + before
		}
		name, tail, _ := strings.Cut(after, "}")
		value, known := values[name]
		if !known {
			if value, known = e.values[name]; !known {
				_, known = e.resources[name]
				value = name
			}
			if !known {
				return e.fail(node, "there is no %s", name)
			}
		}
		made, rest = made+before+value, tail
	}
}

// holds evaluates a named condition.
func (e *evaluation) holds(name string) bool {
	node, known := e.conditions[name]
	if !known {
		e.err = fmt.Errorf("there is no condition %s", name)
		return false
	}
	return e.truth(&node)
}

func (e *evaluation) truth(node *yaml.Node) bool {
	switch node.Tag {
	case "!Equals":
		return fmt.Sprint(e.value(node.Content[0])) == fmt.Sprint(e.value(node.Content[1]))
	case "!Not":
		return !e.truth(node.Content[0])
	case "!Condition":
		return e.holds(node.Value)
	}
	e.fail(node, "unknown condition %s", node.Tag)
	return false
}
