package action

import (
	"fmt"
	"slices"
	"strings"

	"github.com/marqo-ai/ec2-github-runner/machine"
)

// notOurs are the inputs that GitHub itself reads for a container action.
// https://docs.github.com/en/actions/reference/workflows-and-actions/workflow-syntax#jobsjob_idstepswithargs
var notOurs = []string{"args", "entrypoint"}

// unknownInputs returns a warning for each input that the action does not declare: GitHub's own warning does not stop
// it, and the input would be ignored.
func unknownInputs(environ []string) []string {
	var warnings []string
	names := inputsThat(func(input) bool { return true })
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
		if near := machine.Nearest(given, names); near != "" {
			warning += fmt.Sprintf("; did you mean '%s'?", near)
		}
		warnings = append(warnings, warning)
	}
	slices.Sort(warnings)
	return warnings
}
