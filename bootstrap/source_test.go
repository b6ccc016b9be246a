package bootstrap

import (
	"strings"
	"testing"
)

// TestMessagesLeadToTheRepositoryThatBuilt: messages and user data of a fork's release name the fork. It sets a global,
// so it does not run in parallel.
func TestMessagesLeadToTheRepositoryThatBuilt(t *testing.T) { //nolint:paralleltest // it sets a global
	if got := Page("a.md"); got != "https://github.com/marqo-ai/ec2-github-runner/blob/main/docs/a.md" {
		t.Errorf("the page is %s", got)
	}
	t.Cleanup(func() { Source = sourceOnMain })
	Source = "https://github.com/some-body/ec2-runner"
	if got := Page("a.md"); got != "https://github.com/some-body/ec2-runner/blob/main/docs/a.md" {
		t.Errorf("a fork's page is %s", got)
	}
	if got := WithSource("Documentation=" + sourceOnMain); got != "Documentation="+Source {
		t.Errorf("a fork's text is %s", got)
	}
	spec := Spec{URL: "https://github.com/demo-org/demo", Name: "ec2-a", Labels: []string{"a"}, Token: "AABBCC"}
	if text := string(spec.plain(false).code); strings.Contains(text, "marqo-ai") || !strings.Contains(text, Source) {
		t.Errorf("a fork's user data is\n%s", text)
	}
}
