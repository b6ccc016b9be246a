package runner

import (
	"context"
	"fmt"
	"time"

	"github.com/marqo-ai/ec2-github-runner/ec2"
	"github.com/marqo-ai/ec2-github-runner/runner/diagnosis"
)

// cloudDue reports whether EC2 is to be looked at: more often while `running` is still to come.
func (w *waiter) cloudDue(now time.Time) bool {
	every := cloudLook
	for _, s := range w.pending() {
		if s.timeline.Running == 0 {
			every = pendingLook
		}
	}
	return !w.blind && now.Sub(w.cloudAt) >= every
}

// lookAtCloud sees when instances run, and early when one is on its way to its end.
func (w *waiter) lookAtCloud(ctx context.Context, now time.Time) error {
	if !w.cloudDue(now) {
		return nil
	}
	w.cloudAt = now
	byRegion := map[string][]*slot{}
	for _, s := range w.pending() {
		byRegion[s.instance.Region] = append(byRegion[s.instance.Region], s)
	}
	for region, slots := range byRegion {
		var ids []string
		for _, s := range slots {
			ids = append(ids, s.instance.ID)
		}
		found, err := w.Cloud.Instances(ctx, region, ec2.Selector{IDs: ids})
		switch {
		case err == nil:
		case ec2.ClassOf(err) == ec2.Credentials: // GitHub decides: the runner may be about to come online
			w.blind = true
			w.complain("the AWS credentials are refused while the runner is waited for, so EC2 is not looked at any more and "+
				"GitHub alone says whether it comes", err)
			return nil
		case ec2.ClassOf(err) == ec2.Denied:
			w.blind = true
			w.complain("EC2 may not be looked at while waiting: allow ec2:DescribeInstances to see early that an instance fails",
				err)
			return nil
		default:
			w.complain("EC2 does not answer well; looking again", err)
			return nil
		}
		for _, s := range slots {
			saw := func(s *slot, found []ec2.Instance) error { return w.sawInstance(ctx, s, found) }
			if s.taken != nil {
				saw = func(s *slot, found []ec2.Instance) error { return w.sawTaken(ctx, s, found) }
			}
			if err := saw(s, found); err != nil {
				w.fails(err, s)
			}
		}
	}
	return nil
}

func (w *waiter) sawInstance(ctx context.Context, s *slot, found []ec2.Instance) error {
	for _, instance := range found {
		if instance.ID != s.instance.ID {
			continue
		}
		market := s.instance.Market
		s.instance = instance
		s.instance.Market = market
		if w.hasHadItsJob(ctx, s) {
			w.wasOnline(s)
			return nil
		}
		return w.judge(s)
	}
	if w.since()-s.timeline.Launched < unseenGrace && s.timeline.Running == 0 {
		return nil
	}
	return &diagnosis.FailedError{
		Message: fmt.Sprintf("AWS EC2 instance %s is not listed by EC2 any more", s.instance.ID),
		Hint:    "something else terminated it: look for clean-up jobs and lifecycle rules in the account",
	}
}

func (w *waiter) judge(s *slot) error {
	switch s.instance.State {
	case ec2.Running:
		if s.timeline.Running == 0 {
			s.timeline.Running = w.since()
			w.log.Info(fmt.Sprintf("AWS EC2 instance %s is up and running", s.instance.ID))
		}
	case ec2.ShuttingDown, ec2.Terminated, ec2.Stopping, ec2.Stopped:
		if s.warm && s.instance.State == ec2.Stopped && w.since()-s.timeline.Launched < startShows {
			return nil // EC2 shows the start late
		}
		return &diagnosis.FailedError{
			Message: fmt.Sprintf("AWS EC2 instance %s is %s before its runner came online: %s", s.instance.ID, s.instance.State,
				orNoReason(s.instance.StateReason)),
			Hint: diagnosis.StateHint(s.instance.StateReason),
		}
	}
	return nil
}

func orNoReason(reason string) string {
	if reason == "" {
		return "EC2 gives no reason"
	}
	return reason
}
