package action

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Problem is one thing that is wrong with the inputs, and what a good value looks like.
type Problem struct {
	Message string
	Hint    string
}

// InvalidError lists every problem of the inputs at once. Nothing was called.
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

// findings are what is wrong or odd about the inputs.
type findings struct {
	invalid  InvalidError
	notes    []string
	warnings []string
}

// reader reads inputs and collects what is wrong with them. A value that machulav read otherwise than it is written is
// taken as machulav took it, with a warning; only what made machulav fail is refused. Inputs of ours are read strictly.
type reader struct {
	*findings
	getenv func(string) string
	own    map[string]string // of an element of `runners`: its inputs, which win over the step's
	reads  func(name string) // if set, it is called with each input that is read
	prefix string            // of messages about the element's own inputs
}

func newReader(getenv func(string) string) *reader {
	return &reader{findings: &findings{}, getenv: getenv}
}

// refuse notes a problem, once.
func (r *reader) refuse(message, hint string) {
	problem := Problem{r.about(message), hint}
	if !slices.Contains(r.invalid.Problems, problem) {
		r.invalid.Problems = append(r.invalid.Problems, problem)
	}
}

// warn notes an oddity, once.
func (r *reader) warn(format string, args ...any) {
	warning := r.about(fmt.Sprintf(format, args...))
	if !slices.Contains(r.warnings, warning) {
		r.warnings = append(r.warnings, warning)
	}
}

// about returns which element a message is about, if it names an input that the element has itself.
func (r *reader) about(message string) string {
	for name := range r.own {
		if strings.Contains(message, name) {
			return r.prefix + message
		}
	}
	return message
}

// text is an input without the blanks around it, or its default.
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

// list is an input of several values: comma-, space- or newline-separated.
func (r *reader) list(name string) []string { return r.inputs().List(name) }

// flag is true for exactly "true".
func (r *reader) flag(name string) bool { return r.inputs().Flag(name) }

// ownFlag is an input of ours, read strictly.
func (r *reader) ownFlag(name string) bool { return r.inputs().OwnFlag(name) }

// leadingNumber reads a whole number as JavaScript's parseInt does: what follows the digits is ignored.
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

// most of a duration in seconds or minutes: what is longer is meant to be for ever.
const maxUnits = 1_000_000

// whole is a number as machulav reads it: parseInt(x) || default. given tells that the user wrote something that
// counts.
func (r *reader) whole(name string, fallback int64) (n int64, given bool) {
	value := strings.TrimSpace(r.text(name))
	if value == "" {
		return fallback, false
	}
	n, ok, exact := leadingNumber(value)
	switch {
	case !ok:
		r.warn("The '%s' input is %q, which is no number, so %d is taken; write a whole number such as %d", name, value,
			fallback, fallback)
		return fallback, true
	case !exact:
		r.warn("The '%s' input is %q, of which %d is taken; write a whole number such as %d", name, value, n, fallback)
	}
	return min(n, maxUnits), true
}

// count is an input of ours, read strictly: a whole number from 0 to most.
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

// minutes is an input of ours, read strictly: a whole number of minutes, 0 for none.
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
