// Package serve launches machines for runner scale sets. GitHub queues the jobs and reports how many runners a set
// needs; this package launches as many machines, each for one job.
//
// One process serves all sets of a file. It stores nothing: EC2's tags record which machines exist, GitHub which
// runners and jobs. So the process may be killed at any moment and started again, on another host too, and a second
// process for the same file waits as a standby. docs/adr/0029-scale-sets.md and 0031 have the reasons.
//
// A Server has one set for each scale set of the file. The parts of a set are listed at its type, one file for each.
package serve

import (
	"cmp"
	"context"
	"log/slog"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/marqo-ai/ec2-github-runner/ec2"
	"github.com/marqo-ai/ec2-github-runner/ec2/refusal"
	"github.com/marqo-ai/ec2-github-runner/serve/config"
	"github.com/marqo-ai/ec2-github-runner/serve/status"
)

// Options are what the program passes to New besides the file.
type Options struct {
	Log     *slog.Logger // one line for each decision; nil discards them
	Version string       // of this program, for GitHub
	Host    string       // of this process: the owner of its sessions is named by it

	Cloud     *ec2.Client       // nil: a client with the SDK's default credentials, in the file's region
	Transport http.RoundTripper // to GitHub; nil: the default one
}

// Server serves the sets of a file.
type Server struct {
	cloud     *ec2.Client
	signIn    *signIn
	scope     string
	region    string // of the file
	started   time.Time
	owner     *owner
	turns     *regionTurns
	standbys  *standbys
	watcher   *watcher
	software  *software
	notInFile *notInFile
	metrics   *status.Metrics
	log       *slog.Logger
	reloaded  chan struct{} // there may be sets that are not served yet

	reloading sync.Mutex // held while sets are added or left; taken before all others

	mu      sync.Mutex
	sets    []*set   // in the file's order, and after them those that are being left
	regions []string // in which there may be machines
}

// New returns a server that has made no call yet.
func New(ctx context.Context, file config.File, o Options) (*Server, error) {
	s, err := connect(ctx, file, o)
	if err != nil {
		return nil, err
	}
	for _, c := range file.Sets {
		added, err := s.newSet(c)
		if err != nil {
			return nil, err
		}
		s.sets = append(s.sets, added)
	}
	return s, s.checkUserData(file.Sets)
}

// connect returns a server without sets, for the regions of a file's sets.
func connect(ctx context.Context, file config.File, o Options) (*Server, error) {
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
		started: time.Now(), owner: &owner{host: cmp.Or(o.Host, "unnamed")}, turns: newRegionTurns(),
		standbys: newStandbys(), watcher: newWatcher(cloud, signIn, o.Log),
		software:  &software{signIn: signIn, log: o.Log, kept: map[string]keptSoftware{}},
		notInFile: &notInFile{log: o.Log, warned: map[string]bool{}},
		metrics:   status.NewMetrics(), reloaded: make(chan struct{}, 1)}
	s.regions, err = regionsOf(file.Sets, cloud.Region())
	return s, err
}

// identify asks AWS whose account it is: the sessions' owner is named by it.
func (s *Server) identify(ctx context.Context) error {
	account, region := s.cloud.Account(), s.cloud.Region()
	caller, err := account.Caller(ctx, region)
	for retry := firstRetry; mayPass(err) && ctx.Err() == nil; retry *= 2 {
		s.log.Warn("AWS does not answer", "error", err.Error(), "retry", retry.String())
		wait(ctx, min(retry, maxRetry))
		caller, err = account.Caller(ctx, region)
	}
	if err == nil {
		s.owner.identify(caller.Account, region)
	}
	return err
}

// mayPass reports whether AWS gave no answer, or none yet.
func mayPass(err error) bool {
	switch refusal.ClassOf(err) {
	case refusal.Unknown, refusal.Throttle:
		return err != nil
	}
	return false
}

// Run serves until ctx ends. Then it deletes the sessions and leaves the machines running, for the next process. It
// returns an error only if AWS does not accept the credentials; what fails in one set is logged and tried again.
func (s *Server) Run(ctx context.Context) error {
	if err := s.identify(ctx); err != nil {
		if ctx.Err() != nil {
			return nil //nolint:nilerr // it was told to end
		}
		return err
	}
	s.log.Info("serving", "scope", s.scope, "sets", len(s.all()), "regions", s.allRegions(), "owner", s.owner.name())
	var group sync.WaitGroup
	group.Go(func() { s.watcher.run(ctx, s.allRegions, s.act) })
	s.serveAll(ctx, &group)
	group.Wait()
	s.log.Info("stopped; machines are left as they are")
	return nil
}

// serveAll serves the sets, and those that a new file adds, until ctx ends.
func (s *Server) serveAll(ctx context.Context, group *sync.WaitGroup) {
	served := map[*set]bool{}
	for {
		for _, set := range s.all() {
			if !served[set] {
				served[set] = true
				group.Go(func() { set.run(ctx) })
			}
		}
		select {
		case <-s.reloaded:
		case <-ctx.Done():
			return
		}
	}
}

// act lets each set act on what a look saw. It reports whether a set has found an earlier process's registration
// without a machine, which may be gone soon.
func (s *Server) act(ctx context.Context, seen sight) (soon bool) {
	sets := s.all()
	s.notInFile.look(seen, sets)
	var group sync.WaitGroup
	for _, set := range sets {
		group.Go(func() {
			set.act(ctx, seen)
			s.leaveIfDone(set)
		})
	}
	group.Wait()
	return slices.ContainsFunc(s.all(), func(set *set) bool { return set.fleet.foundSince(seen.begun) })
}

// all returns the sets that are served now, those that are being left among them.
func (s *Server) all() []*set {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.sets)
}

// allRegions returns the regions that there may be machines in.
func (s *Server) allRegions() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.regions)
}

// template returns what makes the launches of a set.
func (s *Server) template(set string) template {
	return template{url: s.signIn.URL, scope: s.scope, set: set, region: s.cloud.Region()}
}

// wait waits for d, or until ctx ends.
func wait(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}
