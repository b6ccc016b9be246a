// Package outcome is what became of machines and their jobs: what EC2 says of a machine's end, and what the machine has
// written to its console. Nothing of it decides what is ended: anybody who runs jobs on a machine can write there.
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
	// readTimeout bounds how long consoles are read, all of them together.
	readTimeout = 2 * time.Second
	// maxConsoles is how many consoles are read: each is a call of its own.
	maxConsoles = 20
)

// JobReport is what a machine had and used while it ran a job.
type JobReport = bootstrap.JobReport

// Outcome is what became of one machine.
type Outcome struct {
	Type        string // its instance type
	Minutes     int    // how long it ran, begun ones too; 0 if EC2 does not say
	EndedBy     string // who or what ended it before it was stopped: a key of endings; empty if it ran
	Ended       string // the same in words
	Interrupted bool   // EC2 took it with its job
	Reports     []JobReport
}

// Reader reads the outcomes of machines in the background.
type Reader struct {
	consoles sync.Map // texts by instance id
	done     <-chan struct{}
}

// Read begins to read the consoles of machines that may have something to say: those that report on jobs, and those
// that EC2 took or that ended themselves. Where a console may not be read, or not in time, the outcome goes without.
func Read(ctx context.Context, cloud *ec2.Client, log *slog.Logger, instances []ec2.Instance) *Reader {
	bounded, cancel := context.WithTimeout(ctx, readTimeout)
	r := &Reader{done: bounded.Done()}
	var group sync.WaitGroup
	left := maxConsoles
	for _, i := range instances {
		if !speaks(i) || left == 0 {
			continue
		}
		left--
		group.Go(func() {
			text, err := cloud.Console(bounded, i.Region, i.ID)
			if err != nil {
				log.Debug("the console of "+i.ID+" cannot be read", "error", err)
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

// speaks reports whether a machine's console may have something to say. One of the user's own has not.
func speaks(i ec2.Instance) bool {
	if i.ID == "" || i.State == "" || tags.Of(i).Mode == tags.ModeExisting {
		return false
	}
	switch i.Ending() {
	case ec2.EndingSpot, ec2.EndingHost, ec2.EndingItself:
		return true
	}
	return i.Tags[key.JobReport] != ""
}

// Of returns the outcome of a machine as it was seen before it was stopped. It waits for the consoles.
func (r *Reader) Of(i ec2.Instance, now time.Time) Outcome {
	<-r.done
	text := ""
	if value, ok := r.consoles.Load(i.ID); ok {
		text, _ = value.(string)
	}
	return of(i, text, now)
}

// of makes an outcome of what EC2 and the console say.
func of(i ec2.Instance, console string, now time.Time) Outcome {
	o := Outcome{Type: i.Type, Reports: bootstrap.ReadJobReports(console)}
	ending := i.Ending()
	if until := lastMoment(i, now); !i.LaunchTime.IsZero() && until.After(i.LaunchTime) {
		o.Minutes = int((until.Sub(i.LaunchTime) + time.Minute - 1) / time.Minute)
	}
	taken := ending == ec2.EndingSpot || ending == ec2.EndingHost
	// A machine whose last job had ended was taken without a job. Where nothing says so, there may have been one.
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

// lastMoment is when a machine ended, now where it has not, and zero where EC2 does not say.
func lastMoment(i ec2.Instance, now time.Time) time.Time {
	if i.State == ec2.Running || i.State == ec2.Pending {
		return now
	}
	return i.ChangedAt
}

// endings are who or what ends a machine, in words.
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
