package bootstrap

import "strings"

// sourceOnMain is the address of the repository of this source.
const sourceOnMain = "https://github.com/marqo-ai/ec2-github-runner"

// Source is the address of the repository that the program was built in. A release sets it (-ldflags -X), so that the
// messages of a fork's release point to the fork.
var Source = sourceOnMain

// Page returns the address of a page of docs/, such as troubleshooting.md.
func Page(name string) string { return Source + "/blob/main/docs/" + name }

// WithSource returns a text with Source in place of the address of this source's repository.
func WithSource(text string) string { return strings.ReplaceAll(text, sourceOnMain, Source) }
