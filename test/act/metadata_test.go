package act

import (
	"os"
	"regexp"
	"testing"
)

// GitHub evaluates expressions in descriptions too, where no context exists: one example in one of
// them and the action no longer loads ("Unrecognized named-value",
// https://github.com/actions/runner/issues/407). The linters do not see it.
func TestActionHoldsNoExpression(t *testing.T) {
	text, err := os.ReadFile("../../action.yml")
	if err != nil {
		t.Fatal(err)
	}
	for _, expression := range regexp.MustCompile(`\$\{\{[^}]*\}\}`).FindAllString(string(text), -1) {
		t.Errorf("action.yml holds %s", expression)
	}
}
