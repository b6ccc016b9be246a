package action

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Problem is one thing that is wrong with the inputs, with an example of a good value or other advice.
type Problem struct {
	Message string
	Hint    string
}

// InvalidError lists every problem of the inputs. No call was made.
type InvalidError struct{ Problems []Problem }

func (e *InvalidError) Error() string {
	lines := make([]string, len(e.Problems))
	for i, problem := range e.Problems {
		lines[i] = problem.Message
	}
	return strings.Join(lines, "\n")
}

func (e *InvalidError) add(message, hint string) {
	e.Problems = append(e.Problems, Problem{message, hint})
}

func (e *InvalidError) orNil() error {
	if len(e.Problems) == 0 {
		return nil
	}
	return e
}

// findings collects what is wrong or unusual about the inputs.
type findings struct {
	invalid  InvalidError
	notes    []string
	warnings []string
}

// reader reads inputs and collects problems. A value that machulav's action read differently from how it is written is
// read as machulav read it, with a warning; only what made machulav fail is refused. Inputs of this action's own are
// read strictly.
type reader struct {
	*findings
	getenv func(string) string
	own    map[string]string // the inputs that an element of `runners` sets; they override the step's
	reads  func(name string) // if not nil, called with the name of each input that is read
	prefix string            // of messages about the element's own inputs
}

func newReader(getenv func(string) string) *reader {
	return &reader{findings: &findings{}, getenv: getenv}
}

// refuse adds a problem, once.
func (r *reader) refuse(message, hint string) {
	problem := Problem{r.about(message), hint}
	if !slices.Contains(r.invalid.Problems, problem) {
		r.invalid.Problems = append(r.invalid.Problems, problem)
	}
}

// warn adds a warning, once.
func (r *reader) warn(format string, args ...any) {
	warning := r.about(fmt.Sprintf(format, args...))
	if !slices.Contains(r.warnings, warning) {
		r.warnings = append(r.warnings, warning)
	}
}

// about returns the message, prefixed with the name of the element if it is about an input that the element sets.
func (r *reader) about(message string) string {
	for name := range r.own {
		if strings.Contains(message, name) {
			return r.prefix + message
		}
	}
	return message
}

// text returns the value of an input without surrounding white space, or its default.
func (r *reader) text(name string) string {
	known := inputOf(name)
	if r.reads != nil {
		r.reads(name)
	}
	if value, own := r.own[name]; own {
		return strings.TrimSpace(value)
	}
	return cmp.Or(strings.TrimSpace(r.getenv(inputEnv(name))), known.fallback)
}

// list returns the values of a comma-, space- or newline-separated input.
func (r *reader) list(name string) []string { return r.inputs().List(name) }

// flag reports whether an input is exactly "true".
func (r *reader) flag(name string) bool { return r.inputs().Flag(name) }

// ownFlag reads a boolean input of this action's own, strictly.
func (r *reader) ownFlag(name string) bool { return r.inputs().OwnFlag(name) }

// leadingNumber reads a whole number as JavaScript's parseInt does: text after the digits is ignored, and exact is then
// false.
func leadingNumber(text string) (n int64, ok, exact bool) {
	end := 0
	if end < len(text) && (text[end] == '-' || text[end] == '+') {
		end++
	}
	digits := end
	for end < len(text) && text[end] >= '0' && text[end] <= '9' {
		end++
	}
	if end == digits {
		return 0, false, false
	}
	n, err := strconv.ParseInt(text[:end], 10, 64)
	return n, err == nil, end == len(text)
}

// maxUnits is the longest duration, in minutes or seconds: longer ones are meant as "for ever".
const maxUnits = 1_000_000

// whole reads a number as machulav's action does: parseInt(x) || default. given reports whether the input has a value.
func (r *reader) whole(name string, fallback int64) (n int64, given bool) {
	value := strings.TrimSpace(r.text(name))
	if value == "" {
		return fallback, false
	}
	n, ok, exact := leadingNumber(value)
	switch {
	case !ok:
		r.warn("The '%s' input is %q, which is not a number, so %d is taken; write a whole "+
			"number such as %d", name, value,
			fallback, fallback)
		return fallback, true
	case !exact:
		r.warn("The '%s' input is %q, of which %d is taken; write a whole number such as %d", name, value, n, fallback)
	}
	return min(n, maxUnits), true
}

// count reads an input of this action's own, strictly: a whole number from 0 to most.
func (r *reader) count(name string, most int) int {
	value := r.text(name)
	n, ok, exact := leadingNumber(value)
	if value != "" && (!ok || !exact || n < 0 || n > int64(most)) {
		r.refuse(fmt.Sprintf("The '%s' input is %q, which is not a number from 0 to %d.", name, value, most),
			fmt.Sprintf("for example %s: 1, or 0 for none", name))
		return 0
	}
	return int(n)
}

// minutes reads an input of this action's own, strictly: a whole number of minutes, 0 for none.
func (r *reader) minutes(name string) (d time.Duration, given bool) {
	value := r.text(name)
	if value == "" {
		return 0, false
	}
	n, ok, exact := leadingNumber(value)
	if !ok || !exact || n < 0 || n > maxUnits {
		r.refuse(fmt.Sprintf("The '%s' input is %q, which is not a number of minutes from 0 to %d.", name, value,
			maxUnits),
			fmt.Sprintf("for example %s: 90, or 0 for none", name))
		return 0, false
	}
	return time.Duration(n) * time.Minute, true
}
