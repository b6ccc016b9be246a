package tags

import (
	"slices"
	"strings"

	"github.com/marqo-ai/ec2-github-runner/github"
)

// Token is what a client token says about the start that used it, see Identity.ClientToken.
type Token struct{ Run, labelHash, Nonce string }

// ParseToken parses a client token; it returns false for a token that this action did not write.
func ParseToken(text string) (Token, bool) {
	parts := strings.Split(text, "-")
	if len(parts) != 8 || parts[0] != "egr" {
		return Token{}, false
	}
	return Token{Run: parts[2], labelHash: parts[3], Nonce: parts[4]}, true
}

// Fits reports whether a registration may belong to the token's start: the hash of its label or its name is the
// token's. The name is derived from the label and, if the plain name was taken, ends in four characters of the nonce.
// Both are tried, because a name has some characters replaced and GitHub changes labels to lower case.
func (t Token) Fits(r github.Runner) bool {
	if IsMarked(r) {
		return HasLabel(r, markPrefix+t.Nonce)
	}
	labels := r.Labels
	if name, ok := strings.CutPrefix(r.Name, NamePrefix); ok {
		labels = append([]string{name}, labels...)
		if len(t.Nonce) >= 4 {
			labels = append(labels, strings.TrimSuffix(name, "-"+t.Nonce[:4]))
		}
	}
	return slices.ContainsFunc(labels, func(label string) bool { return ShortHash(label, 6) == t.labelHash })
}
