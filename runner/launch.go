package runner

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/marqo-ai/ec2-github-runner/ec2"
)

// launch asks EC2 for all slots side by side. Each instance is handed over the moment it exists.
func (st *start) launch(ctx context.Context) error {
	return st.each(func(s *slot) error { return st.launchSlot(ctx, s) })
}

func (st *start) launchSlot(ctx context.Context, s *slot) error {
	offerings := s.offerings(s.placements)
	st.log.Debug("launching", "runner", s.name, "offerings", len(offerings))
	var unsaved error
	instance, trail, err := st.Cloud.Launch(ctx, st.launchSpec(s), offerings, ec2.Observer{
		Trying: func(a ec2.Attempt) {
			unsaved = errors.Join(unsaved, st.Journal.Asking(a.Token, st.regionOf(a.Offering.Placement)))
			st.tellTrying(a, len(offerings))
		},
		Tried: func(a ec2.Attempt) { st.tellTried(a) },
	})
	s.trail = trail
	if err != nil {
		return st.launchFailed(ctx, trail, err)
	}
	st.take(s, instance, trail[len(trail)-1])
	return errors.Join(unsaved, st.Journal.Launched(s.handoff()))
}

// take notes the instance of a slot. What the answer left out is filled in from what was asked for.
func (st *start) take(s *slot, instance ec2.Instance, won ec2.Attempt) {
	if instance.Type == "" {
		instance.Type = won.Offering.InstanceType
	}
	if won.Offering.Market == ec2.Spot {
		instance.Market = ec2.Spot // the answer says so only once the request is fulfilled
	}
	s.instance = instance
	s.timeline.Launched = st.since()
	st.log.Info(fmt.Sprintf("Successfully started AWS EC2 instance %s using availability zone configuration %d in region %s",
		instance.ID, won.Index+1, instance.Region))
}

func (st *start) launchSpec(s *slot) ec2.LaunchSpec {
	spec := ec2.LaunchSpec{
		UserData: s.userData, Profile: s.Profile, Tags: s.Tags, Devices: s.Devices, Root: s.Root, Metadata: s.Metadata,
		Token: func(offering, try int) string { return st.identity.clientToken(s.label, s.index, offering, try) },
	}
	if st.request.OwnTags {
		var expires time.Time
		if st.request.MaxLifetime > 0 {
			expires = st.begun.Add(st.request.MaxLifetime)
		}
		spec.OwnTags = st.identity.tags(s.index, s.label, s.name, s.runnerID, expires)
	}
	return spec
}

func (st *start) regionOf(p ec2.Placement) string {
	if p.Region == "" {
		return st.Cloud.Region()
	}
	return p.Region
}

func (st *start) tellTrying(a ec2.Attempt, total int) {
	if a.Try > 0 {
		return
	}
	p := a.Offering.Placement
	st.log.Info(fmt.Sprintf("Trying availability zone configuration %d/%d", a.Index+1, total))
	st.log.Info(fmt.Sprintf("Using imageId: %s, subnetId: %s, securityGroupId: %s, region: %s (%s, %s)", p.ImageID, p.SubnetID,
		strings.Join(p.SecurityGroupIDs, ","), st.regionOf(p), a.Offering.InstanceType, a.Offering.Market))
}

func (st *start) tellTried(a ec2.Attempt) {
	switch {
	case a.Err == nil:
	case a.Untagged:
		st.warn(fmt.Sprintf("EC2 refuses the launch with this action's own tags (%s), so it is asked again without them: "+
			"allow ec2:CreateTags on RunInstances, or set own-tags: false", ec2.Reason(a.Err)))
	default:
		st.warn(st.refusal(a))
	}
}

// refusal is what machulav says of a configuration that did not launch.
func (st *start) refusal(a ec2.Attempt) string {
	return fmt.Sprintf("Failed to start EC2 instance with configuration %d in region %s: %s",
		a.Index+1, st.regionOf(a.Offering.Placement), ec2.Reason(a.Err))
}

func (st *start) launchFailed(ctx context.Context, trail []ec2.Attempt, err error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if !errors.Is(err, ec2.ErrExhausted) {
		return err
	}
	var refusals []string
	var causes []error
	for _, a := range trail {
		if a.Err != nil && !a.Untagged {
			refusals = append(refusals, st.refusal(a))
			causes = append(causes, a.Err)
		}
	}
	return &FailedError{
		Message: "Failed to start EC2 instance in any availability zone. Errors: " + strings.Join(refusals, "; "),
		Hint:    launchHint(causes),
		Err:     errors.Join(causes...),
	}
}
