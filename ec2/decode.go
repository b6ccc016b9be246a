package ec2

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/marqo-ai/ec2-github-runner/machine"
)

// reading is how strictly JSON is read.
type reading bool

// machulav/ec2-github-runner's inputs are read as JavaScript and its SDK did: unknown keys were dropped silently, a
// value that was not a list had no length, and a list had none of an object's fields.
const (
	lenient reading = false
	strict  reading = true
)

// shapeError reports a value of a JSON text that does not fit EC2's type.
type shapeError struct {
	Path string // as in "[0].Ebs.VolumeSize"
	Want string // as in "a whole number"
	Got  string
}

func (e *shapeError) Error() string {
	return fmt.Sprintf("%s must be %s, not %s", named(e.Path), e.Want, e.Got)
}

// decode reads JSON into a type of the SDK by its API names. Numbers and strings are interchangeable, and so are an
// empty list and an empty object, since EC2's form encoding does not distinguish them. odd describes values that a
// lenient reading has read differently: "[0].Ebs is a list and not an object, so it is ignored".
func decode(text string, into any, how reading) (odd []string, err error) {
	tree, err := parse(text)
	if err != nil {
		return nil, err
	}
	d := &decoder{how: how}
	err = d.assign(reflect.ValueOf(into).Elem(), tree, "")
	return d.odd, err
}

// decoder is the state of one decode.
type decoder struct {
	how reading
	odd []string
}

// ignored reports whether a value of the wrong shape is to be ignored, and notes it: if the reading is lenient and
// JavaScript would not have failed. A non-empty string has a length, so it is not taken as an empty list.
func (d *decoder) ignored(value any, path, want string) bool {
	if _, isText := value.(string); d.how == strict || isText && value != "" {
		return false
	}
	d.odd = append(d.odd, fmt.Sprintf("%s is %s and not %s, so it is ignored", named(path), describe(value), want))
	return true
}

// named returns a path for a message.
func named(path string) string {
	return cmp.Or(strings.TrimPrefix(path, "."), "the value")
}

// parse parses JSON, with numbers as json.Number.
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

// place returns the position of an error, as in "line 2, column 7".
func place(text string, offset int64, err error) string {
	if syntax, ok := errors.AsType[*json.SyntaxError](err); ok {
		offset = syntax.Offset - 1
	}
	before := text[:min(max(offset, 0), int64(len(text)))]
	line := strings.Count(before, "\n") + 1
	column := len(before) - strings.LastIndex(before, "\n")
	return fmt.Sprintf("line %d, column %d", line, column)
}

// assign sets a value of the SDK from a value of JSON.
func (d *decoder) assign(to reflect.Value, value any, path string) error {
	if value == nil {
		return nil
	}
	if to.Type() == reflect.TypeFor[time.Time]() {
		return assignTime(to, value, path)
	}
	switch to.Kind() {
	case reflect.Pointer:
		target := reflect.New(to.Type().Elem())
		if err := d.assign(target.Elem(), value, path); err != nil {
			return err
		}
		to.Set(target)
		return nil
	case reflect.Struct:
		return d.assignStruct(to, value, path)
	case reflect.Slice:
		return d.assignSlice(to, value, path)
	default:
		return d.assignScalar(to, value, path)
	}
}

func (d *decoder) assignStruct(to reflect.Value, value any, path string) error {
	if list, ok := value.([]any); ok && len(list) == 0 {
		return nil
	}
	object, ok := value.(map[string]any)
	switch {
	case ok:
	case d.ignored(value, path, "an object"):
		return nil
	default:
		return &shapeError{path, "an object", describe(value)}
	}
	for _, key := range slices.Sorted(maps.Keys(object)) {
		child := object[key]
		field, known := to.Type().FieldByName(key)
		if !known || !field.IsExported() || len(field.Index) != 1 {
			if d.how == strict {
				return fmt.Errorf("%s is not a parameter that EC2 knows", named(path+"."+key))
			}
			continue
		}
		if err := d.assign(to.FieldByIndex(field.Index), child, path+"."+key); err != nil {
			return err
		}
	}
	return nil
}

func (d *decoder) assignSlice(to reflect.Value, value any, path string) error {
	if object, ok := value.(map[string]any); ok && len(object) == 0 {
		return nil
	}
	list, ok := value.([]any)
	switch {
	case ok:
	case d.ignored(value, path, "a list"):
		return nil
	default:
		return &shapeError{path, "a list", describe(value)}
	}
	out := reflect.MakeSlice(to.Type(), len(list), len(list))
	for i, child := range list {
		if err := d.assign(out.Index(i), child, fmt.Sprintf("%s[%d]", path, i)); err != nil {
			return err
		}
	}
	to.Set(out)
	return nil
}

func assignTime(to reflect.Value, value any, path string) error {
	at, err := time.Parse(time.RFC3339, fmt.Sprint(value))
	if err != nil {
		return &shapeError{path, "a time such as 2026-01-31T12:00:00Z", describe(value)}
	}
	to.Set(reflect.ValueOf(at))
	return nil
}

// assignScalar sets a string, number or boolean from a value of any of these types.
func (d *decoder) assignScalar(to reflect.Value, value any, path string) error {
	switch value.(type) {
	case map[string]any, []any:
		return &shapeError{path, "a single value", describe(value)}
	}
	text := d.text(value, path)
	switch to.Kind() {
	case reflect.String:
		to.SetString(text)
	case reflect.Bool:
		switch text {
		case "true", "false":
			to.SetBool(text == "true")
		default:
			return &shapeError{path, "true or false", describe(value)}
		}
	case reflect.Int32, reflect.Int64:
		number, err := strconv.ParseInt(strings.TrimSpace(text), 10, to.Type().Bits())
		if err != nil {
			return &shapeError{path, "a whole number", describe(value)}
		}
		to.SetInt(number)
	case reflect.Float32, reflect.Float64:
		number, err := strconv.ParseFloat(strings.TrimSpace(text), to.Type().Bits())
		if err != nil {
			return &shapeError{path, "a number", describe(value)}
		}
		to.SetFloat(number)
	default:
		return &shapeError{path, "left out: this program cannot send it", describe(value)}
	}
	return nil
}

// text returns a scalar as JavaScript prints it: 100.0 as 100.
func (d *decoder) text(value any, path string) string {
	number, isNumber := value.(json.Number)
	if !isNumber || d.how == strict {
		return fmt.Sprint(value)
	}
	text := machine.PlainNumber(number.String())
	if text != number.String() {
		d.odd = append(d.odd, fmt.Sprintf("%s is %s, which is read as %s", named(path), number, text))
	}
	return text
}

// describe returns a value for a message.
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
