package runner

import (
	"context"
	"errors"
	"fmt"

	"github.com/marqo-ai/ec2-github-runner/ec2"
	"github.com/marqo-ai/ec2-github-runner/github"
)

// clearClaim frees or ends what a killed start, or a killed pool, had claimed. It looks more than once: what the dead process asked
// for last may have its effect only now, and EC2 shows a change late. And a registration of which only the name is known may be
// another claim's, unless it is there at two looks: no claim lasts as long as that.
func (p *post) clearClaim(ctx context.Context, tags tagger, claim Claim) {
	var stale int64
	for look := range 3 {
		if look == 2 && stale == 0 || look > 0 && !pause(ctx, claimSettles) {
			break
		}
		over, err := p.clearOnce(ctx, tags, claim, &stale)
		if err != nil {
			p.left(fmt.Sprintf("a claim on warm instance %s in %s (%s)", claim.InstanceID, claim.Region, ec2.Reason(err)))
			return
		}
		if over {
			return
		}
	}
}

// clearOnce does what one look shows to be needed; over tells that no second one is.
func (p *post) clearOnce(ctx context.Context, tags tagger, claim Claim, stale *int64) (over bool, err error) {
	instance, err := p.cloud.Instance(ctx, claim.Region, claim.InstanceID)
	gone := ec2.ClassOf(err) == ec2.NotFound || (err == nil && !instance.Alive())
	ours := instance.Tags[TagNonce] == p.request.Identity.Nonce && instance.Tags[TagMode] == instanceOfStart
	switch {
	case gone:
		return true, p.releaseOf(ctx, claim, func(found github.Runner) bool { return !found.Online })
	case err != nil:
		return false, err
	case ours && (claim.Starting || instance.State != ec2.Stopped):
		return true, p.endClaimed(ctx, claim, instance)
	case ours:
		if err := tags.Tag(ctx, claim.Region, claim.InstanceID, freedTags(instance)); err != nil {
			return false, err
		}
		p.freed(claim.InstanceID)
	}
	if claim.RunnerID == 0 && isEntry(instance) && instance.State == ec2.Stopped {
		return false, p.releaseOf(ctx, claim, func(found github.Runner) bool {
			before := *stale
			*stale = found.ID
			return !found.Online && found.ID == before
		})
	}
	if claim.RunnerID == 0 {
		return false, nil
	}
	return false, p.releaseOf(ctx, claim, nil)
}

// releaseOf removes the registration that a claim made. Where its id is not known, the name alone says which it is, and fits whether
// it is nobody's any more.
func (p *post) releaseOf(ctx context.Context, claim Claim, fits func(github.Runner) bool) error {
	id := claim.RunnerID
	if id == 0 {
		found, exists, err := p.registry.FindByName(ctx, entryName(claim.InstanceID))
		if err != nil || !exists || !fits(found) {
			return err
		}
		id = found.ID
	}
	err := p.release(ctx, id)
	if errors.Is(err, github.ErrBusy) {
		p.log.Info(fmt.Sprintf("the runner of AWS EC2 instance %s is at work and is left alone", claim.InstanceID))
		return nil
	}
	return err
}

// endClaimed ends a machine that the dead start has started, unless it is at work.
func (p *post) endClaimed(ctx context.Context, claim Claim, instance ec2.Instance) error {
	id := claim.RunnerID
	if id == 0 {
		id = runnerIDOf(instance)
	}
	err := p.release(ctx, id)
	if errors.Is(err, github.ErrBusy) {
		p.log.Info(fmt.Sprintf("the runner of AWS EC2 instance %s is at work and is left alone", claim.InstanceID))
		return nil
	}
	if err != nil {
		return err
	}
	p.terminateFound(ctx, instance)
	return nil
}

func (p *post) freed(id string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.result.Freed = append(p.result.Freed, id)
}
