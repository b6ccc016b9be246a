package action

import (
	"fmt"

	"go.yaml.in/yaml/v3"
)

// readYAML reads YAML (or JSON) with every scalar as it is written, since an input's value is a text: a label 1.10 is
// not 1.1, and one of 2026-01-01 is no moment in time. Booleans and nothing stay what they are.
func readYAML(text string) (any, error) {
	var whole any
	if err := yaml.Unmarshal([]byte(text), &whole); err != nil { // also what refers to itself, or grows without end
		return nil, err
	}
	var document yaml.Node
	if err := yaml.Unmarshal([]byte(text), &document); err != nil {
		return nil, err
	}
	if len(document.Content) == 0 {
		return nil, nil
	}
	return literal(document.Content[0])
}

func literal(node *yaml.Node) (any, error) {
	switch node.Kind {
	case yaml.AliasNode:
		return literal(node.Alias)
	case yaml.SequenceNode:
		list := make([]any, 0, len(node.Content))
		for _, child := range node.Content {
			value, err := literal(child)
			if err != nil {
				return nil, err
			}
			list = append(list, value)
		}
		return list, nil
	case yaml.MappingNode:
		var children map[string]yaml.Node // decoded, so that merge keys are merged
		if err := node.Decode(&children); err != nil {
			return nil, err
		}
		object := map[string]any{}
		for key, child := range children {
			value, err := literal(&child)
			if err != nil {
				return nil, err
			}
			object[key] = value
		}
		return object, nil
	}
	switch node.ShortTag() {
	case "!!null":
		return nil, nil
	case "!!bool":
		var value bool
		err := node.Decode(&value)
		return value, err
	}
	return node.Value, nil
}

// objects are the elements of a list, each of which must be an object.
func objects(tree any) ([]map[string]any, error) {
	list, ok := tree.([]any)
	if !ok {
		return nil, fmt.Errorf("a list is wanted")
	}
	elements := make([]map[string]any, 0, len(list))
	for i, value := range list {
		element, ok := value.(map[string]any)
		if !ok {
			return nil, fmt.Errorf("an object is wanted at index %d", i)
		}
		elements = append(elements, element)
	}
	return elements, nil
}
