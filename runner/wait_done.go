package runner

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"github.com/marqo-ai/ec2-github-runner/ec2"
	"github.com/marqo-ai/ec2-github-runner/github"
)

// A job may be queued for a label before its start is over. It can then begin and end between two looks: GitHub removes
// the registration of a single-use runner when its job is done, and the machine powers itself off.
// https://docs.github.com/en/actions/reference/runners/self-hosted-runners#ephemeral-runners-for-autoscaling

// endDelay is how long EC2 may take to show that a machine has powered itself off after its runner was removed.
const endDelay = 30 * time.Second

// ownEnd begins the state reason of a machine that has powered itself off.
// https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/terminated-instance-reasons.html
const ownEnd = "Client.InstanceInitiatedShutdown"

// hasDoneItsJob reports whether a runner that was never seen online has done its one job: its machine, which ends with
// that job, has powered itself off, and its registration is gone. A machine that could not become a runner powers
// itself off too, but its registration stays.
func (st *Start) hasDoneItsJob(ctx context.Context, s *Slot) bool {
	if !st.Request.Ephemeral || s.runnerID == 0 || !strings.HasPrefix(s.instance.StateReason, ownEnd) {
		return false
	}
	if s.instance.State != ec2.ShuttingDown && s.instance.State != ec2.Terminated {
		return false
	}
	_, err := st.Registry.Runner(ctx, s.runnerID)
	return github.ClassOf(err) == github.NotFound
}

// wasOnline treats a runner that has had its job like one that came online.
func (st *Start) wasOnline(log *slog.Logger, s *Slot) {
	st.mu.Lock()
	s.timeline.Online = st.Since()
	if s.timeline.Running == 0 {
		s.timeline.Running = s.timeline.Online
	}
	st.mu.Unlock()
	st.Warn(log, fmt.Sprintf("runner %s has already done its one job, which was queued for the label %s before this "+
		"start was over; its machine has ended", s.name, s.group.label))
}

// mayHaveDoneItsJob reports whether a registration that is gone is not a failure yet: its machine may be about to end
// with its job.
func (w *waiter) mayHaveDoneItsJob(s *Slot) bool {
	if !w.st.Request.Ephemeral || w.st.CloudDenied {
		return false
	}
	if s.goneAt.IsZero() {
		s.goneAt = time.Now()
	}
	return time.Since(s.goneAt) < endDelay
}
