package existing

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/marqo-ai/ec2-github-runner/ec2/refusal"
	"github.com/marqo-ai/ec2-github-runner/runner/remove"
)

// At the end of a use, a machine that was started for it is stopped, never terminated, and its registration stays.

func (k *kept) End(ctx context.Context, r *remove.Remover) (left []string) {
	s := k.slot
	if k.lost {
		return nil
	}
	u := remove.Use{Nonce: k.x.st.Identity.Nonce, Before: func(nonce string) bool { return nonce == k.before }}
	if k.doubt {
		u.StartDelay = 3 * time.Second
	}
	did, err := r.GiveBack(ctx, s.Instance().Region, s.Instance().ID, u)
	if errors.Is(err, remove.ErrStaleTags) && !k.started && !k.doubt && !k.ran {
		return nil // nothing was started
	}
	switch {
	case err != nil:
		return []string{fmt.Sprintf("instance %s in %s, which was started (%s): stop it in the EC2 console, or let a "+
			"sweep do it when this run is over", s.Instance().ID, s.Instance().Region, refusal.Reason(err))}
	case k.doubt && did == remove.StoppedAlready:
		return []string{fmt.Sprintf("perhaps instance %s in %s, whose start got no answer: the post step looks again",
			s.Instance().ID, s.Instance().Region)}
	}
	return nil
}
