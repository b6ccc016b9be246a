package runner

import (
	"cmp"
	"context"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/marqo-ai/ec2-github-runner/ec2"
	"github.com/marqo-ai/ec2-github-runner/ec2/refusal"
	"github.com/marqo-ai/ec2-github-runner/github"
	"github.com/marqo-ai/ec2-github-runner/machine"
	"github.com/marqo-ai/ec2-github-runner/runner/diagnosis"
	"github.com/marqo-ai/ec2-github-runner/runner/remove"
	"github.com/marqo-ai/ec2-github-runner/runner/survey"
	"github.com/marqo-ai/ec2-github-runner/runner/tags"
)

// Starter starts runners.
type Starter struct {
	Cloud    *ec2.Client
	Registry *github.Client
	// Fresh returns separate clients for the roll-back: the connections of the first ones may hang.
	Fresh   func() (*ec2.Client, *github.Client)
	Journal Journal
	Log     *slog.Logger
}

// Start registers, launches and waits for all runners of the request. After a failure or cancel it removes everything
// that it made. Beside an error, the result is as complete as the start got.
func (s *Starter) Start(ctx context.Context, request StartRequest) (StartResult, error) {
	st := s.Begin(request)
	cancelled := ec2.CancelledAt(ctx)
	// First machines that exist already; the slots without one are launched.
	steps := append(slices.Clone(st.source.Steps),
		Step{"register", "Register at GitHub", st.register}, // names are reserved, tokens made, images read
		Step{"launch", "Launch on EC2", st.launch},          // each hand-off is written as soon as its instance exists
		Step{"wait", "Wait for the runner", st.wait},        // until GitHub says online, or EC2 says gone
		Step{"settle", "Settle", st.settle},                 // unanswered launches, and tags known only now
	)
	if err := s.Journal.Begun(st.Identity); err != nil {
		return st.result(), err
	}
	for _, step := range steps {
		err := step.Run(ctx, s.Log.With("phase", step.Title))
		if err == nil && ctx.Err() == nil {
			continue
		}
		if ctx.Err() != nil {
			err = context.Cause(ctx)
		}
		failure := newFailure(step.Phase, err)
		s.rollBack(ctx, st, orNow(cancelled()), failure)
		result := st.result()
		result.Failure = failure
		return result, failure.withHint(err)
	}
	return st.result(), nil
}

// Step is one step of a start, with its log. If it fails, everything that the steps before it have made is removed.
type Step struct {
	Phase string
	Title string
	Run   func(context.Context, *slog.Logger) error
}

// Start is the state of one start. Its exported fields are for its source to read.
type Start struct {
	Cloud       *ec2.Client
	Registry    *github.Client
	Journal     Journal
	Request     StartRequest
	Identity    tags.Identity // identifies the start's machines
	Begun       time.Time
	GroupKey    string // the runner group, as in the inputs
	CloudDenied bool   // EC2 denies describing instances

	groups []*group
	slots  []*Slot // of all groups
	source Supply  // of machines that are not launched

	grouped   bool            // whether the runner group's id and name are known
	looked    bool            // whether images and types are being read
	surveyed  chan struct{}   // closed when the images and types have been read
	offered   survey.Software // what the machines may download
	tokenLock sync.Mutex
	token     string // to register with
	tokenAt   time.Time
	rate      github.Rate // after the first call

	complained map[string]bool // by message

	mu       sync.Mutex
	warnings []string
}

// Begin begins a start; the caller runs its steps.
func (s *Starter) Begin(request StartRequest) *Start {
	st := &Start{
		Cloud: s.Cloud, Registry: s.Registry, Journal: s.Journal,
		Request: request, Begun: time.Now(), GroupKey: request.groupKey(),
		Identity: tags.NewIdentity(request.Run, request.Scope, request.Groups[0].Label),
		surveyed: make(chan struct{}),
	}
	if request.Source != nil {
		st.source = request.Source.Begin(st)
	}
	for i, wanted := range request.Groups {
		g := &group{Group: wanted, index: i, label: wanted.Label}
		switch {
		case i == 0:
			g.label = st.Identity.Label
		case g.label == "":
			g.label = tags.RandomLabel()
		}
		g.together = !request.JIT && g.count() > 1
		g.shared = !request.JIT && st.source.Match == nil && wanted.Label != ""
		st.groups = append(st.groups, g)
		st.divide(g)
	}
	return st
}

// Since returns how long ago the start began.
func (st *Start) Since() time.Duration { return time.Since(st.Begun) }

// Regions lists the regions of all placements, as requested.
func (st *Start) Regions() []string {
	var list []string
	for _, g := range st.groups {
		for _, placement := range g.Placements {
			if region := cmp.Or(placement.Region, st.Cloud.Region()); !slices.Contains(list, region) {
				list = append(list, region)
			}
		}
	}
	return list
}

// Warn logs a warning about something that does not stop the start.
func (st *Start) Warn(log *slog.Logger, message string) {
	st.mu.Lock()
	st.warnings = append(st.warnings, message)
	st.mu.Unlock()
	log.Warn(message)
}

// WarnOnce logs a persistent problem as a warning once, and then for debugging.
func (st *Start) WarnOnce(log *slog.Logger, message string, err error) {
	if st.complained[message] {
		log.Debug(message, "error", err)
		return
	}
	if st.complained == nil {
		st.complained = map[string]bool{}
	}
	st.complained[message] = true
	log.Warn(message, "error", err)
}

// Each calls f for all slots that are not given up, concurrently. A slot with an error is given up.
func (st *Start) Each(f func(*Slot) error) error { return st.sideBySide(st.living(), f) }

// sideBySide calls f for slots, as many at a time as remove.Each. A slot with an error is given up; the result is an
// error only if too few are left.
func (st *Start) sideBySide(slots []*Slot, f func(*Slot) error) error {
	remove.Each(slots, func(_ int, slot *Slot) {
		if err := f(slot); err != nil {
			st.giveUp(err, slot)
		}
	})
	return st.enough()
}

// giveUp records why slots are given up.
func (st *Start) giveUp(err error, slots ...*Slot) {
	st.mu.Lock()
	defer st.mu.Unlock()
	for _, s := range slots {
		if s.failed == nil {
			s.failed = err
		}
	}
}

// living returns the slots that are not given up.
func (st *Start) living() []*Slot {
	st.mu.Lock()
	defer st.mu.Unlock()
	return slices.DeleteFunc(slices.Clone(st.slots), func(s *Slot) bool { return s.failed != nil })
}

// enough returns an error if too few slots are left to go on.
func (st *Start) enough() error {
	st.mu.Lock()
	defer st.mu.Unlock()
	living, errs := len(st.slots), []error(nil)
	for _, s := range st.slots {
		if s.failed == nil {
			continue
		}
		living--
		if !slices.ContainsFunc(errs, func(e error) bool { return e.Error() == s.failed.Error() }) {
			errs = append(errs, s.failed)
		}
	}
	switch {
	case living >= cmp.Or(st.Request.MinCount, len(st.slots)):
		return nil
	case len(errs) == 1:
		return errs[0]
	default:
		return diagnosis.Join(errs)
	}
}

func (st *Start) result() StartResult {
	st.mu.Lock()
	defer st.mu.Unlock()
	result := StartResult{Label: st.Identity.Label, Took: st.Since(), Warnings: st.warnings}
	for _, slot := range st.slots {
		for _, attempt := range slot.trail {
			result.Trail = append(result.Trail, NewAttempt(attempt))
		}
		image := machine.Placement{Region: slot.instance.Region, ImageID: slot.instance.ImageID}
		result.Runners = append(result.Runners, Started{
			Handoff: slot.Handoff(), Image: image.ImageID, ImageName: slot.group.found.Image(image).Name,
			Subnet: slot.instance.SubnetID, Timeline: slot.timeline, Boot: slot.boot, Removed: slot.removed,
			Failed: slot.failed != nil, Warm: slot.machine.Kind() == Warm,
		})
	}
	return result
}

// NewAttempt describes an attempt of a launch.
func NewAttempt(a ec2.Attempt) Attempt {
	p := a.Offering.Placement
	out := Attempt{
		InstanceType: a.Offering.InstanceType, Market: a.Offering.Market, Region: p.Region, SubnetID: p.SubnetID,
		ImageID: p.ImageID,
		Asked:   a.Asked, InstanceIDs: a.InstanceIDs, Took: a.Took, Round: a.Round,
	}
	if a.Err != nil {
		out.Answer = refusal.Reason(a.Err)
	}
	return out
}

// orNow returns at, or now if nothing was cancelled: a roll-back's time counts from then.
func orNow(at time.Time) time.Time {
	if at.IsZero() {
		return time.Now()
	}
	return at
}
