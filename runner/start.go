package runner

import (
	"cmp"
	"context"
	"log/slog"
	"slices"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/marqo-ai/ec2-github-runner/ec2"
	"github.com/marqo-ai/ec2-github-runner/ec2/refusal"
	"github.com/marqo-ai/ec2-github-runner/github"
	"github.com/marqo-ai/ec2-github-runner/machine"
	"github.com/marqo-ai/ec2-github-runner/runner/diagnosis"
	"github.com/marqo-ai/ec2-github-runner/runner/survey"
	"github.com/marqo-ai/ec2-github-runner/runner/tags"
)

// Starter starts runners.
type Starter struct {
	Cloud    *ec2.Client
	Registry *github.Client
	// Fresh returns clients of their own for the roll-back: the first ones' connections may hang.
	Fresh   func() (*ec2.Client, *github.Client)
	Journal Journal
	Log     *slog.Logger
}

// Start registers, launches and waits for all runners of the request. On failure or cancel everything that was made is
// removed again. The result is as complete as the start came, beside the error.
func (s *Starter) Start(ctx context.Context, request StartRequest) (StartResult, error) {
	st := s.begin(request)
	cancelled := ec2.CancelledAt(ctx)
	// machines that are there already; what they do not serve is launched
	steps := append(slices.Clone(st.source.Steps),
		Step{"register", "Register at GitHub", st.register}, // names are claimed, tokens made, images read
		Step{"launch", "Launch on EC2", st.launch},          // each instance is handed over the moment it exists
		Step{"wait", "Wait for the runner", st.wait},        // until GitHub says online, or EC2 says gone
		Step{"settle", "Settle", st.settle},                 // launches whose answer was lost, tags known only now
	)
	if err := s.Journal.Begun(st.identity); err != nil {
		return st.result(), err
	}
	for _, step := range steps {
		st.log = s.Log.With("phase", step.Title)
		err := step.Run(ctx)
		if err == nil && ctx.Err() == nil {
			continue
		}
		if ctx.Err() != nil {
			err = context.Cause(ctx)
		}
		failure := st.fail(step.Phase, err)
		st.rollBack(ctx, orNow(cancelled()), failure)
		result := st.result()
		result.Failure = failure
		return result, failure.better(err)
	}
	return st.result(), nil
}

// Step is one step of a start. On failure everything that the steps before it have made is removed.
type Step struct {
	Phase string
	Title string
	Run   func(context.Context) error
}

// start is one start under way.
type start struct {
	*Starter
	request  StartRequest
	identity tags.Identity
	begun    time.Time
	log      *slog.Logger
	groups   []*group
	slots    []*slot // of all groups
	source   Supply  // of machines that are not launched
	// everyRegion refuses to go on where a region's images cannot be read; otherwise it is left out if others are left.
	everyRegion bool

	groupKey string // the runner group as the inputs name it
	grouped  bool   // its id and name are known

	looked    bool            // images and types are being read
	surveyed  chan struct{}   // closed when the images and types are read, as far as they may be
	offered   survey.Software // what the machines may download
	tokenLock sync.Mutex
	token     string // to register with
	tokenAt   time.Time
	rate      github.Rate // after the first call

	blind      bool            // EC2 may not be looked at
	complained map[string]bool // by message

	mu       sync.Mutex
	warnings []string
}

func (s *Starter) begin(request StartRequest) *start {
	st := &start{
		Starter: s, request: request, begun: time.Now(), log: s.Log, surveyed: make(chan struct{}),
		identity: tags.NewIdentity(request.Run, request.Scope, request.Groups[0].Label), groupKey: request.groupKey(),
	}
	if request.Source != nil {
		st.source = request.Source.Begin(&Start{st})
	}
	for i, wanted := range request.Groups {
		g := &group{Group: wanted, index: i, label: wanted.Label}
		switch {
		case i == 0:
			g.label = st.identity.Label
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

func (st *start) since() time.Duration { return time.Since(st.begun) }

// regions lists the regions of all placements, as the request has them: what the survey adds to them meanwhile is none
// of its business.
func (st *start) regions() []string {
	var list []string
	seen := map[string]bool{}
	for _, g := range st.groups {
		for _, placement := range g.Placements {
			region := cmp.Or(placement.Region, st.Cloud.Region())
			if !seen[region] {
				seen[region] = true
				list = append(list, region)
			}
		}
	}
	return list
}

// warn says something that the user should know and that does not stop the start.
func (st *start) warn(message string) { st.warnIn(st.log, message) }

// warnIn is warn for what may go on in later phases than the log's.
func (st *start) warnIn(log *slog.Logger, message string) {
	st.mu.Lock()
	st.warnings = append(st.warnings, message)
	st.mu.Unlock()
	log.Warn(message)
}

// each runs f for all slots that are not given up, side by side.
func (st *start) each(f func(*slot) error) error { return st.sideBySide(st.living(), f) }

// sideBySide runs f for slots, at most mostAtOnce at a time. A slot that fails is given up; it is an error only when
// too few are left.
func (st *start) sideBySide(slots []*slot, f func(*slot) error) error {
	forEach(slots, func(_ int, slot *slot) {
		if err := f(slot); err != nil {
			st.giveUp(err, slot)
		}
	})
	return st.enough()
}

// forEach runs f for all items, at most mostAtOnce at the same time, and waits for them.
func forEach[T any](items []T, f func(i int, item T)) {
	var group errgroup.Group
	group.SetLimit(mostAtOnce)
	for i, item := range items {
		group.Go(func() error {
			f(i, item)
			return nil
		})
	}
	_ = group.Wait()
}

// mostAtOnce bounds what one start asks at the same time: GitHub allows a hundred calls at once.
// https://docs.github.com/en/rest/using-the-rest-api/rate-limits-for-the-rest-api#about-secondary-rate-limits
const mostAtOnce = 30

// giveUp notes why slots are given up.
func (st *start) giveUp(err error, slots ...*slot) {
	st.mu.Lock()
	defer st.mu.Unlock()
	for _, s := range slots {
		if s.failed == nil {
			s.failed = err
		}
	}
}

// living are the slots that are not given up.
func (st *start) living() []*slot {
	st.mu.Lock()
	defer st.mu.Unlock()
	return slices.DeleteFunc(slices.Clone(st.slots), func(s *slot) bool { return s.failed != nil })
}

// enough tells, as an error, that too few slots are left to go on.
func (st *start) enough() error {
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
	case living >= cmp.Or(st.request.MinCount, len(st.slots)):
		return nil
	case len(errs) == 1:
		return errs[0]
	default:
		return diagnosis.Join(errs)
	}
}

func (st *start) result() StartResult {
	st.mu.Lock()
	defer st.mu.Unlock()
	result := StartResult{Label: st.identity.Label, Took: st.since(), Warnings: st.warnings}
	for _, slot := range st.slots {
		for _, attempt := range slot.trail {
			result.Trail = append(result.Trail, st.attempt(attempt))
		}
		image := machine.Placement{Region: slot.instance.Region, ImageID: slot.instance.ImageID}
		result.Runners = append(result.Runners, Started{
			Handoff: slot.handoff(), Image: image.ImageID, ImageName: slot.found.Image(image).Name,
			Subnet: slot.instance.SubnetID, Timeline: slot.timeline, Boot: slot.boot, Removed: slot.removed,
			Failed: slot.failed != nil, Warm: slot.machine.Kind() == Warm,
		})
	}
	return result
}

func (st *start) attempt(a ec2.Attempt) Attempt {
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

// orNow is now where nothing was cancelled: a roll-back's time runs from then.
func orNow(at time.Time) time.Time {
	if at.IsZero() {
		return time.Now()
	}
	return at
}
