package stop

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/cenkalti/backoff/v4"

	"github.com/marqo-ai/ec2-github-runner/ec2"
	"github.com/marqo-ai/ec2-github-runner/ec2/refusal"
)

// A region that does not answer says nothing about what runs in it: "could not look" never means "gone". It is asked
// again for a while; if it still does not answer, the error names it. See docs/adr/0014-silence.md.

// silenceTimeout is how long regions that do not answer are asked again.
const silenceTimeout = time.Minute

// lookTimeouts are the timeouts of the successive calls to a region; further calls have the last one. A short timeout
// soon repeats a lost call, a long one lets a slow region answer.
var lookTimeouts = []time.Duration{5 * time.Second, 10 * time.Second, 20 * time.Second}

// errSilent makes until ask again.
var errSilent = errors.New("a region gives no answer")

// regionLooks asks regions concurrently. Only ask and done need to be set.
type regionLooks struct {
	ask  func(ctx context.Context, region string) error
	done func() bool // everything is found
	// grace is how long calls in flight may continue once done is true: their answers count too.
	grace time.Duration

	rounds   int
	answered map[string]bool
	denied   map[string]error
	silent   map[string]error // the error of the last call
}

// round asks, once, those regions that have neither answered nor denied the call. It returns an error if the
// credentials are refused everywhere or ctx has ended.
func (l *regionLooks) round(ctx context.Context, regions []string) error {
	due := l.due(regions)
	bounded, cancel := context.WithTimeout(ctx, lookTimeouts[min(l.rounds, len(lookTimeouts)-1)])
	defer cancel()
	l.rounds++
	graceOver := time.Now().Add(l.grace)
	errs := make([]error, len(due))
	var group sync.WaitGroup
	for n, region := range due {
		group.Go(func() {
			if errs[n] = l.ask(bounded, region); errs[n] == nil && l.done() {
				time.AfterFunc(time.Until(graceOver), cancel)
			}
		})
	}
	group.Wait()
	for n, region := range due {
		if err := l.note(region, errs[n]); err != nil {
			return err
		}
	}
	return context.Cause(ctx)
}

func (l *regionLooks) note(region string, err error) error {
	if l.silent == nil {
		l.answered, l.denied, l.silent = map[string]bool{}, map[string]error{}, map[string]error{}
	}
	before := l.silent[region]
	delete(l.silent, region)
	switch {
	case err == nil:
		l.answered[region] = true
	case refusal.DeniesRegion(err):
		l.denied[region] = err
	case refusal.ClassOf(err) == refusal.Credentials:
		return err
	case errors.Is(err, context.Canceled) && l.grace == 0: // the answer was not needed any more
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		l.silent[region] = cmp.Or(before, errLate) // an earlier error of EC2 says more
	default:
		l.silent[region] = err
	}
	return nil
}

// errLate means that a call was not answered before its timeout.
var errLate = errors.New("no answer in time")

// due returns those of the regions that are still to be asked.
func (l *regionLooks) due(regions []string) []string {
	return slices.DeleteFunc(slices.Clone(regions),
		func(region string) bool { return l.answered[region] || l.denied[region] != nil })
}

// until asks the regions, whose list may grow, until done, until all have answered, or until silenceTimeout is over.
func (l *regionLooks) until(ctx context.Context, regions func(context.Context) []string) error {
	bounded, cancel := context.WithTimeout(ctx, silenceTimeout)
	defer cancel()
	err := ec2.RetryUntilDone(bounded, time.Second, func() error {
		all := regions(bounded)
		if err := l.round(bounded, all); err != nil && bounded.Err() == nil {
			return backoff.Permanent(err)
		}
		if l.done() || len(l.due(all)) == 0 && len(l.silent) == 0 {
			return nil
		}
		return errSilent
	})
	switch {
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case bounded.Err() != nil, errors.Is(err, errSilent):
		return nil
	}
	return err
}

// unseen lists the silent regions, each with its last error.
func (l *regionLooks) unseen() string {
	words := make([]string, 0, len(l.silent))
	for _, region := range slices.Sorted(maps.Keys(l.silent)) {
		words = append(words, fmt.Sprintf("%s (%s)", region, refusal.Reason(l.silent[region])))
	}
	return strings.Join(words, ", ")
}

// names returns the sorted keys of a map as a comma-separated list.
func names[V any](set map[string]V) string { return strings.Join(slices.Sorted(maps.Keys(set)), ", ") }

// regionList returns the regions of the account, and asks for them again as long as EC2 does not answer.
type regionList struct {
	cloud *ec2.Client
	known []string
	err   error // of the last attempt
}

// unlisted stands for the list of regions among the silent regions.
const unlisted = "the list of regions"

func (r *regionList) regions(ctx context.Context, l *regionLooks) []string {
	if r.known != nil && r.err == nil {
		return r.known
	}
	bounded, cancel := context.WithTimeout(ctx, lookTimeouts[min(l.rounds, len(lookTimeouts)-1)])
	defer cancel()
	var denied bool
	r.known, denied, r.err = r.cloud.Account().Regions(bounded) // with an error it returns a built-in list
	if denied {
		r.err = nil // asking again would return the same
	}
	if r.err == nil {
		delete(l.silent, unlisted)
	} else {
		_ = l.note(unlisted, r.err)
	}
	return r.known
}
