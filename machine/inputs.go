package machine

import (
	"fmt"
	"strings"
	"unicode"
)

// Inputs is the source that a machine is read from: values by the names of the action's inputs. Values are read as
// machulav/ec2-github-runner reads them, with a warning where it reads them differently from how they are written; only
// what it cannot use is refused. Inputs of this action's own are read strictly.
type Inputs struct {
	// Text returns the value of an input, or its default.
	Text func(name string) string
	// Own reports whether an element of `runners` sets the input itself.
	Own func(name string) bool
	// File returns the content of the file that setup-script names.
	File func(path string) (string, error)
	// Words are the terms that messages use for the surroundings of the inputs.
	Words Words
	// Check parses block-device-mappings, metadata-options or launch-parameters as EC2's type, and returns it as JSON.
	// odd describes the values that were read differently from how they are written.
	Check func(name, text string) (value JSON, odd []string, err error)
	// Refuse adds a problem, with an example of a good value or other advice.
	Refuse func(message, hint string)
	// Warn adds a warning.
	Warn func(format string, args ...any)
}

// Words are the terms that differ between the messages of a step and those of a file of scale sets.
type Words struct {
	Consumer string // what needs the machine: "the 'start' mode"
	Folder   string // where files are: "the workspace"
	FileHint string // what to do about a file that cannot be read
}

// List returns the values of a comma-, space- or newline-separated input.
func (in Inputs) List(name string) []string {
	return strings.FieldsFunc(in.Text(name), func(c rune) bool { return c == ',' || unicode.IsSpace(c) })
}

// Flag reports whether an input is exactly "true".
func (in Inputs) Flag(name string) bool {
	value := in.Text(name)
	if value != "true" && value != "false" {
		in.Warn("The '%s' input is %q, which is read as false; write true or false", name, value)
	}
	return value == "true"
}

// OwnFlag reads a boolean input that machulav's action does not have, strictly.
func (in Inputs) OwnFlag(name string) bool {
	value := in.Text(name)
	if value != "true" && value != "false" {
		in.Refuse(fmt.Sprintf("The '%s' input is %q, which is neither true nor false.", name, value),
			fmt.Sprintf("for example %s: true", name))
	}
	return value == "true"
}

// jsonList reads an input that is a JSON list. machulav's action used the value's length, so it ignored objects,
// numbers and booleans, which have none.
func jsonList[T any](in Inputs, name, example string) []T {
	list, ignored, err := readList[T](in.Text(name))
	if err != nil {
		in.Refuse("Failed to parse "+name+": "+err.Error(), example)
	}
	if ignored != "" {
		in.Warn("The '%s' input is %s and not a list, so it is ignored; write a list, %s", name, ignored, example)
	}
	return list
}

// json reads an input that is a value of EC2's API.
func (in Inputs) json(name, text, example string) JSON {
	value, odd, err := in.Check(name, text)
	if err != nil {
		in.Refuse("Failed to parse "+name+": "+err.Error(), example)
	}
	for _, oddity := range odd {
		in.Warn("In the '%s' input %s; %s", name, oddity, example)
	}
	return value
}

// devices reads block-device-mappings.
func (in Inputs) devices() JSON {
	const name = "block-device-mappings"
	return in.json(name, in.Text(name),
		`for example [{"DeviceName": "/dev/sda1", "Ebs": {"VolumeSize": 100, "VolumeType": "gp3"}}]`)
}

// metadata reads metadata-options.
func (in Inputs) metadata() JSON {
	const name = "metadata-options"
	return in.json(name, in.Text(name), `for example {"HttpTokens": "required", "HttpPutResponseHopLimit": 2}`)
}

// overlay reads launch-parameters, in YAML or JSON.
func (in Inputs) overlay() JSON {
	const name = "launch-parameters"
	const example = "for example launch-parameters: {KeyName: my-key, CreditSpecification: {CpuCredits: standard}}"
	text, err := yamlToJSON(in.Text(name))
	if err != nil {
		in.Refuse("Failed to parse "+name+": "+err.Error(), example)
		return ""
	}
	return in.json(name, text, example)
}

// tags reads the user's tags.
func (in Inputs) tags() []Tag {
	const example = `for example [{"Key": "Name", "Value": "ec2-github-runner"}]`
	var tags []Tag
	for i, tag := range jsonList[struct{ Key, Value loose }](in, "aws-resource-tags", example) {
		if tag.Key == "" {
			in.Refuse(fmt.Sprintf("Failed to parse aws-resource-tags: Missing Key at index %d", i), example)
		}
		tags = append(tags, Tag{Key: string(tag.Key), Value: string(tag.Value)})
	}
	return tags
}

func (in Inputs) packages() []string {
	const example = `for example ["git", "docker.io"]`
	var packages []string
	for i, name := range jsonList[loose](in, "packages", example) {
		if strings.TrimSpace(string(name)) == "" {
			in.Refuse(fmt.Sprintf("Failed to parse packages: the name at index %d is empty", i), example)
		}
		packages = append(packages, string(name))
	}
	return packages
}
