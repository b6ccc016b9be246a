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

// Claim is a pool entry that a start, or a shrinking pool, has claimed: what the post step must know to undo it.
type Claim struct {
	InstanceID string `json:"ec2-instance-id"`
	Region     string `json:"region"`
	RunnerID   int64  `json:"runner-id,omitempty"` // 0 until GitHub has returned it
	// Starting reports whether the machine may have been started: then it is terminated, otherwise the entry is freed.
	Starting bool `json:"starting,omitempty"`
}

// claimLooks is what the looks at one claim have found and done so far.
type claimLooks struct {
	settled bool  // EC2 shows the tags that the interrupted process wrote
	freed   bool  // the entry's tags are written
	stale   int64 // the registration under the entry's name, at the last look
}

// clearClaim frees or terminates what an interrupted start or pool run had claimed. It looks repeatedly: the last call
// of the interrupted process may take effect only now, and EC2 shows changes late. A registration of which only the
// name is known is removed only if it is still there at the second look: it could be another claim's, but no claim
// lasts that long.
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
			p.left(fmt.Sprintf("a claim on warm instance %s in %s (the post step had no time to check it)",
				claim.InstanceID, claim.Region))
			return
		}
	}
}

// clearOnce does what one look shows to be necessary; over reports that no further look is. Until EC2 shows the entry's
// current tags, the registration stays, because it keeps others from claiming the entry.
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

// releaseUnclaimed removes the claim's registration from an entry that the interrupted process no longer owns, or never
// did.
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

// releaseOf removes the registration that a claim made. If its id is unknown, it is found by name, and fits reports
// whether it may be removed.
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
		p.remover.Log.Info(fmt.Sprintf("the runner of AWS EC2 instance %s is busy and is left alone", claim.InstanceID))
		return nil
	}
	return err
}

// endClaimed terminates a machine that the interrupted start has started, unless a job is running on it.
func (p *cleaner) endClaimed(ctx context.Context, claim Claim, instance ec2.Instance) error {
	id := cmp.Or(claim.RunnerID, tags.Of(instance).RunnerID)
	err := p.remover.Release(ctx, id)
	if errors.Is(err, github.ErrBusy) {
		p.remover.Log.Info(fmt.Sprintf("the runner of AWS EC2 instance %s is busy and is left alone", claim.InstanceID))
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
