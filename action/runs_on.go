package action

import (
	"regexp"
	"strconv"
)

// plainScalar matches labels that YAML reads as plain text: they begin with a letter.
var plainScalar = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9_./-]*$`)

// runsOn returns a label as it must be written after `runs-on:` in a workflow, quoted if necessary.
func runsOn(label string) string {
	switch label {
	case "true", "True", "TRUE", "false", "False", "FALSE", "null", "Null", "NULL":
		return strconv.Quote(label)
	}
	if plainScalar.MatchString(label) {
		return label
	}
	return strconv.Quote(label)
}
