package action

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/marqo-ai/ec2-github-runner/runner"
)

// place is where in a JSON text an error is.
func place(text string, err error) string {
	offset := int64(-1)
	if syntax, ok := errors.AsType[*json.SyntaxError](err); ok {
		offset = syntax.Offset - 1
	}
	if shape, ok := errors.AsType[*json.UnmarshalTypeError](err); ok {
		offset = shape.Offset - 1
	}
	if errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, io.EOF) {
		offset = int64(len(text))
	}
	if offset < 0 {
		return ""
	}
	before := text[:min(offset, int64(len(text)))]
	return fmt.Sprintf(" (line %d, column %d)", strings.Count(before, "\n")+1, len(before)-strings.LastIndex(before, "\n"))
}

// loose is a JSON value of which only the text counts: on EC2's wire "100" and 100 are the same.
type loose string

// UnmarshalJSON implements json.Unmarshaler.
func (l *loose) UnmarshalJSON(raw []byte) error {
	var value any
	decoder := json.NewDecoder(strings.NewReader(string(raw)))
	decoder.UseNumber()
	if err := decoder.Decode(&value); err != nil {
		return err
	}
	switch v := value.(type) {
	case nil:
		*l = ""
	case map[string]any, []any:
		return fmt.Errorf("a single value is wanted, not %s", raw)
	case json.Number:
		*l = loose(runner.PlainNumber(v.String()))
	default:
		*l = loose(fmt.Sprint(value))
	}
	return nil
}

// jsonList reads an input that is a JSON list. machulav's action asked for the list's length, which an object, a number
// and a boolean do not have: it ignored them.
func jsonList[T any](r *reader, name, example string) []T {
	list, ignored, err := readList[T](r.text(name))
	if err != nil {
		r.refuse("Failed to parse "+name+": "+err.Error(), example)
	}
	if ignored != "" {
		r.warn("The '%s' input is %s and not a list, so it is ignored; write a list, %s", name, ignored, example)
	}
	return list
}

// readList reads a JSON list; an empty text and an empty object stand for an empty list. With an error the list holds
// what could be read. Ignored is what the value is that has no length: "an object".
func readList[T any](text string) (list []T, ignored string, err error) {
	var raw json.RawMessage
	if strings.TrimSpace(text) == "" {
		return nil, "", nil
	}
	if err := json.Unmarshal([]byte(text), &raw); err != nil {
		return nil, "", fmt.Errorf("%w%s", err, place(text, err))
	}
	switch {
	case string(raw) == "null" || isEmptyObject(raw):
		return nil, "", nil
	case raw[0] == '{':
		return nil, "an object", nil
	case raw[0] != '[' && (raw[0] != '"' || string(raw) == `""`):
		return nil, string(raw), nil
	}
	var elements []json.RawMessage
	if err := json.Unmarshal(raw, &elements); err != nil {
		return nil, "", errNotAList
	}
	list = make([]T, len(elements))
	var wrong []string
	for i, element := range elements {
		if err := json.Unmarshal(element, &list[i]); err != nil {
			wrong = append(wrong, fmt.Sprintf("%v at index %d", shapeError(element, err), i))
		}
	}
	if len(wrong) > 0 {
		return list, "", errors.New(strings.Join(wrong, "; "))
	}
	return list, "", nil
}

// oddities warns of what a lenient reading of an input has taken otherwise than it is written.
func (r *reader) oddities(name string, odd []string, example string) {
	for _, text := range odd {
		r.warn("In the '%s' input %s; %s", name, text, example)
	}
}

// devices reads block-device-mappings.
func (r *reader) devices() runner.BlockDevices {
	const name, example = "block-device-mappings",
		`for example [{"DeviceName": "/dev/sda1", "Ebs": {"VolumeSize": 100, "VolumeType": "gp3"}}]`
	devices, odd, err := runner.ParseBlockDevices(r.text(name))
	if err != nil {
		r.refuse("Failed to parse "+name+": "+err.Error(), example)
	}
	r.oddities(name, odd, example)
	return devices
}

// metadata reads metadata-options.
func (r *reader) metadata() runner.MetadataOptions {
	const name, example = "metadata-options", `for example {"HttpTokens": "required", "HttpPutResponseHopLimit": 2}`
	options, odd, err := runner.ParseMetadataOptions(r.text(name))
	if err != nil {
		r.refuse("Failed to parse "+name+": "+err.Error(), example)
	}
	r.oddities(name, odd, example)
	return options
}

// shapeError says in JSON's words what Go says in its own.
func shapeError(element []byte, err error) error {
	if _, ok := errors.AsType[*json.UnmarshalTypeError](err); ok {
		return fmt.Errorf("an object is wanted, not %s", element)
	}
	return err
}

var errNotAList = errors.New("must be a JSON array")

func isEmptyObject(raw []byte) bool {
	var object map[string]json.RawMessage
	return json.Unmarshal(raw, &object) == nil && len(object) == 0
}
