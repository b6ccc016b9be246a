package tags

import (
	"slices"
	"strings"

	"github.com/marqo-ai/ec2-github-runner/github"
)

// Token is what a client token says of the start that used it: see Identity.clientToken.
type Token struct{ Run, labelHash, Nonce string }

// ParseToken reads a client token, false for one that is not of this action.
func ParseToken(text string) (Token, bool) {
	parts := strings.Split(text, "-")
	if len(parts) != 8 || parts[0] != "egr" {
		return Token{}, false
	}
	return Token{Run: parts[2], labelHash: parts[3], Nonce: parts[4]}, true
}

// Fits reports whether a registration may be that of the token's start: its label or its name gives the same hash. The
// name is the label's, and ends in four characters of the nonce where the plain name was taken. What a name may not
// hold was replaced in it, and GitHub lowers the case of labels: both ways are tried.
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
