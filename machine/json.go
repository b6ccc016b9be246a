package machine

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"strconv"
	"strings"
)

// JSON is a value of EC2's API by its API names, as EC2's own types write it; empty where nothing is given.
type JSON string

// value is the field of an object, empty where there is none.
func (j JSON) value(name string) json.RawMessage {
	var object map[string]json.RawMessage
	_ = json.Unmarshal([]byte(j), &object) // what is no object has no fields
	return object[name]
}

// Has reports whether one of the names is given.
func (j JSON) Has(names ...string) bool {
	for _, name := range names {
		if raw := string(j.value(name)); raw != "" && raw != "null" && raw != `""` {
			return true
		}
	}
	return false
}

// JSONPlace says where in a JSON text an error is: " (line 2, column 7)", or nothing where the error does not say it.
func JSONPlace(text string, err error) string {
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
	return fmt.Sprintf(" (line %d, column %d)", strings.Count(before, "\n")+1, len(before)-strings.LastIndex(before,
		"\n"))
}

// PlainNumber writes a JSON number without a fraction of zeros and without an exponent, as JavaScript does up to 1e21.
func PlainNumber(literal string) string {
	number, err := strconv.ParseFloat(literal, 64)
	if err != nil || !strings.ContainsAny(literal, ".eE") || math.Abs(number) >= 1e21 {
		return literal
	}
	return strconv.FormatFloat(number, 'f', -1, 64)
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
		*l = loose(PlainNumber(v.String()))
	default:
		*l = loose(fmt.Sprint(value))
	}
	return nil
}

// readList reads a JSON list; an empty text and an empty object stand for an empty list. With an error the list holds
// what could be read. Ignored describes a value that has no length: "an object".
func readList[T any](text string) (list []T, ignored string, err error) {
	var raw json.RawMessage
	if strings.TrimSpace(text) == "" {
		return nil, "", nil
	}
	if err := json.Unmarshal([]byte(text), &raw); err != nil {
		return nil, "", fmt.Errorf("%w%s", err, JSONPlace(text, err))
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

// shapeError says in JSON's terms what encoding/json says in Go's.
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
