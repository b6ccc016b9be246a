package action

import (
	"fmt"
	"slices"
	"strings"
)

// input declares one input of the action. The table of inputs (inputs_machulav.go, inputs_app.go, inputs_signin.go,
// inputs_own.go) is the only declaration: action.yml's inputs, docs/inputs.md and README's table are generated from it
// (go test ./action -run TestReadmeTables -update), and a test compares the declared modes with the inputs that each
// mode reads.
type input struct {
	name        string
	fallback    string  // the default; GitHub passes it in every mode
	modes       modeSet // the modes that read the input; it has no effect in others
	machine     bool    // describes the machine that a start launches; no effect on an existing machine
	element     bool    // may be set by an element of `runners`
	readme      bool    // is listed in README's table
	required    bool
	description string // Markdown; may span lines
}

// modeSet is a set of modes.
type modeSet uint8

// The modes. A check reads what the start that it checks would read.
const (
	inStart modeSet = 1 << iota
	inStop
	inSweep
	inCheck
	inBake
	inPool

	inLaunch = inStart | inCheck
	inAll    = inStart | inStop | inSweep | inCheck | inBake | inPool
)

// modeOf maps the value of the input mode to its bit.
var modeOf = map[string]modeSet{
	modeStart: inStart, modeStop: inStop, modeSweep: inSweep, modeCheck: inCheck, modeBake: inBake, modePool: inPool,
}

// catalogue lists every input in the order of action.yml.
var catalogue = slices.Concat(machulavInputs, appInputs, signInInputs, ownInputs)

// inputOf returns the declaration of an input. It panics if there is none: a reader may only ask for declared inputs.
func inputOf(name string) input {
	i := slices.IndexFunc(catalogue, func(known input) bool { return known.name == name })
	if i < 0 {
		panic("undeclared input " + name)
	}
	return catalogue[i]
}

// inputEnv returns the name of the environment variable in which GitHub passes an input: upper case, with hyphens kept.
// https://docs.github.com/en/actions/reference/workflows-and-actions/metadata-syntax#inputs
func inputEnv(name string) string {
	return "INPUT_" + strings.ToUpper(strings.ReplaceAll(name, " ", "_"))
}

// about returns the description on one line.
func (i input) about() string { return strings.Join(strings.Fields(i.description), " ") }

// inputsThat returns the sorted names of the inputs for which holds returns true.
func inputsThat(holds func(input) bool) []string {
	var names []string
	for _, known := range catalogue {
		if holds(known) {
			names = append(names, known.name)
		}
	}
	slices.Sort(names)
	return names
}

// isSet reports whether an input has a value other than its default.
func (r *reader) isSet(known input) bool {
	value := strings.TrimSpace(r.getenv(inputEnv(known.name)))
	return value != "" && value != known.fallback
}

// withoutEffect reports inputs that are set but not read in the mode: machulav's as a note, since its users pass
// start's inputs to stop too, others as a warning. A dry-run in a mode without one is refused.
func (r *reader) withoutEffect(mode string) {
	unread := func(list []input) (names []string) {
		for _, known := range list {
			if known.modes&modeOf[mode] == 0 && r.isSet(known) {
				names = append(names, known.name)
			}
		}
		return names
	}
	if names := unread(machulavInputs); len(names) > 0 {
		r.notes = append(r.notes, fmt.Sprintf("inputs without effect in mode %s: %s", mode, strings.Join(names, ", ")))
	}
	ours := unread(ownInputs)
	if slices.Contains(ours, "dry-run") {
		r.refuse(fmt.Sprintf("The 'dry-run' input is not honoured in the '%s' mode.", mode),
			"leave it out; only mode sweep has a dry run, and mode check looks at what a start needs "+
				"and starts nothing")
		ours = slices.DeleteFunc(ours, func(name string) bool { return name == "dry-run" })
	}
	if len(ours) > 0 {
		r.warn("inputs without effect in mode %s: %s; leave them out", mode, strings.Join(ours, ", "))
	}
}
