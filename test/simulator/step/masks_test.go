package step_test

import (
	"testing"

	"github.com/marqo-ai/ec2-github-runner/test/simulator/step"
)

// TestMasks: what the runner drops, by its sources' rules.
func TestMasks(t *testing.T) {
	t.Parallel()
	config := "{\n  \"region\": \"eu-west-1\"\n}\n"
	for _, c := range []struct {
		secret, output, mask string
	}{
		{"us-east-1", `{"region":"us-east-1a"}`, "us-east-1"},
		{"us-east-1", "build-us-east-2", ""},
		{" us-east-1 \n", "us-east-1", "us-east-1"},
		{config, `{"a":1}`, "{"},
		{`{"region": "eu-west-1"}`, `{"a":1}`, ""},
		{config, "eu-west-1", ""},
		{config, "new42", "ew"}, // base64 of "{"
		{"[\n]", `["a"]`, "["},
		{"test", "dGVzdA", "dGVzdA"},
		{`"quoted text"`, "a quoted text", "quoted text"},
		{"a b&c", "a%20b%26c", "a%20b%26c"},
	} {
		if got := step.NewMasks(c.secret).Hides(c.output); got != c.mask {
			t.Errorf("the secret %q hides %q by %q, want %q", c.secret, c.output, got, c.mask)
		}
	}
	masks := step.NewMasks()
	masks.AddLog("hello\n::add-mask::one%25two\n::add-mask::\n")
	if masks.JobOutput("one%two") != "" || masks.JobOutput("hello") != "hello" {
		t.Error("::add-mask:: is not obeyed")
	}
}
