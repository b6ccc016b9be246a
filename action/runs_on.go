package action

import (
	"regexp"
	"strconv"
)

// plainScalar is a label that YAML reads as the text it is: it begins with a letter and is no word that means more.
var plainScalar = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9_./-]*$`)

// runsOn is a label as it is to be written behind `runs-on:` in a workflow, whatever is in it.
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
