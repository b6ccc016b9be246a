package runner

import (
	"context"
	"slices"
	"time"

	"github.com/marqo-ai/ec2-github-runner/ec2"
	"github.com/marqo-ai/ec2-github-runner/ec2/refusal"
)

// cloudDue reports whether EC2 should be asked: more often until all instances are running.
func (w *waiter) cloudDue(now time.Time) bool {
	every := cloudInterval
	for _, s := range w.pending() {
		if s.timeline.Running == 0 {
			every = pendingInterval
		}
	}
	return !w.st.CloudDenied && now.Sub(w.cloudAt) >= every
}

// pollCloud finds out which instances are running, and which are ending.
func (w *waiter) pollCloud(ctx context.Context, now time.Time) {
	if !w.cloudDue(now) {
		return
	}
	w.cloudAt = now
	byRegion := map[string][]*Slot{}
	for _, s := range w.pending() {
		byRegion[s.instance.Region] = append(byRegion[s.instance.Region], s)
	}
	for region, slots := range byRegion {
		var ids []string
		for _, s := range slots {
			ids = append(ids, s.instance.ID)
		}
		found, err := w.st.Cloud.Instances(ctx, region, ec2.Selector{IDs: ids})
		switch {
		case err == nil:
		case refusal.ClassOf(err) == refusal.Credentials: // GitHub decides: the runner may still come online
			w.st.CloudDenied = true
			w.st.WarnOnce(w.log, "the AWS credentials are refused while waiting for the runner, so EC2 is not asked "+
				"any more and only GitHub shows whether it comes online", err)
			return
		case refusal.ClassOf(err) == refusal.Denied:
			w.st.CloudDenied = true
			w.st.WarnOnce(w.log, "EC2 denies describing the instance while waiting: allow ec2:DescribeInstances to "+
				"see early that an instance fails", err)
			return
		default:
			w.st.WarnOnce(w.log, "EC2 does not answer reliably; trying again", err)
			return
		}
		for _, s := range slots {
			if err := s.machine.Judge(ctx, w.log, instanceIn(found, s.instance.ID)); err != nil {
				w.noteFailure(err, s)
			}
		}
	}
}

// instanceIn finds an instance by id; it returns nil if it is not listed.
func instanceIn(list []ec2.Instance, id string) *ec2.Instance {
	if n := slices.IndexFunc(list, func(i ec2.Instance) bool { return i.ID == id }); n >= 0 {
		return &list[n]
	}
	return nil
}
