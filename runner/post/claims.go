package post

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/marqo-ai/ec2-github-runner/ec2"
	"github.com/marqo-ai/ec2-github-runner/ec2/refusal"
	"github.com/marqo-ai/ec2-github-runner/github"
	"github.com/marqo-ai/ec2-github-runner/runner/remove"
	"github.com/marqo-ai/ec2-github-runner/runner/tags"
	"github.com/marqo-ai/ec2-github-runner/runner/tags/key"
)

// Claim is a pool entry that a start, or a pool that shrinks, has taken hold of: what the post step must know of it.
type Claim struct {
	InstanceID string `json:"ec2-instance-id"`
	Region     string `json:"region"`
	RunnerID   int64  `json:"runner-id,omitempty"` // 0 while GitHub has not told it
	// Starting reports whether the machine may have been started: it is to be ended. Before that the entry is to be
	// freed.
	Starting bool `json:"starting,omitempty"`
}

// claimLooks is what the looks at one claim have shown and done.
type claimLooks struct {
	settled bool  // EC2 shows no tags any more as they were before the dead process wrote them
	freed   bool  // the entry's tags are written
	stale   int64 // the registration under the entry's name, at the last look
}

// clearClaim frees or ends what a killed start, or a killed pool, had claimed. It looks more than once: what the dead
// process asked for last may have its effect only now, and EC2 shows a change late. And a registration of which only
// the name is known may be another claim's, unless it is there at two looks: no claim lasts as long as that.
func (p *cleaner) clearClaim(ctx context.Context, claim Claim) {
	begun, looks := time.Now(), claimLooks{}
	for {
		looks.settled = time.Since(begun) >= remove.TagsDelay
		over, err := p.clearOnce(ctx, claim, &looks)
		ended := false
		if !over && !looks.settled {
			ended = !remove.Pause(ctx, remove.MaxClaimAge)
		}
		switch {
		case err != nil && (looks.settled || ended):
			p.left(fmt.Sprintf("a claim on warm instance %s in %s (%s)", claim.InstanceID, claim.Region,
				refusal.Reason(err)))
			return
		case over && err == nil, looks.settled:
			return
		case ended:
			p.left(fmt.Sprintf("a claim on warm instance %s in %s (there was no time to see what becomes of it)",
				claim.InstanceID, claim.Region))
			return
		}
	}
}

// clearOnce does what one look shows to be needed; over tells that no other one is. Until EC2 shows the entry's tags as
// they are, the registration is kept: it keeps others from claiming the entry.
func (p *cleaner) clearOnce(ctx context.Context, claim Claim, looks *claimLooks) (over bool, err error) {
	instance, err := p.remover.Cloud.Instance(ctx, claim.Region, claim.InstanceID)
	gone := refusal.ClassOf(err) == refusal.NotFound || (err == nil && !instance.Alive())
	ours := instance.Tags[key.Nonce] == p.request.Identity.Nonce && instance.Tags[key.Mode] == tags.ModeStart
	switch {
	case gone:
		return true, p.releaseOf(ctx, claim, func(found github.Runner) bool { return !found.Online })
	case err != nil:
		return false, err
	case ours && !looks.freed && (claim.Starting || instance.State != ec2.Stopped):
		return true, p.endClaimed(ctx, claim, instance)
	case ours && !looks.freed:
		if err := p.remover.Cloud.Tag(ctx, claim.Region, claim.InstanceID, tags.Of(instance).FreedTags()); err != nil {
			return false, err
		}
		looks.freed = true
		p.freed(claim.InstanceID)
	}
	return false, p.releaseUnclaimed(ctx, claim, instance, looks)
}

// releaseUnclaimed removes the claim's registration from an entry that is not the dead process's, or not any more.
func (p *cleaner) releaseUnclaimed(ctx context.Context, claim Claim, instance ec2.Instance, looks *claimLooks) error {
	switch {
	case claim.RunnerID != 0 && (looks.settled || looks.freed):
		return p.releaseOf(ctx, claim, nil)
	case claim.RunnerID != 0, instance.State != ec2.Stopped, !tags.Of(instance).Entry && !looks.freed:
		return nil
	}
	return p.releaseOf(ctx, claim, func(found github.Runner) bool {
		before := looks.stale
		looks.stale = found.ID
		return !found.Online && found.ID == before
	})
}

// releaseOf removes the registration that a claim made. Where its id is not known, the name alone says which it is, and
// fits whether it is nobody's any more.
func (p *cleaner) releaseOf(ctx context.Context, claim Claim, fits func(github.Runner) bool) error {
	id := claim.RunnerID
	if id == 0 {
		found, exists, err := p.remover.Registry.FindByName(ctx, tags.EntryName(claim.InstanceID))
		if err != nil || !exists || !fits(found) {
			return err
		}
		id = found.ID
	}
	err := p.remover.Release(ctx, id)
	if errors.Is(err, github.ErrBusy) {
		p.remover.Log.Info(fmt.Sprintf("the runner of AWS EC2 instance %s is at work and is left alone",
			claim.InstanceID))
		return nil
	}
	return err
}

// endClaimed ends a machine that the dead start has started, unless it is at work.
func (p *cleaner) endClaimed(ctx context.Context, claim Claim, instance ec2.Instance) error {
	id := cmp.Or(claim.RunnerID, tags.Of(instance).RunnerID)
	err := p.remover.Release(ctx, id)
	if errors.Is(err, github.ErrBusy) {
		p.remover.Log.Info(fmt.Sprintf("the runner of AWS EC2 instance %s is at work and is left alone",
			claim.InstanceID))
		return nil
	}
	if err != nil {
		return err
	}
	p.terminateFound(ctx, instance)
	return nil
}

func (p *cleaner) freed(id string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.result.Freed = append(p.result.Freed, id)
}
