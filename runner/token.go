package runner

import (
	"strings"

	"github.com/marqo-ai/ec2-github-runner/github"
)

// token is what a client token says of the start that used it: see Identity.clientToken.
type token struct{ run, labelHash, nonce string }

func parseToken(text string) (token, bool) {
	parts := strings.Split(text, "-")
	if len(parts) != 8 || parts[0] != "egr" {
		return token{}, false
	}
	return token{run: parts[2], labelHash: parts[3], nonce: parts[4]}, true
}

// fits tells whether a registration may be that of the token's start: its label or its name gives the same hash. The
// name is the label's, and ends in four characters of the nonce where the plain name was taken. What a name may not
// hold was replaced in it, and GitHub lowers the case of labels: both ways are tried.
func (t token) fits(r github.Runner) bool {
	if isMarked(r) {
		return hasLabel(r, markPrefix+t.nonce)
	}
	labels := r.Labels
	if name, ok := strings.CutPrefix(r.Name, namePrefix); ok {
		labels = append([]string{name}, labels...)
		if len(t.nonce) >= 4 {
			labels = append(labels, strings.TrimSuffix(name, "-"+t.nonce[:4]))
		}
	}
	for _, label := range labels {
		if shortHash(label, 6) == t.labelHash {
			return true
		}
	}
	return false
}
