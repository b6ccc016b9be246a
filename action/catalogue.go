package action

import (
	"fmt"
	"slices"
	"strings"
)

// input is one input of the action. The table of inputs (inputs_machulav.go, inputs_app.go, inputs_signin.go,
// inputs_own.go) is the only place where an input is declared: action.yml's inputs, docs/inputs.md and README's table
// are generated from it (go test ./action -run TestReadmeTables -update), and a test holds the declared modes against
// what each mode reads.
type input struct {
	name        string
	fallback    string  // what it stands for when it is empty; GitHub sends it in every mode
	modes       modeSet // that read it; elsewhere it has no effect
	machine     bool    // it belongs to the machine that a start launches: an existing machine is not changed by it
	element     bool    // an element of `runners` may have it
	readme      bool    // README's short table has it
	required    bool
	description string // Markdown, over several lines
}

// modeSet is a set of modes.
type modeSet uint8

// A check reads what the start that it checks reads.
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

// catalogue lists every input, in the order of action.yml. A reader that asks for an input which is not here stops the
// program.
var catalogue = slices.Concat(machulavInputs, appInputs, signInInputs, ownInputs)

// inputOf is the input of a name. One that nothing declares stops the program.
func inputOf(name string) input {
	i := slices.IndexFunc(catalogue, func(known input) bool { return known.name == name })
	if i < 0 {
		panic("no input is called " + name)
	}
	return catalogue[i]
}

// inputEnv is the name under which GitHub hands an input over: upper case, hyphens kept.
func inputEnv(name string) string {
	return "INPUT_" + strings.ToUpper(strings.ReplaceAll(name, " ", "_"))
}

// about is the description on one line.
func (i input) about() string { return strings.Join(strings.Fields(i.description), " ") }

// inputsThat lists the names of the inputs that a condition holds for, sorted.
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

// withoutEffect names the inputs that are set and that a mode does not read: machulav's in the log, since its users
// give start's inputs to stop too, and ours by a warning. A dry run that would not be one is refused.
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
