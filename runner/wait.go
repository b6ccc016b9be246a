package runner

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"time"

	"github.com/cenkalti/backoff/v4"

	"github.com/marqo-ai/ec2-github-runner/runner/diagnosis"
)

// Delays of waiting.
const (
	cloudInterval    = 5 * time.Second  // how often to look at EC2
	pendingInterval  = 2 * time.Second  // the same until all are running, which the timeline shows
	maxPending       = 5 * time.Minute  // machulav's limit of waiting for `running`
	unseenGrace      = time.Minute      // EC2 shows a new instance late
	vanishGrace      = 10 * time.Second // GitHub shows a new registration late
	progressInterval = 10 * time.Second
)

// wait asks GitHub until every runner is online, and EC2 to find failed machines early.
func (st *Start) wait(ctx context.Context, log *slog.Logger) error {
	st.ending(log).clearDoubts(ctx)
	w := &waiter{st: st, log: log, begun: time.Now(), interval: time.Second, pacer: pacer{last: st.rate},
		shown: map[string]string{}}
	if quiet := st.Request.Waiting.quiet(); quiet > 0 {
		log.Info(fmt.Sprintf("Waiting %ds for the AWS EC2 instance to be registered in GitHub as a new "+
			"self-hosted runner", int(quiet.Seconds())))
	}
	log.Info(fmt.Sprintf("The maximum waiting time is %s", diagnosis.Minutes(st.Request.Waiting.Timeout)))
	policy := &paced{waiter: w}
	err := backoff.Retry(func() error {
		done, err := w.look(ctx)
		switch {
		case err != nil:
			return backoff.Permanent(err)
		case !done:
			return errNotYet
		}
		return nil
	}, backoff.WithContext(policy, ctx))
	if err == nil && st.Request.Debug {
		st.readBoots(ctx, log)
	}
	return err
}

var errNotYet = errors.New("not every runner is online yet")

// paced passes the waiter's interval to backoff.
type paced struct{ waiter *waiter }

// NextBackOff implements backoff.BackOff.
func (p *paced) NextBackOff() time.Duration { return p.waiter.interval }

// Reset implements backoff.BackOff.
func (p *paced) Reset() {}

// waiter is what the wait remembers between two looks.
type waiter struct {
	st             *Start
	log            *slog.Logger
	begun          time.Time
	interval       time.Duration // until the next look
	pacer          pacer
	cloudAt        time.Time // the last look at EC2
	registryAt     time.Time // the next look at GitHub
	progressAt     time.Time
	setupAt        time.Time            // the last look at consoles for machines that have given up
	consolesDenied bool                 // whether EC2 denies reading consoles
	refusedAt      map[string]bool      // by instance: whether its console was denied once
	readAt         map[string]time.Time // by instance: when its console was last read
	pages          int                  // of GitHub's list, as far as known
	failed         map[*Slot]error      // slots whose machines failed during this look
	shown          map[string]string    // by instance: the console text shown so far
}

// look makes all calls that are due. done reports whether every runner is online.
func (w *waiter) look(ctx context.Context) (done bool, err error) {
	now := time.Now()
	w.pollCloud(ctx, now)
	if err := w.pollRegistry(ctx, now); err != nil {
		return false, err
	}
	if now.Sub(later(w.setupAt, w.begun)) >= cloudInterval {
		w.setupAt = now
		w.pollConsoles(ctx, now)
	}
	for _, s := range w.pending() {
		if err := s.machine.Overdue(); err != nil {
			w.noteFailure(err, s)
		}
	}
	if err := w.replaceFailed(ctx); err != nil {
		return false, err
	}
	if err := w.st.enough(); err != nil || len(w.pending()) == 0 {
		return err == nil, err
	}
	w.logProgress(ctx, now)
	w.interval = min(max(time.Until(w.registryAt), 100*time.Millisecond), cloudInterval)
	return false, nil
}

// pending returns the slots whose runner is not online and whose machine has not failed.
func (w *waiter) pending() []*Slot {
	living := w.st.living()
	w.st.mu.Lock()
	defer w.st.mu.Unlock()
	return slices.DeleteFunc(living, func(s *Slot) bool { return s.timeline.Online > 0 || w.failed[s] != nil })
}

// maxNamed is how many runners one line of progress names.
const maxNamed = 5

// logProgress logs the progress of a long wait.
func (w *waiter) logProgress(ctx context.Context, now time.Time) {
	if now.Sub(later(w.progressAt, w.begun)) < progressInterval {
		return
	}
	w.progressAt = now
	var waiting []string
	for i, s := range w.pending() {
		if i == maxNamed {
			waiting = append(waiting, fmt.Sprintf("%d more", len(w.pending())-i))
			break
		}
		waiting = append(waiting, fmt.Sprintf("%s (%s, %s)", cmp.Or(s.name, "a runner labelled "+s.group.label),
			s.instance.ID,
			orUnknown(s.instance.State)))
	}
	w.log.Info(fmt.Sprintf("Checking... (%ds elapsed), waiting for %s to come online", int(now.Sub(w.begun).Seconds()),
		strings.Join(waiting, ", ")))
	if w.st.Request.Debug {
		w.showConsoles(ctx)
	}
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

func orUnknown(state string) string {
	if state == "" {
		return "not shown by EC2 yet"
	}
	return state
}
