package serve

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/marqo-ai/ec2-github-runner/ec2"
	"github.com/marqo-ai/ec2-github-runner/github"
	"github.com/marqo-ai/ec2-github-runner/runner/diagnosis"
)

const (
	lookInterval = 30 * time.Second
	firstLook    = 2 * time.Second // after a failed look, until one has seen everything; it doubles
	nextLook     = 5 * time.Second // after one that found a registration without a machine, which may end soon
	callInterval = 5 * time.Second // for each page of GitHub's list
	maxInterval  = 4 * time.Minute
	lookTimeout  = 2 * time.Minute
	// cloudTimeout is how long a look waits for a region; meanwhile sets in other regions wait as well.
	cloudTimeout = 20 * time.Second
)

// watcher looks at EC2 and GitHub every half minute, for all sets together.
type watcher struct {
	cloud  *ec2.Client
	signIn *signIn
	log    *slog.Logger
	asked  chan struct{} // for a look before the next one is due

	mu     sync.Mutex
	looked time.Time // when the last look began that saw everything
	unseen string    // what the last look could not see
	hint   string    // what to do about that
	warned time.Time // when that was logged last; zero while everything is seen
}

func newWatcher(cloud *ec2.Client, signIn *signIn, log *slog.Logger) *watcher {
	return &watcher{cloud: cloud, signIn: signIn, log: log, asked: make(chan struct{}, 1)}
}

// ask makes the next look begin at once.
func (w *watcher) ask() {
	select {
	case w.asked <- struct{}{}:
	default:
	}
}

// run looks in the regions until ctx ends and passes each sight to act. If act returns true, the next look comes soon.
func (w *watcher) run(ctx context.Context, regions func() []string, act func(context.Context, sight) (soon bool)) {
	for retry := firstLook; ctx.Err() == nil; {
		seen, err := w.look(ctx, regions())
		if ctx.Err() != nil {
			return
		}
		soon, next := act(ctx, seen), intervalFor(len(seen.runners))
		switch looked, _, _ := w.state(); {
		case err != nil && looked.IsZero():
			next, retry = retry, min(2*retry, lookInterval)
		case soon:
			next = nextLook
		}
		timer := time.NewTimer(next)
		select {
		case <-timer.C:
		case <-w.asked:
		case <-ctx.Done():
		}
		timer.Stop()
	}
}

// intervalFor returns how long to wait after a look that has listed so many runners, those of others among them: with
// thousands the pages of a list every half minute would use up GitHub's hourly limit, which others need too.
func intervalFor(runners int) time.Duration {
	pages := runners/100 + 1
	return min(max(lookInterval, time.Duration(pages)*callInterval), maxInterval)
}

// sight is what one look saw. EC2 is read before GitHub: the machine of a runner that comes in between is in the next
// look.
type sight struct {
	begun     time.Time
	now       time.Time
	instances []ec2.Instance
	unseen    map[string]bool // regions that did not answer
	runners   map[string]github.Runner
	listed    bool // GitHub has answered
}

// isWholeCloud reports whether every region has answered.
func (s sight) isWholeCloud() bool {
	for _, unseen := range s.unseen {
		if unseen {
			return false
		}
	}
	return true
}

// look reads EC2 and GitHub once. The error is about what could not be read.
func (w *watcher) look(ctx context.Context, regions []string) (sight, error) {
	looking, cancel := context.WithTimeout(ctx, lookTimeout)
	defer cancel()
	seen := sight{begun: time.Now(), unseen: map[string]bool{}, runners: map[string]github.Runner{}}
	errs := w.lookAtCloud(looking, regions, &seen)
	registry, err := w.signIn.client()
	if err == nil {
		var list []github.Runner
		if list, err = registry.AllRunners(looking); err == nil {
			seen.listed = true
			for _, r := range list {
				seen.runners[r.Name] = r
			}
		}
	}
	seen.now = time.Now()
	err = errors.Join(append(errs, err)...)
	hint := diagnosis.Hint(err)
	w.mu.Lock()
	defer w.mu.Unlock()
	switch {
	case err == nil:
		w.looked, w.unseen, w.hint, w.warned = seen.begun, "", "", time.Time{}
	case ctx.Err() != nil:
	case time.Since(w.warned) < stillWaiting:
		w.unseen, w.hint = err.Error(), hint
	default:
		w.unseen, w.hint, w.warned = err.Error(), hint, time.Now()
		w.log.Warn("a look could not see everything; what was not seen is left as it is", "error", err.Error(),
			"hint", hint)
	}
	return seen, err
}

// lookAtCloud lists the machines of all sets of the scope, by one call for each region.
func (w *watcher) lookAtCloud(ctx context.Context, regions []string, seen *sight) []error {
	found, errs := make([][]ec2.Instance, len(regions)), make([]error, len(regions))
	machines := ofScope(w.signIn.scope.String())
	ctx, cancel := context.WithTimeout(ctx, cloudTimeout)
	defer cancel()
	var group sync.WaitGroup
	for n, region := range regions {
		group.Go(func() { found[n], errs[n] = w.cloud.Instances(ctx, region, machines) })
	}
	group.Wait()
	for n, region := range regions {
		seen.unseen[region] = errs[n] != nil
	}
	seen.instances = slices.Concat(found...)
	return errs
}

// state returns when the last look began that saw everything, what the last look could not see, and what to do about
// that.
func (w *watcher) state() (looked time.Time, unseen, hint string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.looked, w.unseen, w.hint
}
