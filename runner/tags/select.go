package tags

import (
	"strings"

	"github.com/marqo-ai/ec2-github-runner/ec2"
	"github.com/marqo-ai/ec2-github-runner/runner/tags/key"
)

// LaunchedWith selects the instances launched with a client token. The filter on the token alone is not enough: it is
// not documented that spot instances show theirs.
func LaunchedWith(token string) ec2.Selector {
	return ec2.Selector{ClientToken: token, TokenTag: key.ClientToken}
}

// EscapeFilter escapes the wildcards of EC2's filters.
// https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/Using_Filtering.html#advanced-filtering
func EscapeFilter(value string) string {
	return strings.NewReplacer(`\`, `\\`, `*`, `\*`, `?`, `\?`).Replace(value)
}
