// Package outcome describes what became of machines and their jobs, from EC2's state reason and the machine's console.
// Nothing here decides what is terminated, since any job can write to its machine's console.
package outcome

import (
	"cmp"
	"context"
	"log/slog"
	"sync"
	"time"

	"github.com/marqo-ai/ec2-github-runner/bootstrap"
	"github.com/marqo-ai/ec2-github-runner/ec2"
	"github.com/marqo-ai/ec2-github-runner/runner/diagnosis"
	"github.com/marqo-ai/ec2-github-runner/runner/tags"
	"github.com/marqo-ai/ec2-github-runner/runner/tags/key"
)

const (
	// readTimeout limits the time for reading all consoles together.
	readTimeout = 2 * time.Second
	// maxConsoles limits how many consoles are read: each takes a call.
	maxConsoles = 20
)

// JobReport is what a machine had and used while it ran a job.
type JobReport = bootstrap.JobReport

// Outcome describes what became of one machine.
type Outcome struct {
	Type        string // its instance type
	Minutes     int    // how long it ran, rounded up; 0 if unknown
	EndedBy     string // what ended it before stop did: a key of endings; empty if it was running
	Ended       string // EndedBy in words
	Interrupted bool   // EC2 reclaimed it while it may have been running a job
	Reports     []JobReport
}

// Reader reads the outcomes of machines in the background.
type Reader struct {
	consoles sync.Map // texts by instance id
	done     <-chan struct{}
}

// Read starts to read the consoles that may matter: of machines that report on their jobs, that EC2 reclaimed or that
// terminated themselves. An outcome goes without its console if the console cannot be read in time.
func Read(ctx context.Context, cloud *ec2.Client, log *slog.Logger, instances []ec2.Instance) *Reader {
	bounded, cancel := context.WithTimeout(ctx, readTimeout)
	r := &Reader{done: bounded.Done()}
	var group sync.WaitGroup
	left := maxConsoles
	for _, i := range instances {
		if !mayReport(i) || left == 0 {
			continue
		}
		left--
		group.Go(func() {
			text, _, err := cloud.Console(bounded, i.Region, i.ID)
			if err != nil {
				log.Debug("cannot read the console of "+i.ID, "error", err)
				return
			}
			r.consoles.Store(i.ID, diagnosis.Printable(text))
		})
	}
	go func() {
		group.Wait()
		cancel()
	}()
	return r
}

// mayReport reports whether a machine's console may contain something about its end or its jobs. The consoles of the
// user's own machines are not read.
func mayReport(i ec2.Instance) bool {
	if i.ID == "" || i.State == "" || tags.Of(i).Mode == tags.ModeExisting {
		return false
	}
	switch i.Ending() {
	case ec2.EndingSpot, ec2.EndingHost, ec2.EndingItself:
		return true
	}
	return i.Tags[key.JobReport] != ""
}

// Of returns the outcome of a machine, given its description from before it was stopped. It waits for the consoles.
func (r *Reader) Of(i ec2.Instance, now time.Time) Outcome {
	<-r.done
	text := ""
	if value, ok := r.consoles.Load(i.ID); ok {
		text, _ = value.(string)
	}
	return newOutcome(i, text, now)
}

// newOutcome makes an outcome from EC2's description and the console text.
func newOutcome(i ec2.Instance, console string, now time.Time) Outcome {
	o := Outcome{Type: i.Type, Reports: bootstrap.ReadJobReports(console)}
	ending := i.Ending()
	if until := lastMoment(i, now); !i.LaunchTime.IsZero() && until.After(i.LaunchTime) {
		o.Minutes = int((until.Sub(i.LaunchTime) + time.Minute - 1) / time.Minute)
	}
	taken := ending == ec2.EndingSpot || ending == ec2.EndingHost
	// A machine whose last job had ended was not interrupted. If the console does not say so, a job may have been
	// running.
	last := len(o.Reports) - 1
	o.Interrupted = taken && (last < 0 || o.Reports[last].State != bootstrap.JobEnded)
	o.EndedBy = string(ending)
	if ending == ec2.EndingItself {
		o.EndedBy = cmp.Or(string(bootstrap.ReadEnd(console)), o.EndedBy)
	}
	o.Ended = endings[o.EndedBy]
	if notice := bootstrap.ReadSpotNotice(console); ending == ec2.EndingSpot && notice != "" {
		o.Ended += " (notice: " + notice + ")"
	}
	if ending == ec2.EndingHost {
		o.Ended += " (" + i.StateReason + ")"
	}
	return o
}

// lastMoment returns when a machine ended: now if it has not, zero if EC2 does not say.
func lastMoment(i ec2.Instance, now time.Time) time.Time {
	if i.State == ec2.Running || i.State == ec2.Pending {
		return now
	}
	return i.ChangedAt
}

// endings describes what ended a machine, by Outcome.EndedBy.
var endings = map[string]string{
	string(ec2.EndingSpot):        "EC2 reclaimed the spot instance",
	string(ec2.EndingHost):        "EC2 ended it",
	string(ec2.EndingUser):        "somebody ended it",
	string(ec2.EndingItself):      "it was shut down from inside",
	string(bootstrap.EndJob):      "it terminated itself after its job",
	string(bootstrap.EndIdle):     "it terminated itself because no job came",
	string(bootstrap.EndLifetime): "it terminated itself at the end of its lifetime",
	string(bootstrap.EndFailed):   "it terminated itself because its setup failed",
}
