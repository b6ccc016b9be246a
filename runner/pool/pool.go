// Package pool provides machines that are warmed up once and used once: mode pool fills the pool, and a start claims
// from it.
//
// A pool entry is an instance that `mode: pool` has launched, booted once with everything installed, and stopped. It is
// ready while it is stopped and its mode is "pool". The registration under the entry's own name is its lock, since a
// name exists only once in a scope: only its holder changes the entry.
//
// A start claims an entry: it registers the entry's name, changes user data, shutdown behavior and tags, and starts the
// machine (claim.go). A claim that fails, or is incomplete after four seconds, is undone as far as it got, the
// registration last (free.go, and package post if the start was killed). A machine that does not come online is
// terminated, and its slot is started cold in the same step (warm.go). `mode: pool` reads the state, decides (plan.go,
// without API calls), launches (grow.go) and terminates (dismiss.go). See docs/adr/0009-warm-pool.md for the reasons.
package pool

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/marqo-ai/ec2-github-runner/ec2"
	"github.com/marqo-ai/ec2-github-runner/ec2/refusal"
	"github.com/marqo-ai/ec2-github-runner/machine"
	"github.com/marqo-ai/ec2-github-runner/runner"
	"github.com/marqo-ai/ec2-github-runner/runner/diagnosis"
	"github.com/marqo-ai/ec2-github-runner/runner/tags"
	"github.com/marqo-ai/ec2-github-runner/runner/tags/key"
)

// Request describes a pool: how many machines, launched as a start of Start would launch those of its first group.
type Request struct {
	Start  runner.StartRequest
	Name   string
	Size   int
	MaxAge time.Duration
	WarmUp time.Duration // how long a warm-up may take
}

// The values of Entry.Became.
const (
	Ready      = "ready"
	Warming    = "warming"
	Launched   = "launched"
	Replaced   = "replaced"
	Terminated = "terminated"
	Claimed    = "claimed" // by a start, when it was about to be terminated
)

// Entry is one entry and what became of it.
type Entry struct {
	Became           string `json:"became"`
	Why              string `json:"why,omitempty"`
	InstanceID       string `json:"ec2-instance-id"`
	Region           string `json:"region"`
	InstanceType     string `json:"ec2-instance-type"`
	AvailabilityZone string `json:"availability-zone,omitempty"`
	Image            string `json:"ec2-image-id"`
	RunnerVersion    string `json:"runner-version,omitempty"`
	ExpiresAt        string `json:"expires-at,omitempty"`
}

// Result is what a pool contains now, and what was done about it.
type Result struct {
	Name     string
	Size     int
	Entries  []Entry
	Trail    []runner.Attempt
	Warnings []string
	Left     []string // what could not be undone; the post step tries again
}

// Count returns how many entries became something.
func (r Result) Count(became string) (n int) {
	for _, entry := range r.Entries {
		if entry.Became == became {
			n++
		}
	}
	return n
}

// Fill brings the number of warm machines to the wanted one, without waiting for them. After an error, the result says
// what was done before it.
func Fill(ctx context.Context, starter *runner.Starter, request Request) (Result, error) {
	only := request.Start.Groups[0]
	only.Markets, only.Count = []string{machine.OnDemand}, 1 // a stopped spot instance cannot be started at will
	request.Start.Groups, request.Start.Source = []runner.Group{only}, nil
	p := &pool{st: starter.Begin(request.Start), wanted: request, result: Result{Name: request.Name,
		Size: request.Size}}
	p.claims, p.identity = newClaims(p.st, request.Name), p.st.Identity
	p.identity.Label = ""
	if err := starter.Journal.Begun(p.identity); err != nil {
		return p.result, err
	}
	var err error
	for _, step := range []struct {
		title string
		run   func(context.Context, *slog.Logger) error
	}{
		{"Look at the pool", p.readState},     // entries, consoles, images, what GitHub offers
		{"Launch warm machines", p.grow},      // what is missing
		{"End what is not wanted", p.dismiss}, // what no longer fits, and the surplus
	} {
		if stepErr := step.run(ctx, starter.Log.With("phase", step.title)); stepErr != nil {
			err = errors.Join(err, stepErr)
			if p.plan == nil || ctx.Err() != nil {
				break
			}
		}
	}
	if ctx.Err() != nil {
		err = context.Cause(ctx)
	}
	slices.SortStableFunc(p.result.Entries, func(a, b Entry) int {
		order := []string{Ready, Warming, Launched, Replaced, Terminated, Claimed}
		return slices.Index(order, a.Became) - slices.Index(order, b.Became)
	})
	p.result.Warnings = append(p.result.Warnings, p.st.Warnings()...)
	return p.result, err
}

// pool is the state of one `mode: pool`. It reads, chooses and launches as a start does.
type pool struct {
	st       *runner.Start
	identity tags.Identity // without a label
	claims   *claims
	wanted   Request
	plan     *poolPlan
	launched int
	resultMu sync.Mutex
	result   Result
}

func (p *pool) note(i ec2.Instance, became, why string) {
	p.resultMu.Lock()
	defer p.resultMu.Unlock()
	p.result.Entries = append(p.result.Entries, Entry{
		Became: became, Why: why, InstanceID: i.ID, Region: i.Region, InstanceType: i.Type, AvailabilityZone: i.Zone,
		Image:         i.ImageID,
		RunnerVersion: i.Tags[key.RunnerVersion], ExpiresAt: i.Tags[key.ExpiresAt],
	})
}

// listReady finds the entries and decides what to do.
func (p *pool) readState(ctx context.Context, log *slog.Logger) error {
	entries, err := p.entries(ctx)
	if err != nil {
		return err
	}
	wanted := wantedPool{
		now: time.Now(), size: p.wanted.Size, maxAge: p.wanted.MaxAge, group: p.st.GroupKey,
		images: map[string]bool{},
		gone:   map[string]bool{},
		failed: map[string]bool{}, since: map[string]time.Time{}, public: strings.HasPrefix(p.wanted.Start.WebURL,
			"https://github.com/"),
	}
	if p.wanted.Size > 0 {
		if err := p.choose(ctx, log, &wanted, entries); err != nil {
			return err
		}
	}
	plan := wanted.plan(entries)
	p.plan = &plan
	log.Info(fmt.Sprintf("pool %s has %d warm machines ready and %d warming up, of %d wanted; %d no longer fit, %d "+
		"are too many, %d are missing", p.wanted.Name, len(plan.ready), len(plan.warming), p.wanted.Size,
		len(plan.stale), len(plan.surplus), plan.launch))
	for _, i := range plan.ready {
		p.note(i, Ready, "")
	}
	for _, i := range plan.warming {
		p.note(i, Warming, "")
	}
	return nil
}

// entries lists the pool's unclaimed machines in all regions of the request.
func (p *pool) entries(ctx context.Context) ([]ec2.Instance, error) {
	var all []ec2.Instance
	for _, region := range p.st.Regions() {
		found, err := p.st.Cloud.Instances(ctx, region, ec2.Selector{
			Tags: map[string]string{key.Scope: p.identity.Scope, key.Repository: p.identity.Run.Repository,
				key.Mode: tags.ModePool, key.Pool: p.wanted.Name},
			States: []string{ec2.Pending, ec2.Running, ec2.Stopping, ec2.Stopped},
		})
		if err != nil {
			return nil, fmt.Errorf("read pool %s: %w", p.wanted.Name, err)
		}
		all = append(all, found...)
	}
	return all, nil
}

// choose reads what decides whether an entry still fits: images, runner software and consoles.
func (p *pool) choose(ctx context.Context, log *slog.Logger, wanted *wantedPool, entries []ec2.Instance) error {
	wanted.prints = p.st.Slots()[0].Fingerprints()
	if err := p.st.Prepare(ctx, log); err != nil {
		return err
	}
	wanted.offered = p.st.Offered().Version()
	for _, placement := range p.st.Found().Placements {
		if !strings.HasPrefix(placement.ImageID, "ami-") || p.wanted.Start.Groups[0].Overlay.Has("ImageId") {
			wanted.images = nil // launch-parameters name the image, or EC2 resolves it
			break
		}
		wanted.images[placement.ImageID] = true
	}
	p.readEntries(ctx, wanted, entries)
	return nil
}

// Limits of reading consoles.
const (
	maxReads       = 5
	consoleTimeout = 2 * time.Second
)

// readEntries reads whether the entries' images still exist and how the warm-ups ended. Both are optional: an entry
// that cannot be checked counts as good, since a claimed machine completes what its warm-up did not.
func (p *pool) readEntries(ctx context.Context, wanted *wantedPool, entries []ec2.Instance) {
	var mu sync.Mutex
	var group errgroup.Group
	group.SetLimit(maxReads)
	cloud, asked := p.st.Cloud, map[string]bool{}
	for _, i := range entries {
		if !asked[i.ImageID] {
			asked[i.ImageID] = true
			group.Go(func() error {
				image, err := cloud.Images().Get(ctx, i.Region, i.ImageID)
				mu.Lock()
				defer mu.Unlock()
				if err == nil && image.Tags[key.RunnerVersion] != "" {
					wanted.since[i.ImageID], _ = time.Parse(time.RFC3339, image.Created) // zero if it cannot be read
				}
				wanted.gone[i.ImageID] = refusal.ClassOf(err) == refusal.NotFound
				return nil
			})
		}
		if i.State == ec2.Stopped {
			group.Go(func() error {
				bounded, cancel := context.WithTimeout(ctx, consoleTimeout)
				defer cancel()
				console, _, err := cloud.Console(bounded, i.Region, i.ID)
				mu.Lock()
				defer mu.Unlock()
				wanted.failed[i.ID] = err == nil && diagnosis.HasFailed(console)
				return nil
			})
		}
	}
	_ = group.Wait()
}

// CheckUserData returns an error if the user data of a warm-up does not fit.
func (r Request) CheckUserData() error {
	p := &pool{st: r.Start.Draft(), wanted: r}
	_, err := p.spec().UserData()
	return err
}
