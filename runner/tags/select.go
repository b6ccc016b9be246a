package tags

import (
	"strings"

	"github.com/marqo-ai/ec2-github-runner/ec2"
	"github.com/marqo-ai/ec2-github-runner/runner/tags/key"
)

// LaunchedWith selects what a call with a client token has launched. The token itself is not enough: nobody has seen
// whether spot instances show theirs.
func LaunchedWith(token string) ec2.Selector {
	return ec2.Selector{ClientToken: token, TokenTag: key.ClientToken}
}

// EscapeFilter makes the wildcards of EC2's filters plain characters.
// https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/Using_Filtering.html#advanced-filtering
func EscapeFilter(value string) string {
	return strings.NewReplacer(`\`, `\\`, `*`, `\*`, `?`, `\?`).Replace(value)
}
