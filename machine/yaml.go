package machine

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"go.yaml.in/yaml/v3"
)

// ReadYAML reads YAML (or JSON) with every scalar as it is written, since an input's value is a text: a label 1.10 is
// not 1.1, and one of 2026-01-01 is no moment in time. Booleans and null stay what they are.
func ReadYAML(text string) (any, error) {
	var whole any
	err := yaml.Unmarshal([]byte(text), &whole) // also what refers to itself, or grows without end
	var document yaml.Node
	if err == nil {
		err = yaml.Unmarshal([]byte(text), &document)
	}
	if err != nil { // as the library has it, without its name
		return nil, errors.New(strings.Join(strings.Fields(strings.TrimPrefix(err.Error(), "yaml: ")), " "))
	}
	if len(document.Content) == 0 {
		return nil, nil
	}
	return ReadNode(document.Content[0])
}

// ReadNode reads a node of a document that refers to no part of itself, as ReadYAML does.
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

// yamlToJSON is YAML as JSON; an empty text stays one.
func yamlToJSON(text string) (string, error) {
	if text == "" {
		return "", nil
	}
	tree, err := ReadYAML(text)
	raw, _ := json.Marshal(tree) // which YAML cannot be, but for what is refused above
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
		return nil, errors.New("a list is wanted")
	}
	elements := make([]map[string]any, len(list))
	for i, value := range list {
		if elements[i], ok = value.(map[string]any); !ok {
			return nil, fmt.Errorf("an object is wanted at index %d", i)
		}
	}
	return elements, nil
}

// Text is the text that an input has in place of a value of YAML: lists of words with commas, unless the input is a
// JSON list, and all else as JSON.
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
	raw, _ := json.Marshal(value) // of texts, booleans, lists and objects alone, which JSON has too
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
