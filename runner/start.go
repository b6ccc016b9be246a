package runner

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"github.com/marqo-ai/ec2-github-runner/ec2"
)

// Starter starts runners.
type Starter struct {
	Cloud    Cloud
	Registry Registry
	// Fresh returns clients of their own for the roll-back: the first ones' connections may hang.
	Fresh   func() (Cloud, Registry)
	Journal Journal
	Log     *slog.Logger
}

// Start registers, launches and waits for all runners of the request. On failure or cancel everything that was made is
// removed again. The result is as complete as the start came, beside the error.
func (s *Starter) Start(ctx context.Context, request StartRequest) (StartResult, error) {
	st := s.begin(request)
	cancelled := whenCancelled(ctx)
	steps := []struct {
		phase string
		title string
		run   func(context.Context) error
	}{
		{"register", "Register at GitHub", st.register}, // names are claimed, tokens made, images read
		{"launch", "Launch on EC2", st.launch},          // each instance is handed over the moment it exists
		{"wait", "Wait for the runner", st.wait},        // until GitHub says online, or EC2 says gone
		{"settle", "Settle", st.settle},                 // launches whose answer was lost, tags known only now
	}
	if err := s.Journal.Begun(st.identity); err != nil {
		return st.result(), err
	}
	for _, step := range steps {
		st.log = s.Log.With("phase", step.title)
		err := step.run(ctx)
		if err == nil && ctx.Err() == nil {
			continue
		}
		if ctx.Err() != nil {
			err = context.Cause(ctx)
		}
		failure := st.fail(step.phase, err)
		st.rollBack(ctx, cancelled(), failure)
		result := st.result()
		result.Failure = failure
		return result, err
	}
	return st.result(), nil
}

// start is one start under way.
type start struct {
	*Starter
	request  StartRequest
	identity Identity
	begun    time.Time
	log      *slog.Logger
	slots    []*slot

	mu       sync.Mutex
	warnings []string
}

// slot is the n-th runner of a start, and what is known of it.
type slot struct {
	Slot
	index        int
	label        string
	name         string
	runnerID     int64
	jit          string
	userData     []byte
	placements   []ec2.Placement // as in Slot, with what the images say
	imageNames   map[string]string
	architecture string // of the image, where it could be read
	// registering tells that a registration of the name may exist from now on and is ours.
	registering bool
	trail       []ec2.Attempt
	instance    ec2.Instance
	timeline    Timeline
	removed     bool
}

func (s *Starter) begin(request StartRequest) *start {
	st := &start{
		Starter: s, request: request, begun: time.Now(), log: s.Log,
		identity: NewIdentity(request.Run, request.Scope, request.Slots[0].Label),
	}
	for i, wanted := range request.Slots {
		label := wanted.Label
		switch {
		case i == 0:
			label = st.identity.Label
		case label == "":
			label = randomText(5)
		}
		st.slots = append(st.slots, &slot{
			Slot: wanted, index: i, label: label, name: RunnerName(label),
			placements: append([]ec2.Placement(nil), wanted.Placements...), imageNames: map[string]string{},
		})
	}
	return st
}

func (st *start) since() time.Duration { return time.Since(st.begun) }

// regions lists the regions of all placements.
func (st *start) regions() []string {
	var list []string
	seen := map[string]bool{}
	for _, slot := range st.slots {
		for _, placement := range slot.placements {
			region := placement.Region
			if region == "" {
				region = st.Cloud.Region()
			}
			if !seen[region] {
				seen[region] = true
				list = append(list, region)
			}
		}
	}
	return list
}

// warn says something that the user should know and that does not stop the start.
func (st *start) warn(message string) {
	st.mu.Lock()
	st.warnings = append(st.warnings, message)
	st.mu.Unlock()
	st.log.Warn(message)
}

// each runs f for all slots side by side and joins what went wrong.
func (st *start) each(f func(*slot) error) error {
	errs := make([]error, len(st.slots))
	var group sync.WaitGroup
	for i, slot := range st.slots {
		group.Go(func() { errs[i] = f(slot) })
	}
	group.Wait()
	return errors.Join(errs...)
}

func (s *slot) handoff() Handoff {
	return Handoff{
		Slot: s.Name, Label: s.label, InstanceID: s.instance.ID, Region: s.instance.Region, RunnerName: s.name, RunnerID: s.runnerID,
		InstanceType: s.instance.Type, Market: s.instance.Market, AvailabilityZone: s.instance.Zone,
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
		result.Runners = append(result.Runners, Started{
			Handoff: slot.handoff(), Image: slot.instance.ImageID, ImageName: slot.imageNames[slot.instance.ImageID],
			Subnet: slot.instance.SubnetID, Timeline: slot.timeline, Removed: slot.removed,
		})
	}
	return result
}

func (st *start) attempt(a ec2.Attempt) Attempt {
	p := a.Offering.Placement
	out := Attempt{
		InstanceType: a.Offering.InstanceType, Market: a.Offering.Market, Region: st.regionOf(p), SubnetID: p.SubnetID, ImageID: p.ImageID,
		InstanceID: a.InstanceID, Took: a.Took,
	}
	if a.Err != nil {
		out.Answer = ec2.Reason(a.Err)
	}
	return out
}

// whenCancelled returns a function that tells when the context was cancelled: a roll-back's time runs from then.
func whenCancelled(ctx context.Context) func() time.Time {
	var mu sync.Mutex
	var at time.Time
	context.AfterFunc(ctx, func() {
		mu.Lock()
		defer mu.Unlock()
		at = time.Now()
	})
	return func() time.Time {
		mu.Lock()
		defer mu.Unlock()
		if at.IsZero() {
			return time.Now()
		}
		return at
	}
}
