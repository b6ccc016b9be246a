// Package sweep ends what nobody will use any more. It lists EC2 first and GitHub second, decides without API calls
// (orphans.go, volumes.go), and reads everything again before it changes anything.
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

// Request says where to look.
type Request struct {
	Repository string // owner/repo
	Scope      string // GitHub scope
	Regions    []string
	Grace      time.Duration // the grace period: younger instances are spared
	DryRun     bool          // report, but change nothing
}

// Swept is one thing that a sweep found and what it did about it.
type Swept struct {
	Act        Act
	Why        string
	InstanceID string // empty for a registration without instance and for a volume
	VolumeID   string
	Region     string
	RunnerName string
	RunnerID   int64 // 0 if unknown
	Age        time.Duration
	Pool       string    // of an unclaimed entry
	Until      time.Time // when it expires
	outcome.Outcome
}

// Result is everything of ours that a sweep found.
type Result struct {
	Swept    []Swept
	Warnings []string
}

// Sweeper removes what starts of one scope and repository have left behind. It needs nothing but the clients of EC2 and
// GitHub.
type Sweeper struct {
	Cloud    *ec2.Client
	Registry *github.Client
	Log      *slog.Logger
}

// Sweep lists EC2, then GitHub, and removes what the rules in orphans.go select. What cannot be read or removed is an
// error beside the result, and stops nothing else. It may run concurrently with starts, stops and other sweeps.
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

// readOutcomes starts to read what became of the machines that this sweep terminates or that have ended; the map has
// them by id.
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

// sweep is the state of one sweep.
type sweep struct {
	cloud    *ec2.Client
	registry *github.Client
	log      *slog.Logger
	request  Request
	result   Result
	errs     []error
	noTags   bool      // whether the warning that instances cannot be marked was given
	ended    []verdict // whose registrations are removed once GitHub reports them offline
	refused  []string  // missing permissions on volumes that were reported
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
