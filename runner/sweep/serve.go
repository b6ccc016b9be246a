package sweep

import (
	"time"

	"github.com/marqo-ai/ec2-github-runner/ec2"
	"github.com/marqo-ai/ec2-github-runner/runner/tags"
	"github.com/marqo-ai/ec2-github-runner/runner/tags/key"
)

// Machines of scale sets are looked after by their server (package serve). A sweep ends those that have outlived their
// time, so that a server which is not there any more leaves nothing behind.

// selection is the tags by which EC2 is asked for what may be ours. A machine of an organization's scale set is no
// repository's, so a sweep of an organization asks for all of its scope.
func (r Request) selection() map[string]string {
	values := map[string]string{key.Scope: r.Scope}
	if r.Scope == r.Repository {
		values[key.Repository] = r.Repository
	}
	return values
}

// owns reports whether the tags of an instance or a volume name this scope and repository, or are those of a scale set
// of the scope.
func (s *survey) owns(values map[string]string) bool {
	repository, named := values[key.Repository]
	return values[key.Scope] == s.scope &&
		(repository == s.repository || !named && values[key.Mode] == tags.ModeServe)
}

// isServed leaves a machine of a scale set to its server until its time is over. Then it is judged as any other.
func (s *survey) isServed(i ec2.Instance, _ facts) (Act, string) {
	said := tags.Of(i)
	switch {
	case said.Mode != tags.ModeServe:
		return "", ""
	case said.ExpiresAt.IsZero():
		return Spared, "it is of a scale set, and when its time is over is not known"
	case s.now.Before(said.ExpiresAt):
		return Spared, "a server of scale sets looks after it until " + said.ExpiresAt.UTC().Format(time.RFC3339)
	}
	return "", ""
}
