package machine

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"go.yaml.in/yaml/v3"
)

// ReadYAML reads YAML or JSON with each scalar as the text that is written, since inputs are text: a label 1.10 must
// not become 1.1, nor 2026-01-01 a time. Booleans and null are kept.
func ReadYAML(text string) (any, error) {
	var whole any
	err := yaml.Unmarshal([]byte(text), &whole) // refuses aliases that refer to themselves or grow without limit
	var document yaml.Node
	if err == nil {
		err = yaml.Unmarshal([]byte(text), &document)
	}
	if err != nil { // the library's message without its name
		return nil, errors.New(strings.Join(strings.Fields(strings.TrimPrefix(err.Error(), "yaml: ")), " "))
	}
	if len(document.Content) == 0 {
		return nil, nil
	}
	return ReadNode(document.Content[0])
}

// ReadNode reads a node of a document without circular aliases, as ReadYAML does.
func ReadNode(node *yaml.Node) (any, error) {
	switch node.Kind {
	case yaml.AliasNode:
		return ReadNode(node.Alias)
	case yaml.SequenceNode:
		list := make([]any, 0, len(node.Content))
		for _, child := range node.Content {
			value, err := ReadNode(child)
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
			value, err := ReadNode(&child)
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

// yamlToJSON converts YAML to JSON; "" stays "".
func yamlToJSON(text string) (string, error) {
	if text == "" {
		return "", nil
	}
	tree, err := ReadYAML(text)
	raw, _ := json.Marshal(tree) // cannot fail: ReadYAML returns only values that JSON has
	return string(raw), err
}

// ReadElements reads a YAML or JSON list of objects.
func ReadElements(text string) ([]map[string]any, error) {
	tree, err := ReadYAML(text)
	if err != nil {
		return nil, err
	}
	list, ok := tree.([]any)
	if !ok {
		return nil, errors.New("must be a list")
	}
	elements := make([]map[string]any, len(list))
	for i, value := range list {
		if elements[i], ok = value.(map[string]any); !ok {
			return nil, fmt.Errorf("expected an object at index %d", i)
		}
	}
	return elements, nil
}

// Text returns the text of an input for a value of YAML: a list of words is comma-separated, unless the input is a JSON
// list; other lists and objects become JSON.
func Text(name string, value any) string {
	switch v := value.(type) {
	case nil:
		return ""
	case []any:
		if words, ok := allWords(v); ok && name != "packages" {
			return strings.Join(words, ",")
		}
	case map[string]any:
	default:
		return fmt.Sprint(v)
	}
	raw, _ := json.Marshal(value) // cannot fail: ReadYAML returns only values that JSON has
	return string(raw)
}

func allWords(list []any) (words []string, ok bool) {
	for _, value := range list {
		switch value.(type) {
		case map[string]any, []any, nil:
			return nil, false
		}
		words = append(words, fmt.Sprint(value))
	}
	return words, true
}
