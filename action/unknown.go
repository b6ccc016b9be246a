package action

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// notOurs are inputs that GitHub itself takes for an action in a container.
// https://docs.github.com/en/actions/reference/workflows-and-actions/workflow-syntax#jobsjob_idstepswithargs
var notOurs = []string{"args", "entrypoint"}

// unknownInputs warns of each input that the action does not know: GitHub passes it on with a mere warning, and what it
// should have said is then lost.
func unknownInputs(environ []string) []string {
	var warnings []string
	for _, entry := range environ {
		name, value, _ := strings.Cut(entry, "=")
		given, isInput := strings.CutPrefix(name, "INPUT_")
		given = strings.ToLower(given)
		if !isInput || strings.TrimSpace(value) == "" || slices.Contains(notOurs, given) {
			continue
		}
		if slices.ContainsFunc(catalogue, func(known input) bool { return inputEnv(known.name) == name }) {
			continue
		}
		warning := fmt.Sprintf("The input '%s' is not known to this action, so it is ignored", given)
		if near := nearest(given); near != "" {
			warning += fmt.Sprintf("; did you mean '%s'?", near)
		}
		warnings = append(warnings, warning)
	}
	slices.Sort(warnings)
	return warnings
}

// nearest is the input whose name is the most like another, empty if none is like it.
func nearest(name string) string {
	plain := strings.NewReplacer("_", "-", " ", "-").Replace(name)
	best := slices.MinFunc(catalogue, func(a, b input) int {
		return cmp.Or(cmp.Compare(distance(plain, a.name), distance(plain, b.name)), cmp.Compare(a.name, b.name))
	})
	if distance(plain, best.name) <= max(2, len(best.name)/3) {
		return best.name
	}
	return ""
}

// distance is how many letters must be changed, left out or put in to make one name of the other (Levenshtein).
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		before := row[0]
		row[0] = i + 1
		for j := range len(b) {
			change := before
			if a[i] != b[j] {
				change++
			}
			before = row[j+1]
			row[j+1] = min(change, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}
