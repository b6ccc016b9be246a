package bootstrap

import "strings"

// sourceOnMain is the address of the repository that this source is of.
const sourceOnMain = "https://github.com/marqo-ai/ec2-github-runner"

// Source is the address of the repository that the program was built in. A release sets it (-ldflags -X), so that the
// messages of a fork's release lead to the fork.
var Source = sourceOnMain

// Page returns the address of a page of docs/, such as troubleshooting.md.
func Page(name string) string { return Source + "/blob/main/docs/" + name }

// WithSource returns a text of this source in which the repository's address is Source.
func WithSource(text string) string { return strings.ReplaceAll(text, sourceOnMain, Source) }
