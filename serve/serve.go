// Package serve launches machines for runner scale sets: GitHub queues jobs and says how many runners a set needs, and
// this starts as many, each for one job.
//
// One process serves all sets of a file. It keeps nothing that it cannot find again: which machines there are stands in
// EC2's tags, which runners and jobs at GitHub. So it may be killed at any moment and started again, elsewhere too, and
// a second process for the same file waits as a standby. docs/adr/0029-scale-sets.md has the reasons.
package serve

import (
	"cmp"
	"context"
	"log/slog"
	"net/http"
	"sync"
	"time"

	"github.com/marqo-ai/ec2-github-runner/ec2"
	"github.com/marqo-ai/ec2-github-runner/ec2/refusal"
	"github.com/marqo-ai/ec2-github-runner/runner/tags"
	"github.com/marqo-ai/ec2-github-runner/serve/config"
	"github.com/marqo-ai/ec2-github-runner/serve/status"
)

// Options are what the program gives beside the file.
type Options struct {
	Log     *slog.Logger // one line for each decision
	Version string       // of this program, for GitHub
	Host    string       // of this process, as the session's owner: other processes say who holds the session

	Cloud     *ec2.Client       // nil: on the SDK's own chain of credentials, in the file's region
	Transport http.RoundTripper // to GitHub; nil: one of its own
}

// Server serves the sets of a file.
type Server struct {
	cloud  *ec2.Client
	log    *slog.Logger
	signIn *signIn
	scope  string
	host   string // of this process
	region string // of the file
	owner  string // of the sessions
	ours   string // how the owner of every session of this installation begins
	// installation is a hash of account and home region.
	installation string
	regions      []string // of all placements
	turns        *turns
	metrics      *status.Metrics
	sets         []*set
	looks        chan struct{} // asks for a look before the next one is due
	reloaded     chan struct{} // there may be sets that are not served yet

	reloading sync.Mutex // held while sets are added or left; taken before all others

	mu     sync.Mutex
	looked time.Time     // when the last look began that saw everything
	unseen string        // what the newest look could not see
	freed  chan struct{} // closed when a set has got its session: those of the others may be free too
}

// New returns a server that has made no call yet.
func New(ctx context.Context, file config.File, o Options) (*Server, error) {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	signIn, err := newSignIn(file.GitHub, o.Transport, o.Version, o.Log)
	if err != nil {
		return nil, err
	}
	cloud := o.Cloud
	if cloud == nil {
		if cloud, err = ec2.Load(ctx, file.Region); err != nil {
			return nil, err
		}
	}
	s := &Server{cloud: cloud, log: o.Log, signIn: signIn, scope: signIn.scope.String(), region: file.Region,
		turns:   newTurns(),
		metrics: status.NewMetrics(),
		looks:   make(chan struct{}, 1), reloaded: make(chan struct{}, 1), freed: make(chan struct{})}
	for _, c := range file.Sets {
		s.sets = append(s.sets, newSet(s, c))
	}
	if s.regions, err = regionsOf(file.Sets, cloud.Region()); err != nil {
		return nil, err
	}
	s.host = cmp.Or(o.Host, "unnamed")
	return s, checkUserData(s.sets)
}

// identify learns whose account it is: the sessions' owner is named by it.
func (s *Server) identify(ctx context.Context) error {
	account, region := s.cloud.Account(), s.cloud.Region()
	caller, err := account.Caller(ctx, region)
	for retry := firstRetry; refusal.ClassOf(err) == refusal.Unknown && ctx.Err() == nil; retry *= 2 {
		s.log.Warn("AWS does not answer", "error", err.Error(), "retry", retry.String())
		wait(ctx, min(retry, maxRetry))
		caller, err = account.Caller(ctx, region)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.installation = tags.ShortHash(caller.Account+" "+region, 8)
	s.ours = "ec2-github-runner " + s.installation + " "
	s.owner = s.ours + s.host
	return err
}

// Run serves until ctx ends. Sessions are then deleted, and machines are left alone: whoever is started next goes on
// with them. It is an error only if AWS does not accept the credentials; what fails in one set is logged and tried
// again.
func (s *Server) Run(ctx context.Context) error {
	if err := s.identify(ctx); err != nil {
		if ctx.Err() != nil {
			return nil //nolint:nilerr // it was told to end
		}
		return err
	}
	s.log.Info("serving", "scope", s.scope, "sets", len(s.all()), "regions", s.allRegions(), "owner", s.owner)
	var group sync.WaitGroup
	group.Go(func() { s.lookAlways(ctx) })
	s.serveAll(ctx, &group)
	group.Wait()
	s.log.Info("stopped; machines are left as they are")
	return nil
}

// lookedSince reports whether a look that saw everything has begun since a moment.
func (s *Server) lookedSince(at time.Time) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return !s.looked.IsZero() && !s.looked.Before(at)
}

// askForLook makes the next look come at once.
func (s *Server) askForLook() {
	select {
	case s.looks <- struct{}{}:
	default:
	}
}

// sessionFreed is closed when a set gets its session.
func (s *Server) sessionFreed() <-chan struct{} {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.freed
}

func (s *Server) announceSession() {
	s.mu.Lock()
	defer s.mu.Unlock()
	close(s.freed)
	s.freed = make(chan struct{})
}

// wait waits for so long, or until ctx ends.
func wait(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}
