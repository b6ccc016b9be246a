// Package serve launches machines for runner scale sets: GitHub queues jobs and says how many runners a set needs, and
// this starts as many, each for one job.
//
// One process serves all sets of a file. It keeps nothing that it cannot find again: which machines there are stands in
// EC2's tags, which runners and jobs at GitHub. So it may be killed at any moment and started again, elsewhere too, and
// a second process for the same file waits as a standby. docs/adr/0029-scale-sets.md has the reasons.
package serve

import (
	"context"
	"errors"
	"log/slog"
	"net/http"

	"github.com/marqo-ai/ec2-github-runner/ec2"
	"github.com/marqo-ai/ec2-github-runner/serve/config"
)

// Options are what the program gives beside the file.
type Options struct {
	Log     *slog.Logger // one line for each decision
	Version string       // of this program, for GitHub
	Host    string       // of this process, as the session's owner: other processes say who holds the session

	Cloud     *ec2.Client       // nil: on the SDK's own chain of credentials, in the file's region
	Transport http.RoundTripper // to GitHub; nil: one of its own
}

// Run serves the sets of a file until ctx ends. Sessions are then deleted, and machines are left alone: whoever is
// started next goes on with them. It is an error only if the file cannot be served at all; what fails in one set is
// logged and tried again.
func Run(ctx context.Context, file config.File, options Options) error {
	return errors.New("not served yet")
}
