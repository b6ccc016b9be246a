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

// JSON is a value of EC2's API in JSON, with the API's names; "" if there is none.
type JSON string

// value returns a field of an object, or nil.
func (j JSON) value(name string) json.RawMessage {
	var object map[string]json.RawMessage
	_ = json.Unmarshal([]byte(j), &object) // other values have no fields
	return object[name]
}

// Has reports whether at least one of the names has a value.
func (j JSON) Has(names ...string) bool {
	for _, name := range names {
		if raw := string(j.value(name)); raw != "" && raw != "null" && raw != `""` {
			return true
		}
	}
	return false
}

// JSONPlace returns the position of an error in a JSON text, as in " (line 2, column 7)", or "" if it is not known.
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

// PlainNumber writes a JSON number without zeros as decimals and without an exponent, as JavaScript does up to 1e21.
func PlainNumber(literal string) string {
	number, err := strconv.ParseFloat(literal, 64)
	if err != nil || !strings.ContainsAny(literal, ".eE") || math.Abs(number) >= 1e21 {
		return literal
	}
	return strconv.FormatFloat(number, 'f', -1, 64)
}

// loose is a JSON value as text: EC2's API does not distinguish "100" from 100.
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
		return fmt.Errorf("expected a single value, not %s", raw)
	case json.Number:
		*l = loose(PlainNumber(v.String()))
	default:
		*l = loose(fmt.Sprint(value))
	}
	return nil
}

// readList reads a JSON list; an empty text and an empty object are read as an empty list. With an error, list holds
// what could be read. ignored describes a value that is not a list, as in "an object".
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

// shapeError replaces an error about Go types by one about JSON.
func shapeError(element []byte, err error) error {
	if _, ok := errors.AsType[*json.UnmarshalTypeError](err); ok {
		return fmt.Errorf("expected an object, not %s", element)
	}
	return err
}

var errNotAList = errors.New("must be a JSON array")

func isEmptyObject(raw []byte) bool {
	var object map[string]json.RawMessage
	return json.Unmarshal(raw, &object) == nil && len(object) == 0
}
