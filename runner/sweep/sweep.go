// Package sweep ends what nobody will use any more. It lists the cloud first and the registry second, decides without a
// call (orphans.go, volumes.go), and looks once more before it changes anything.
package sweep

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/marqo-ai/ec2-github-runner/ec2"
	"github.com/marqo-ai/ec2-github-runner/github"
	"github.com/marqo-ai/ec2-github-runner/runner/outcome"
)

// Request states where to look for what nobody uses any more.
type Request struct {
	Repository string // owner/repo
	Scope      string // of GitHub
	Regions    []string
	Grace      time.Duration // younger instances are spared
	DryRun     bool          // look and tell, change nothing
}

// Swept is one thing that a sweep saw and what it did about it.
type Swept struct {
	Act        Act
	Why        string
	InstanceID string // empty for a registration alone, and for a volume
	VolumeID   string
	Region     string
	RunnerName string
	RunnerID   int64 // 0 where no registration is known
	Age        time.Duration
	Pool       string    // of an unclaimed entry
	Until      time.Time // when it expires
	outcome.Outcome
}

// Result is everything of ours that a sweep saw.
type Result struct {
	Swept    []Swept
	Warnings []string
}

// Sweeper removes what starts left behind, of one scope and repository. It needs nothing but the cloud and the
// registry.
type Sweeper struct {
	Cloud    *ec2.Client
	Registry *github.Client
	Log      *slog.Logger
}

// Sweep looks at the cloud, then at the registry, and removes what orphans.go says. What cannot be seen or removed is
// an error beside the result, and stops nothing else. It is safe beside starts, stops and other sweeps.
func (s *Sweeper) Sweep(ctx context.Context, request Request) (Result, error) {
	l := &looking{cloud: s.Cloud, registry: s.Registry, request: request, log: s.Log.With("phase", "Look")}
	look, err := l.read(ctx)
	sw := &sweep{cloud: s.Cloud, registry: s.Registry, request: request, log: s.Log.With("phase", "Sweep")}
	sw.result.Warnings = l.warnings
	sw.failed(err)
	verdicts := look.verdicts()
	seen, ended := sw.readOutcomes(ctx, verdicts)
	for _, v := range verdicts {
		if ctx.Err() != nil {
			return sw.result, errors.Join(append(sw.errs, context.Cause(ctx))...)
		}
		sw.carryOut(ctx, look, v)
	}
	sw.deregisterEnded(ctx, look)
	for n, s := range sw.result.Swept {
		if i, ok := ended[s.InstanceID]; ok && (s.Act == Terminated || s.Act == Deregistered) {
			sw.result.Swept[n].Outcome = seen.Of(i, look.now)
		}
	}
	return sw.result, errors.Join(sw.errs...)
}

// readOutcomes begins to read what became of the machines that this sweep ends, or that have ended, by their ids.
func (sw *sweep) readOutcomes(ctx context.Context, verdicts []verdict) (*outcome.Reader, map[string]ec2.Instance) {
	var list []ec2.Instance
	byID := map[string]ec2.Instance{}
	for _, v := range verdicts {
		if id := v.instance.ID; id != "" && (v.act == Terminated || v.act == Deregistered) && !sw.request.DryRun {
			list, byID[id] = append(list, v.instance), v.instance
		}
	}
	return outcome.Read(ctx, sw.cloud, sw.log, list), byID
}

// sweep is one sweep under way.
type sweep struct {
	cloud    *ec2.Client
	registry *github.Client
	log      *slog.Logger
	request  Request
	result   Result
	errs     []error
	noTags   bool      // it was said that instances cannot be marked
	ended    []verdict // whose registrations go when GitHub misses the machines
	refused  []string  // rights on volumes of which it was said that they lack
}

func (sw *sweep) failed(err error) {
	if err != nil {
		sw.errs = append(sw.errs, err)
	}
}

func (sw *sweep) warn(message string) {
	sw.result.Warnings = append(sw.result.Warnings, message)
	sw.log.Warn(message)
}
