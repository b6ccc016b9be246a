package sweep

import (
	"time"

	"github.com/marqo-ai/ec2-github-runner/ec2"
	"github.com/marqo-ai/ec2-github-runner/runner/tags"
	"github.com/marqo-ai/ec2-github-runner/runner/tags/key"
)

// The server of a scale set (package serve) manages the set's machines. A sweep terminates only expired ones, so that a
// server that is gone leaves nothing behind.

// selection returns the tags by which a sweep searches EC2. The machines of an organization's scale set have no
// repository, so a sweep of an organization searches its whole scope.
func (r Request) selection() map[string]string {
	values := map[string]string{key.Scope: r.Scope}
	if r.Scope == r.Repository {
		values[key.Repository] = r.Repository
	}
	return values
}

// owns reports whether the tags of an instance or a volume name this scope and repository, or a scale set of the scope.
func (s *survey) owns(values map[string]string) bool {
	repository, named := values[key.Repository]
	return values[key.Scope] == s.scope &&
		(repository == s.repository || !named && values[key.Mode] == tags.ModeServe)
}

// spareServed leaves a machine of a scale set to its server until it expires. Then it is judged like any other.
func (s *survey) spareServed(i ec2.Instance, _ facts) (Act, string) {
	said := tags.Of(i)
	switch {
	case said.Mode != tags.ModeServe:
		return "", ""
	case said.ExpiresAt.IsZero():
		return Spared, "it belongs to a scale set, and its expiry is unknown"
	case s.now.Before(said.ExpiresAt):
		return Spared, "the server of its scale set manages it until " + said.ExpiresAt.UTC().Format(time.RFC3339)
	}
	return "", ""
}
