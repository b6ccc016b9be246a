package serve

import (
	"errors"
	"slices"
	"sync"
	"time"

	"github.com/marqo-ai/ec2-github-runner/ec2/refusal"
	"github.com/marqo-ai/ec2-github-runner/serve/queue"
	"github.com/marqo-ai/ec2-github-runner/serve/status"
)

// record keeps what was refused to a set for the status page, and counts for the metrics.
type record struct {
	set     string
	metrics *status.Metrics

	mu   sync.Mutex
	list []status.Refusal // newest first
}

// maxRefusals is how many refusals of a set are kept for the page.
const maxRefusals = 10

// refused keeps a refusal.
func (r *record) refused(now time.Time, message, hint string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	kept := status.Refusal{At: now, Times: 1, Message: message, Hint: hint}
	same := slices.IndexFunc(r.list, func(old status.Refusal) bool { return old.Message == message })
	if same >= 0 {
		kept.Times += r.list[same].Times
		r.list = slices.Delete(r.list, same, same+1)
	}
	r.list = slices.Insert(r.list, 0, kept)
	r.list = r.list[:min(len(r.list), maxRefusals)]
}

// refusals returns what was refused, newest first.
func (r *record) refusals() []status.Refusal {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.list)
}

// refusedByGitHub counts what GitHub has refused or not answered. Other errors do not count.
func (r *record) refusedByGitHub(err error) {
	if call, ok := errors.AsType[*queue.CallError](err); ok {
		r.metrics.RefusedByGitHub(r.set, call.Status)
	}
}

// refusedByEC2 counts a refused offering by EC2's code.
func (r *record) refusedByEC2(err error) {
	code := "no answer"
	if call, ok := errors.AsType[*refusal.CallError](err); ok && call.Code != "" {
		code = call.Code
	}
	r.metrics.RefusedByEC2(r.set, code)
}

// online counts how long a machine took from its launch, when its runner is seen online for the first time.
func (r *record) online(machine *runner, before time.Time) {
	if before.IsZero() && !machine.online.IsZero() && !machine.launched.IsZero() {
		r.metrics.Online(r.set, machine.online.Sub(machine.launched))
	}
}

// started counts how long a job has waited for a runner, by GitHub's own clock.
func (r *record) started(job queue.Job) {
	if !job.Queued.IsZero() && !job.RunnerAssigned.IsZero() {
		r.metrics.Started(r.set, job.RunnerAssigned.Sub(job.Queued))
	}
}

func (r *record) completed(job queue.Job) { r.metrics.Completed(r.set, job.Result) }

func (r *record) spotTaken() { r.metrics.SpotTaken(r.set) }
