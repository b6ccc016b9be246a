package ec2

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"reflect"
	"strconv"
	"strings"
	"time"
)

// UnknownKeys says what to do with a key that EC2's own type does not have.
type UnknownKeys bool

// Workflows written for machulav/ec2-github-runner may carry unknown keys, which the JavaScript SDK left out silently.
const (
	IgnoreUnknown UnknownKeys = false
	RefuseUnknown UnknownKeys = true
)

// ShapeError says which value of a JSON text does not fit EC2's type.
type ShapeError struct {
	Path string // "[0].Ebs.VolumeSize"
	Want string // "a whole number"
	Got  string
}

func (e *ShapeError) Error() string {
	path := strings.TrimPrefix(e.Path, ".")
	if path == "" {
		path = "the value"
	}
	return fmt.Sprintf("%s must be %s, not %s", path, e.Want, e.Got)
}

// decode reads JSON into a type of the SDK by its API names. Numbers and strings are interchangeable, and so are an
// empty list and an empty object, because on EC2's form-encoded wire they always were.
func decode(text string, into any, unknown UnknownKeys) error {
	tree, err := parse(text)
	if err != nil {
		return err
	}
	return assign(reflect.ValueOf(into).Elem(), tree, "", unknown)
}

func parse(text string) (any, error) {
	if strings.TrimSpace(text) == "" {
		return nil, nil
	}
	reader := json.NewDecoder(bytes.NewReader([]byte(text)))
	reader.UseNumber()
	var tree any
	if err := reader.Decode(&tree); err != nil {
		if errors.Is(err, io.ErrUnexpectedEOF) {
			return nil, fmt.Errorf("%s: the text ends too early", place(text, int64(len(text)), nil))
		}
		return nil, fmt.Errorf("%s: %w", place(text, reader.InputOffset(), err), err)
	}
	if _, err := reader.Token(); !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("%s: more text after the value", place(text, reader.InputOffset(), err))
	}
	return tree, nil
}

// place is where in the text an error is: "line 2, column 7".
func place(text string, offset int64, err error) string {
	if syntax, ok := errors.AsType[*json.SyntaxError](err); ok {
		offset = syntax.Offset - 1
	}
	before := text[:min(max(offset, 0), int64(len(text)))]
	line := strings.Count(before, "\n") + 1
	column := len(before) - strings.LastIndex(before, "\n")
	return fmt.Sprintf("line %d, column %d", line, column)
}

func assign(to reflect.Value, value any, path string, unknown UnknownKeys) error {
	if value == nil {
		return nil
	}
	if to.Type() == reflect.TypeFor[time.Time]() {
		return assignTime(to, value, path)
	}
	switch to.Kind() {
	case reflect.Pointer:
		target := reflect.New(to.Type().Elem())
		if err := assign(target.Elem(), value, path, unknown); err != nil {
			return err
		}
		to.Set(target)
		return nil
	case reflect.Struct:
		return assignStruct(to, value, path, unknown)
	case reflect.Slice:
		return assignSlice(to, value, path, unknown)
	default:
		return assignScalar(to, value, path)
	}
}

func assignStruct(to reflect.Value, value any, path string, unknown UnknownKeys) error {
	if list, ok := value.([]any); ok && len(list) == 0 {
		return nil
	}
	object, ok := value.(map[string]any)
	if !ok {
		return &ShapeError{path, "an object", describe(value)}
	}
	for key, child := range object {
		field, known := to.Type().FieldByName(key)
		if !known || !field.IsExported() || len(field.Index) != 1 {
			if unknown == RefuseUnknown {
				return &ShapeError{path + "." + key, "a parameter that EC2 knows", "an unknown name"}
			}
			continue
		}
		if err := assign(to.FieldByIndex(field.Index), child, path+"."+key, unknown); err != nil {
			return err
		}
	}
	return nil
}

func assignSlice(to reflect.Value, value any, path string, unknown UnknownKeys) error {
	if object, ok := value.(map[string]any); ok && len(object) == 0 {
		return nil
	}
	list, ok := value.([]any)
	if !ok {
		return &ShapeError{path, "a list", describe(value)}
	}
	out := reflect.MakeSlice(to.Type(), len(list), len(list))
	for i, child := range list {
		if err := assign(out.Index(i), child, fmt.Sprintf("%s[%d]", path, i), unknown); err != nil {
			return err
		}
	}
	to.Set(out)
	return nil
}

func assignTime(to reflect.Value, value any, path string) error {
	at, err := time.Parse(time.RFC3339, fmt.Sprint(value))
	if err != nil {
		return &ShapeError{path, "a time such as 2026-01-31T12:00:00Z", describe(value)}
	}
	to.Set(reflect.ValueOf(at))
	return nil
}

// assignScalar sets a string, number or boolean from any of the three.
func assignScalar(to reflect.Value, value any, path string) error {
	switch value.(type) {
	case map[string]any, []any:
		return &ShapeError{path, "a single value", describe(value)}
	}
	text := fmt.Sprint(value)
	switch to.Kind() {
	case reflect.String:
		to.SetString(text)
	case reflect.Bool:
		switch text {
		case "true", "false":
			to.SetBool(text == "true")
		default:
			return &ShapeError{path, "true or false", describe(value)}
		}
	case reflect.Int32, reflect.Int64:
		number, err := strconv.ParseInt(strings.TrimSpace(text), 10, to.Type().Bits())
		if err != nil {
			return &ShapeError{path, "a whole number", describe(value)}
		}
		to.SetInt(number)
	case reflect.Float32, reflect.Float64:
		number, err := strconv.ParseFloat(strings.TrimSpace(text), to.Type().Bits())
		if err != nil {
			return &ShapeError{path, "a number", describe(value)}
		}
		to.SetFloat(number)
	default:
		return &ShapeError{path, "left out: this program cannot send it", describe(value)}
	}
	return nil
}

func describe(value any) string {
	switch v := value.(type) {
	case map[string]any:
		return "an object"
	case []any:
		return "a list"
	case string:
		return strconv.Quote(v)
	default:
		return fmt.Sprint(v)
	}
}
