package tags

import (
	"fmt"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/marqo-ai/ec2-github-runner/github"
)

// TestClientTokens: every token that a start writes can be read back and finds the registration of its label.
func TestClientTokens(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		label := rapid.StringMatching(`[A-Za-z0-9._-]{1,40}`).Draw(t, "label")
		id := NewIdentity(Run{Repository: "Org/Repo", ID: fmt.Sprint(rapid.Uint64Max(99999999999).Draw(t, "run"))},
			"org",
			label)
		text := id.ClientToken(label, rapid.IntRange(0, 99).Draw(t, "slot"), rapid.IntRange(0, 99).Draw(t, "offering"),
			rapid.IntRange(0, 9).Draw(t, "try"))
		if len(text) > 64 {
			t.Fatalf("token %s is longer than 64 characters", text)
		}
		token, ok := ParseToken(text)
		if !ok || token.Run != id.Run.ID || token.Nonce != id.Nonce {
			t.Fatalf("token %s is read as %+v", text, token)
		}
		if strings.HasPrefix(text, TokenOfScope("Org/Repo", "Org/Repo")) {
			t.Fatalf("token %s of the scope org counts as one of the repository", text)
		}
		for _, name := range []string{NameOf(label), id.OtherName(NameOf(label))} {
			if !token.Fits(github.Runner{ID: 1, Name: name}) {
				t.Fatalf("runner %s does not fit the token of its label %s", name, label)
			}
		}
		if token.Fits(github.Runner{ID: 1, Name: "ec2-" + label + "x", Labels: []string{"self-hosted"}}) {
			t.Fatal("a runner of another label fits the token")
		}
	})
}
