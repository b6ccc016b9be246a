// Package post removes what an interrupted start or bake left behind. GitHub runs the action's post step in a new
// container, so the package knows only what the journal contains and what EC2 and GitHub show.
package post

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/marqo-ai/ec2-github-runner/ec2"
	"github.com/marqo-ai/ec2-github-runner/ec2/refusal"
	"github.com/marqo-ai/ec2-github-runner/runner/remove"
	"github.com/marqo-ai/ec2-github-runner/runner/tags"
	"github.com/marqo-ai/ec2-github-runner/runner/tags/key"
)

// Request is what an interrupted start or bake wrote to the journal.
type Request struct {
	What     string // "start" or "bake", for messages
	Identity tags.Identity
	Tokens   map[string][]string // the client tokens of its launches, by region
	Made     []Registration      // that may exist
	Taken    map[string][]string // ids of existing machines that it was about to use, by region
	Claims   []Claim             // on entries of a pool
}

// Result states what the post step found and removed.
type Result struct {
	What       string
	Terminated []string
	Removed    []string // images
	Stopped    []string // existing machines, which the start had started
	Freed      []string // entries of a pool
	Left       []string
}

// Registration is a registration that a start makes.
type Registration struct {
	Name  string `json:"name"`
	Other string `json:"other,omitempty"` // the name to fall back to if another start's runner has Name
	ID    int64  `json:"id,omitempty"`    // 0 until GitHub has returned it
	// JIT marks a registration by JIT configuration: until GitHub has returned the id, the name may be another start's.
	JIT bool `json:"jit,omitempty"`
}

// searchTimeout limits the search for instances: EC2 shows a new one some seconds late.
const searchTimeout = 20 * time.Second

// CleanUp removes what an interrupted start or bake left behind: every instance with its nonce, then its registrations.
// It finds instances by the client tokens in the journal, so it does not need tags.
func CleanUp(ctx context.Context, remover remove.Remover, request Request) Result {
	remover.Log = remover.Log.With("phase", "Clean up after an interrupted "+request.What)
	remover.Log.Info("the "+request.What+" step was interrupted; looking for what it left behind", "nonce",
		request.Identity.Nonce)
	p := &cleaner{remover: &remover, request: request, result: Result{What: request.What}}
	looking, cancel := context.WithTimeout(ctx, searchTimeout)
	defer cancel()
	var group sync.WaitGroup
	for region, tokens := range request.Tokens {
		group.Go(func() { p.clearRegion(ctx, looking, region, tokens) })
	}
	for _, claim := range request.Claims {
		group.Go(func() { p.clearClaim(looking, claim) })
	}
	group.Wait()
	for region, ids := range request.Taken {
		for _, id := range ids {
			group.Go(func() { p.giveBack(ctx, region, id) })
		}
	}
	remove.Each(request.Made, func(_ int, made Registration) {
		if err := p.removeRegistration(ctx, made); err != nil {
			p.left("runner " + made.Name + " (" + err.Error() + ")")
		}
	})
	group.Wait()
	return p.result
}

type cleaner struct {
	remover *remove.Remover
	request Request
	mu      sync.Mutex
	result  Result
	// launched reports whether an instance was found, terminated or not: the start settles its registrations' names
	// before it launches, so the names in the journal are its own.
	launched bool
}

func (p *cleaner) left(what string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.result.Left = append(p.result.Left, what)
}

// clearRegion searches until the time is over, because a second instance may appear later than the first.
func (p *cleaner) clearRegion(ctx, looking context.Context, region string, tokens []string) {
	found := map[string]bool{} // by token: its instance is not alive any more
	failed := errNoAnswer      // until EC2 has answered once
	_ = ec2.RetryUntilDone(looking, time.Second, func() error {
		var missed error
		for _, token := range tokens {
			if found[token] {
				continue
			}
			instances, err := p.remover.Cloud.Instances(looking, region, tags.LaunchedWith(token))
			if refusal.IsEnded(looking, err) { // the time is over; the result of the previous look counts
				return err
			}
			if err != nil {
				missed = err
				if remove.IsRefused(err) {
					break
				}
				continue
			}
			for n, instance := range instances {
				found[token] = p.end(ctx, instance) && (n == 0 || found[token])
			}
		}
		failed = missed
		if len(found) == len(tokens) && failed == nil || remove.IsRefused(failed) {
			return nil
		}
		return errNotSeen
	})
	if failed != nil {
		var unseen []string
		for _, token := range tokens {
			if !found[token] {
				unseen = append(unseen, token)
			}
		}
		p.left(fmt.Sprintf("perhaps an instance in %s with the client token %s (%s): terminate it in the EC2 "+
			"console; %s", region, strings.Join(unseen, " or "), refusal.Reason(failed), p.ownEnd()))
	}
}

// ownEnd says when the launched instance terminates itself.
func (p *cleaner) ownEnd() string {
	if p.request.What == "bake" {
		return "a builder terminates itself some minutes after bake-timeout-minutes"
	}
	return "it ends by itself if its runner does not register, and at the end of its lifetime (max-lifetime-minutes)"
}

// errNotSeen means that a region has not shown every instance that was asked for.
var errNotSeen = errors.New("EC2 does not show it yet")

// errNoAnswer means that a region never answered during the whole search.
var errNoAnswer = errors.New("EC2 did not answer in time")

// Timeouts of giving back an existing machine: the call that starts it may have been in flight when the start was
// interrupted, and a pending machine cannot be stopped.
const (
	startTimeout    = 5 * time.Second
	giveBackTimeout = time.Minute
)

// giveBack stops an existing machine that the start has started, if no other start uses it now.
func (p *cleaner) giveBack(ctx context.Context, region, id string) {
	ctx, cancel := context.WithTimeout(ctx, giveBackTimeout)
	defer cancel()
	did, err := p.remover.GiveBack(ctx, region, id, remove.Use{Nonce: p.request.Identity.Nonce,
		StartDelay: startTimeout})
	if err != nil {
		p.left("instance " + id + " (" + refusal.Reason(err) + ")")
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if did == remove.StoppedNow {
		p.result.Stopped = append(p.result.Stopped, id)
	}
}

func (p *cleaner) end(ctx context.Context, instance ec2.Instance) bool {
	p.mu.Lock()
	p.launched = true
	p.mu.Unlock()
	if !instance.Alive() || tags.Of(instance).Mode == tags.ModeExisting { // a stop has made it an existing machine
		return true
	}
	return p.terminateFound(ctx, instance)
}

func (p *cleaner) terminateFound(ctx context.Context, instance ec2.Instance) bool {
	ctx, cancel := context.WithTimeout(ctx, searchTimeout)
	defer cancel()
	err := p.remover.Terminate(ctx, instance.Region, instance.ID)
	p.mu.Lock()
	defer p.mu.Unlock()
	if err != nil {
		p.result.Left = append(p.result.Left, "instance "+instance.ID+" ("+refusal.Reason(err)+")")
		return false
	}
	p.result.Terminated = append(p.result.Terminated, instance.ID)
	return true
}

// removeRegistration removes what the start registered. If only a name is known, the start may have been interrupted
// before GitHub answered that the name is taken. A start that has launched has settled its name, unless its machine has
// a second name to fall back to: then the registration's mark shows whose it is. Before the launch an online runner is
// not ours, and an offline one only if no machine of another start has the name. With JIT, a name is ours only if its
// id is known.
func (p *cleaner) removeRegistration(ctx context.Context, made Registration) error {
	owner := tags.Owner{Name: made.Name, Other: made.Other, Mark: p.request.Identity.Mark()}
	if made.ID == 0 && (made.JIT || !p.launched) && made.Other == "" {
		found, err := p.remover.FindOwn(ctx, owner)
		if err != nil || len(found) == 0 {
			return err
		}
		if found[0].Online || p.belongsToAnother(ctx, made.Name) {
			p.remover.Log.Info("a runner named " + made.Name + " belongs to another start and is left alone")
			return nil
		}
	}
	return p.remover.Deregister(ctx, made.ID, owner)
}

func (p *cleaner) belongsToAnother(ctx context.Context, name string) bool {
	for region := range p.request.Tokens {
		found, err := p.remover.Cloud.Instances(ctx, region,
			ec2.Selector{Tags: map[string]string{key.RunnerName: name}})
		if err != nil {
			return true // ownership unknown: leave it alone
		}
		for _, instance := range found {
			if instance.Alive() && instance.Tags[key.Nonce] != p.request.Identity.Nonce {
				return true
			}
		}
	}
	return false
}
