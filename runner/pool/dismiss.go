package pool

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/marqo-ai/ec2-github-runner/ec2"
	"github.com/marqo-ai/ec2-github-runner/ec2/refusal"
	"github.com/marqo-ai/ec2-github-runner/github"
	"github.com/marqo-ai/ec2-github-runner/runner/remove"
	"github.com/marqo-ai/ec2-github-runner/runner/tags"
)

// dismissTimeout limits the last calls about one entry after a cancel.
const dismissTimeout = 6 * time.Second

// maxDismissals limits how many entries are terminated concurrently.
const maxDismissals = 30

// dismiss terminates entries that no longer fit and surplus ones. An outdated entry that could still be used stays if
// nothing was launched in its place.
func (p *pool) dismiss(ctx context.Context, log *slog.Logger) error {
	short := p.plan.launch - p.launched
	var group errgroup.Group
	group.SetLimit(maxDismissals)
	var mu sync.Mutex
	var errs []error
	end := func(i ec2.Instance, became, why string) {
		group.Go(func() error {
			took, err := p.seize(ctx, log, i)
			switch {
			case err != nil:
				mu.Lock()
				defer mu.Unlock()
				errs = append(errs, fmt.Errorf("terminate warm instance %s: %w", i.ID, err))
			case took:
				log.Info(fmt.Sprintf("AWS EC2 instance %s is terminated: %s", i.ID, why))
				p.note(i, became, why)
			default:
				p.note(i, Claimed, why+", but a start has claimed it")
			}
			return nil
		})
	}
	for _, stale := range p.plan.stale {
		if !stale.useless && short > 0 {
			short--
			log.Info(fmt.Sprintf("AWS EC2 instance %s stays although %s, since nothing could be launched in its place",
				stale.ID, stale.why))
			p.note(stale.Instance, Ready, stale.why)
			continue
		}
		end(stale.Instance, Replaced, stale.why)
	}
	for _, i := range p.plan.surplus {
		end(i, Terminated, fmt.Sprintf("the pool should have %d", p.wanted.Size))
	}
	_ = group.Wait()
	return errors.Join(errs...)
}

// seize terminates an entry under the same lock that a claim uses: it registers the entry's name, so that no start can
// claim it, reads the entry once more, and removes the registration last. took is false if a start was faster.
func (p *pool) seize(ctx context.Context, log *slog.Logger, i ec2.Instance) (took bool, err error) {
	c := p.claims.newClaim(log, nil, i)
	if err := c.note(false); err != nil {
		return false, err
	}
	config, err := p.st.Registry.JITConfigOnce(ctx, github.JITRequest{Name: tags.EntryName(i.ID), GroupID: 1,
		Labels: []string{"ec2-github-runner-pool"}})
	switch {
	case errors.Is(err, github.ErrNameTaken):
		return false, nil
	case github.ClassOf(err) == github.Unknown:
		p.addLeft("perhaps a registration " + tags.EntryName(i.ID) + ", which keeps the entry from being claimed")
		return false, err
	case err != nil:
		return false, err
	}
	p.st.Journal.Secret(config.Encoded)
	c.id = config.RunnerID
	if err := c.note(false); err != nil {
		return false, err
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), dismissTimeout)
	defer cancel()
	r := &remove.Remover{Cloud: p.st.Cloud, Registry: p.st.Registry, Log: log}
	defer func() {
		if released := r.Release(ctx, c.id); released != nil {
			p.addLeft("registration " + tags.EntryName(i.ID) + " (" + released.Error() + ")")
		}
	}()
	now, err := p.st.Cloud.Instance(ctx, i.Region, i.ID)
	switch {
	case refusal.ClassOf(err) == refusal.NotFound, err == nil && !now.Alive():
		return true, nil
	case err != nil:
		return false, err
	case !tags.Of(now).Entry:
		return false, nil
	}
	return true, r.Terminate(ctx, i.Region, i.ID)
}

func (p *pool) addLeft(what string) {
	p.resultMu.Lock()
	defer p.resultMu.Unlock()
	p.result.Left = append(p.result.Left, what)
}
