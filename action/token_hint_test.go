package action

import (
	"errors"
	"strings"
	"testing"
)

// TestTokenHint: if a run has no token for a known reason, the hint says why.
func TestTokenHint(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ name, value, want string }{
		{"GITHUB_ACTOR", "dependabot[bot]", "--app dependabot"},
		{"GITHUB_EVENT_NAME", "pull_request", "a fork gets no secrets"},
		{"GITHUB_EVENT_NAME", "push", "secrets.RUNNER_TOKEN"},
	} {
		_, err := Parse(with("github-token", "", c.name, c.value))
		var invalid *InvalidError
		if !errors.As(err, &invalid) || len(invalid.Problems) != 1 || !strings.Contains(invalid.Problems[0].Hint,
			c.want) {
			t.Errorf("%s=%s: got %+v, want %q", c.name, c.value, err, c.want)
		}
	}
}
